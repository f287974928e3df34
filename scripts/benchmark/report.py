"""The table of jobs that are measured beside PyTorch, a row each; all figures, and their report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from benchmark import alone, digits, large_digit, patches, pixels, program
from benchmark.ceilings import Ceilings
from benchmark.timing import Job, compare_all
from fit_image.apps.autoencode.config import AutoencodeConfig

_BATCHES = [*(("4x300", 4**power) for power in (3, 4, 5, 6)), ("8x64", 1024)]
PIXELS = [
    *(Job("SGD, batch 1", layers, "pixel", partial(pixels.descend, layers))
      for layers in ("4x300", "3x32", "2x1000")),
    *(Job(f"{name}, batch {batch}", layers, "pixel",
          partial(pixels.learn_batches, layers, batch, name))
      for layers, batch in _BATCHES for name in pixels.TORCH_OPTIMIZERS),
    *(Job("drawing", each, "pixel", partial(pixels.draw, each)) for each in ("4x300", "3x32")),
]  # fmt: skip

DIGITS = [
    Job("generator, forward", "digits", "batch", partial(digits.generator, backward=False)),
    Job(
        "generator, forward and backward",
        "digits",
        "batch",
        partial(digits.generator, backward=True),
    ),
    *(
        Job(f"convolution {number}: {name}", "digits", "batch", partial(digits.classifier, index))
        for number, (index, name) in enumerate(digits.convolutions(), 1)
    ),
    Job("classifier", "digits", "batch", digits.classifier),
    Job("step of generator and encoder", "digits", "batch", digits.generator_step),
    Job("step of the classifier", "digits", "batch", digits.classifier_step),
    Job(f"drawing {large_digit.SIDE} x {large_digit.SIDE}", "drawing", "pixel", digits.drawing),
]

PICTURES = [
    *(Job(f"4096 to {units} to 4096, Adam", "pictures", "batch",
          partial(patches.autoencoder, (64, 64, 1), AutoencodeConfig(bottleneck=units)))
      for units in (1024, 128)),
    *(Job(f"convolutional, {side} x {side} x {channels}, Adam", "pictures", "batch",
          partial(patches.autoencoder, (side, side, channels), AutoencodeConfig(conv=True)))
      for side, channels in ((64, 1), (32, 3))),
    *(Job(f"unjpeg, {layers} on {block} x {block}, descent", "pictures", "batch",
          partial(patches.unjpeg, layers, block))
      for layers, block in (("4x2047", 24), ("2x480", 16))),
]  # fmt: skip


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
    measured = {"comparisons": compare_all(DIGITS, ceilings, turns), "batch": digits.BATCH}
    return {"digits": measured | {"whole_picture": program.measure_large_digit()}}


def measure_pictures(ceilings: Ceilings, turns: int) -> dict[str, Any]:
    """Measure networks on whole pictures and on patches."""
    pictures = {"batch": patches.BATCH, "comparisons": compare_all(PICTURES, ceilings, turns)}
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
