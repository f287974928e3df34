"""What `scripts/bench.py` measures, by group, and the tables of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmark import alone, program
from benchmark.ceilings import Ceilings
from benchmark.jobs import DIGITS, PICTURES, PIXELS
from benchmark.patches import BATCH
from benchmark.timing import compare_all


def measure_all(ceilings: Ceilings, turns: int) -> dict[str, Any]:
    """Measure everything but quality."""
    comparisons = compare_all(PIXELS, ceilings, turns)
    report = {
        "ceilings": ceilings.medians(turns),
        "comparisons": comparisons,
        "large_picture": alone.draw_large(ceilings),
        "growth": [alone.measure_growth(layers, turns) for layers in ("3x32", "2x64")],
        "program": program.measure_program(comparisons),
        "sweep": alone.measure_sweep("4x300", turns),
    }
    return report | measure_digits(ceilings, turns) | measure_pictures(ceilings, turns)


def measure_digits(ceilings: Ceilings, turns: int) -> dict[str, Any]:
    """Measure the game of digits."""
    digits = {"comparisons": compare_all(DIGITS, ceilings, turns)}
    return {"digits": digits | {"batch": BATCH, "whole_picture": program.measure_large_digit()}}


def measure_pictures(ceilings: Ceilings, turns: int) -> dict[str, Any]:
    """Measure networks on whole pictures and on patches."""
    pictures = {"batch": BATCH, "comparisons": compare_all(PICTURES, ceilings, turns)}
    restored = {"restore_seconds": alone.restore_pictures()}
    return {"pictures": pictures | {"epoch_seconds": alone.epoch_of_pictures()} | restored}


def print_report(report: Mapping[str, Any]) -> None:
    """Print comparisons as a table in Markdown, other figures by their names; no curves."""
    comparisons, rest = [], {}
    for name, part in report.items():
        if isinstance(part, dict) and "comparisons" in part:
            comparisons += part["comparisons"]
            part = {key: each for key, each in part.items() if key != "comparisons"}
        if name == "comparisons":
            comparisons += part
        else:
            rest[name] = part
    if comparisons:
        print("| job | group | unit | fit-image | of the possible | PyTorch | times faster |")
        print(f"|{'---|' * 7}")
    for each in comparisons:
        ours, peer = (
            f"{_time(each[us])} ({each[threads]} thread{'s' * (each[threads] > 1)})"
            for us, threads in (("ours_us", "threads"), ("torch_us", "torch_threads"))
        )
        names = (each["job"], each["layers"], each["unit"])
        cells = (*names, ours, f"{each['share']:.0%}", peer, f"{each['ratio']:.3g}")
        print(f"| {' | '.join(cells)} |")
    for name, figure in _figures(rest):
        print(f"{name}: {figure:.4g}" if isinstance(figure, float) else f"{name}: {figure}")


def _time(us: float) -> str:
    return f"{us:.3g} us" if us < 1000 else f"{us / 1000:.3g} ms"


def _figures(part: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield numbers and texts by the names of all that they are nested in."""
    if not isinstance(part, (dict, list)):
        yield name.replace("_", " "), part
        return
    for key, inner in part.items() if isinstance(part, dict) else enumerate(part, 1):
        if not str(key).startswith("curve"):
            yield from _figures(inner, f"{name} {key}".strip())
