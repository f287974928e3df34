"""What `scripts/bench.py` measures, by group, and the tables of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benchmark import alone, digits, patches, program
from benchmark.ceilings import Ceilings
from benchmark.jobs import DIGITS, PICTURES, PIXELS
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
    comparisons = compare_all(DIGITS, ceilings, turns)
    whole = program.measure_large_digit()
    return {"digits": {"batch": digits.BATCH, "comparisons": comparisons, "whole_picture": whole}}


def measure_pictures(ceilings: Ceilings, turns: int) -> dict[str, Any]:
    """Measure networks on whole pictures and on patches."""
    pictures = {
        "batch": patches.BATCH,
        "comparisons": compare_all(PICTURES, ceilings, turns),
        "epoch_seconds": alone.epoch_of_pictures(),
        "restore_seconds": alone.restore_pictures(),
    }
    return {"pictures": pictures}


def print_report(report: Mapping[str, Any]) -> None:
    """Print what was measured as tables in Markdown; curves are for the JSON alone."""
    for name, part in report.items():
        _print_part(name, part)


def _print_part(name: str, part: Any) -> None:
    nested = [each for each in part if isinstance(part, list) or _is_nested(part[each])]
    if name.endswith("comparisons"):
        _print_comparisons(name, part)
    elif isinstance(part, list):
        _print_rows(name, [_flat(row) for row in part])
    elif all(isinstance(each, dict) for each in part.values()):
        _print_rows(name, [{"name": key} | _flat(row) for key, row in part.items()])
    else:
        facts = {key: each for key, each in part.items() if key not in nested}
        _print_table((name.replace("_", " "), ""), _flat(facts).items())
        for key in nested:
            _print_part(f"{name}, {key}", part[key])


def _is_nested(part: Any) -> bool:
    return isinstance(part, (dict, list))


def _print_comparisons(name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    cells = []
    for each in rows:
        ours, peer = (
            f"{_time(each[us])} ({each[threads]} thread{'s' * (each[threads] > 1)})"
            for us, threads in (("ours_us", "threads"), ("torch_us", "torch_threads"))
        )
        names = (each["job"], each["layers"], each["unit"])
        cells.append([*names, ours, f"{each['share']:.0%}", peer, f"{each['ratio']:.3g}"])
    header = (name, "layers", "unit", "fit-image", "of the possible", "PyTorch", "times faster")
    _print_table(header, cells)


def _time(us: float) -> str:
    return f"{us:.3g} us" if us < 1000 else f"{us / 1000:.3g} ms"


def _print_rows(name: str, rows: list[dict[str, Any]]) -> None:
    """Print a column for every key."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    _print_table((name, *keys), (["", *(row.get(key, "") for key in keys)] for row in rows))


def _print_table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> None:
    names = list(map(str, header))
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


def _flat(part: Any, name: str = "") -> dict[str, Any]:
    """Return numbers and texts by the names of all that they are nested in."""
    if not _is_nested(part):
        return {name.replace("_", " "): f"{part:.4g}" if isinstance(part, float) else part}
    flat: dict[str, Any] = {}
    for key, inner in part.items() if isinstance(part, dict) else enumerate(part, 1):
        if not str(key).startswith("curve"):
            flat |= _flat(inner, f"{name} {key}".strip())
    return flat
