"""Networks on whole pictures and on patches, beside PyTorch; and what users wait for."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmark import picture_jobs
from benchmark.ceilings import MatrixProduct
from benchmark.compare import Comparison, compare
from fit_image.apps.autoencode.recipe import Recipe
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.network import init_weights, make_network
from fit_image.apps.unjpeg.patches import Cutter
from fit_image.nn.runtime.machine import usable_cores


def measure_pictures(product: MatrixProduct, turns: int) -> dict[str, Any]:
    """Compare all; return rows of figures, microseconds a batch."""
    comparisons = list(_compare_all(product, turns))
    print("pictures: an epoch, and pictures restored", file=sys.stderr)
    return {
        "batch": picture_jobs.BATCH,
        "comparisons": [
            asdict(each) | {"ratio": each.ratio, "share": each.share} for each in comparisons
        ],
        "epoch_seconds": _epoch(),
        "restore_seconds": {
            "weak": _restore(Restorer.shipped(85)),
            "4x2047": _restore(_untrained(24, (2047,) * 4)),
        },
    }


def print_pictures(report: dict[str, Any]) -> None:
    """Print the tables."""
    print(f"| step, {report['batch']} pictures or patches | fit-image |", end="")
    print(" of the possible | PyTorch | times faster |")
    print("|---|---|---|---|---|")
    for each in report["comparisons"]:
        cells = (
            each["job"],
            f"{each['ours_us'] / 1e3:.3g} ms ({each['threads']})",
            f"{each['share']:.0%}",
            f"{each['torch_us'] / 1e3:.3g} ms ({each['torch_threads']})",
            f"{each['ratio']:.3g}",
        )
        print(f"| {' | '.join(cells)} |")
    print("(in parentheses: threads)")
    print(f"\nan epoch of 10,000 pictures of 32 x 32 x 3: {report['epoch_seconds']:.1f} s")
    for name, seconds in report["restore_seconds"].items():
        print(f"a picture of 1,024,000 pixels restored, network {name}: {seconds:.1f} s")


def _compare_all(product: MatrixProduct, turns: int) -> Iterator[Comparison]:
    threads = usable_cores()
    for name, ours, peer, work in picture_jobs.steps():
        print(f"pictures: {name}", file=sys.stderr)

        def ceiling(_: int, work: float = work) -> float:
            return work / product.rate() * 1e6

        yield from compare(name, "pictures", {threads: ours}, peer, ceiling, turns)


def _epoch() -> float:
    """Return the seconds of an epoch of the convolutional network, validation included."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (11_000, 32, 32, 3), dtype=np.uint8)
    trainer = AutoencoderTrainer(pictures[:10_000], pictures[10_000:], Recipe(conv=True))
    trainer.warm_up()
    began = time.perf_counter()
    while not trainer.epoch_is_over:
        trainer.train_step()
    trainer.end_epoch()
    return time.perf_counter() - began


def _untrained(block: int, widths: tuple[int, ...]) -> Restorer:
    chain = make_network(block, widths)
    init_weights(chain, np.random.default_rng(0), difference=False)
    return Restorer(Cutter(block, 0.5, 0.3), widths, True, chain.parameters, "85")


def _restore(restorer: Restorer) -> float:
    """Return the seconds for a picture without a single flat patch."""
    picture = np.random.default_rng(0).integers(0, 256, (800, 1280, 3), dtype=np.uint8)
    restorer.restore(picture[:64, :64])
    began = time.perf_counter()
    restorer.restore(picture)
    return time.perf_counter() - began
