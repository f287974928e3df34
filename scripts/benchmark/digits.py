"""The game of digits, part by part and a whole step, beside the same in PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from benchmark import digit_drawing, digit_jobs
from benchmark.ceilings import MatrixProduct
from benchmark.compare import Comparison, compare
from benchmark.digit_jobs import BATCH, SIDE
from benchmark.jobs import Job
from fit_image.nn.runtime.machine import usable_cores


def measure_digits(product: MatrixProduct, turns: int) -> dict[str, Any]:
    """Compare all; return rows of figures, microseconds a batch but for the drawing's a pixel."""
    comparisons = list(_compare_all(product, turns))
    print("digits: a whole picture", file=sys.stderr)
    return {
        "batch": BATCH,
        "comparisons": [
            asdict(each) | {"ratio": each.ratio, "share": each.share} for each in comparisons
        ],
        "whole_picture": digit_drawing.measure_whole(),
    }


def print_digits(report: dict[str, Any]) -> None:
    """Print the tables."""
    print(f"| digits, {report['batch']} pictures of {SIDE} x {SIDE} | fit-image |", end="")
    print(" of the possible | PyTorch | times faster |")
    print("|---|---|---|---|---|")
    side = digit_drawing.SIDE
    for each in report["comparisons"]:
        # Drawing is measured by the pixel.
        scale = side**2 if each["layers"] == "drawing" else 1
        ours, peer = (scale * each[key] / 1e3 for key in ("ours_us", "torch_us"))
        cells = (
            each["job"],
            f"{ours:.3g} ms ({each['threads']})",
            f"{each['share']:.0%}",
            f"{peer:.3g} ms ({each['torch_threads']})",
            f"{each['ratio']:.3g}",
        )
        print(f"| {' | '.join(cells)} |")
    print("(in parentheses: threads)")
    whole = report["whole_picture"]
    print(f"\na digit of {whole['side']} x {whole['side']}, whole: {whole['seconds']:.2f} s,")
    print(f"  peak memory {whole['peak_bytes'] / 1e6:.0f} MB,")
    print(f"  {whole['bytes_per_pixel']:.1f} bytes a pixel over the base")


def _compare_all(product: MatrixProduct, turns: int) -> Iterator[Comparison]:
    threads = usable_cores()

    def compared(
        name: str, ours: Job, peer: Job, work: float, kind: str = "digits"
    ) -> list[Comparison]:
        print(f"digits: {name}", file=sys.stderr)
        return compare(
            name, kind, {threads: ours}, peer, lambda _: work / product.rate() * 1e6, turns
        )

    for name, ours, peer, work in [*digit_jobs.generators(), *digit_jobs.classifiers()]:
        yield from compared(name, ours, peer, work)
    for name, ours, peer, work in (digit_jobs.step(), digit_jobs.classifier_step()):
        yield from compared(name, ours, peer, work)
    name, ours, peer, work = digit_jobs.drawing()
    yield from compared(name, ours, peer, work, "drawing")
