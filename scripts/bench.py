#!/usr/bin/env python3
"""Measure fit-image beside PyTorch on this machine: ratios, shares of the possible, one JSON.

Needs the extra ``fit-image[bench]``. Peer and ours are measured in turns in one process, after
compiling and warming up, so that a noisy moment hits both; the figures are medians over the
turns. Nothing else should run on the machine. It takes about ten minutes.

With ``--digits``, the game of digits alone is measured, in about two minutes, and with
``--patches``, auto-encoders and networks that remove JPEG's traces. With ``--quality``, the
quality of pictures after so many seconds is measured instead; it takes more than an hour.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmark import digits, jobs, picture_networks, program, quality
from benchmark.ceilings import MatrixProduct, Megabyte, processor
from benchmark.compare import Comparison, compare
from benchmark.growth import LAYERS, Growth, measure_growth
from benchmark.quality_tables import print_quality
from benchmark.throughput import sweep_throughput
from fit_image.apps.compiling import warm_up
from fit_image.config import FitConfig
from fit_image.nn.runtime.machine import usable_cores

SGD, DRAWING = "SGD, batch 1", "drawing"


def main() -> None:
    """Measure, and print the tables or the JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--turns", type=int, default=5, help="turns of each job (default 5)")
    parser.add_argument("--digits", action="store_true", help="measure the game of digits alone")
    parser.add_argument(
        "--patches", action="store_true", help="measure networks on whole pictures and patches"
    )
    parser.add_argument("--quality", action="store_true", help="measure PSNR over seconds instead")
    quality.add_arguments(parser)
    arguments = parser.parse_args()
    machine = {
        "processor": processor(),
        "cores": usable_cores(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if arguments.quality:
        report = {"machine": machine, "quality": quality.measure_quality(arguments, machine)}
        if arguments.json:
            print(json.dumps(report))
        else:
            print_machine(machine)
            print_quality(report["quality"])
        return

    for name, asked, measure, show in (
        ("digits", arguments.digits, digits.measure_digits, digits.print_digits),
        (
            "pictures",
            arguments.patches,
            picture_networks.measure_pictures,
            picture_networks.print_pictures,
        ),
    ):
        if asked:
            report = {"machine": machine, name: measure(MatrixProduct(), arguments.turns)}
            if arguments.json:
                print(json.dumps(report))
            else:
                print_machine(machine)
                show(report[name])
            return

    for optimizer in jobs.TORCH_OPTIMIZERS:
        warm_up(FitConfig(optimizer=optimizer))
        warm_up(FitConfig(optimizer=optimizer, batch_size=2))
    product, megabyte = MatrixProduct(), Megabyte()
    turns = arguments.turns
    report = {"machine": machine, "ceilings": ceilings(product, megabyte, turns)}
    comparisons = list(compare_all(product, megabyte, turns))
    report["comparisons"] = [
        asdict(each) | {"ratio": each.ratio, "share": each.share} for each in comparisons
    ]
    report["large_picture"] = large_picture(product)
    growths = [measure_growth(layers, turns) for layers in LAYERS]
    report["growth"] = [asdict(each) | {"spread": each.spread} for each in growths]
    report["program"] = measure_program(comparisons)
    print("a sweep", file=sys.stderr)
    report["sweep"] = sweep_throughput("4x300", turns)
    report["digits"] = digits.measure_digits(product, turns)
    report["pictures"] = picture_networks.measure_pictures(product, turns)
    if arguments.json:
        print(json.dumps(report))
    else:
        print_report(report, comparisons, growths)


def ceilings(product: MatrixProduct, megabyte: Megabyte, turns: int) -> dict[str, float]:
    """Return the machine's ceilings, for reading; comparisons measure them again."""

    def median(measure: Callable[[], float]) -> float:
        return statistics.median(measure() for _ in range(2 * turns)) / 1e9

    return {
        "matrix_product_gflops": median(product.rate),
        "reading_gbs": median(megabyte.reading),
        "updating_gbs": median(megabyte.updating),
    }


def compare_all(product: MatrixProduct, megabyte: Megabyte, turns: int) -> Any:
    """Yield all comparisons, saying on standard error what is under way."""
    several = sorted({1, usable_cores()})
    for layers in ("4x300", "3x32", "2x1000"):
        size = 4 * jobs.our_network(layers).num_params

        def sweeps_us(threads: int, size: int = size) -> float:
            # All weights are read upwards, and read and written downwards.
            return size * (1 / megabyte.reading() + 1 / megabyte.updating()) / threads * 1e6

        yield from _compare(
            SGD,
            layers,
            {count: jobs.our_sgd(layers, count) for count in several},
            jobs.torch_sgd(layers),
            sweeps_us,
            turns,
        )
    for layers, batch in [*(("4x300", 4**power) for power in (3, 4, 5, 6)), ("8x64", 1024)]:
        weights = jobs.our_network(layers).num_params
        for optimizer in jobs.TORCH_OPTIMIZERS:
            yield from _compare(
                f"{optimizer}, batch {batch}",
                layers,
                {usable_cores(): jobs.our_batches(layers, batch, optimizer, usable_cores())},
                jobs.torch_batches(layers, batch, optimizer),
                lambda _, work=6 * weights: work / product.rate() * 1e6,
                turns,
            )
    for layers in ("4x300", "3x32"):
        weights = jobs.our_network(layers).num_params
        yield from _compare(
            DRAWING,
            layers,
            {usable_cores(): jobs.our_drawing(layers, usable_cores())},
            jobs.torch_drawing(layers),
            lambda _, work=2 * weights: work / product.rate() * 1e6,
            turns,
        )


def _compare(name: str, layers: str, *arguments: Any) -> list[Comparison]:
    print(f"{layers}: {name}", file=sys.stderr)
    return compare(name, layers, *arguments)


def large_picture(product: MatrixProduct, side: int = 4096) -> dict[str, float]:
    """Draw a picture of 4096 x 4096 in pieces; return the time, and the share of the ceiling."""
    print(f"4x300: drawing {side} x {side}", file=sys.stderr)
    network = jobs.our_network("4x300")
    rates, seconds = [product.rate()], 0.0
    began = time.perf_counter()
    for top, _ in network.render_bands(side, side):
        seconds += time.perf_counter() - began
        if top % 256 == 0:
            rates.append(product.rate())
        began = time.perf_counter()
    work = 2 * network.num_params * side**2
    return {
        "side": side,
        "seconds": seconds,
        "us": seconds / side**2 * 1e6,
        "share": work / seconds / statistics.median(rates),
    }


def measure_program(comparisons: list[Comparison]) -> dict[str, float]:
    """Return what concerns the program as a whole."""
    print("the program as a whole", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frame = next(each for each in comparisons if each.job == DRAWING)
        epochs = [each.ours_us for each in comparisons if (each.job, each.layers) == (SGD, "4x300")]
        return {
            "help_seconds": program.wall_seconds("--help"),
            "warm_start_seconds": program.start_seconds(folder),
            "compile_seconds": program.compile_seconds(folder),
            "compile_batches_seconds": program.compile_seconds(folder, "--optimizer", "adam"),
            "bytes_per_pixel": program.bytes_per_pixel(folder, 3000),
            "frame_share_of_epoch": frame.ours_us / min(epochs),
            "frame_share_of_one_thread_epoch": frame.ours_us / epochs[0],
            "speed_beside_a_busy_process": program.speed_beside_a_busy_process(3),
        }


def print_machine(machine: dict[str, Any]) -> None:
    """Print what it was measured on."""
    print(f"{machine['processor']}, {machine['cores']} cores, PyTorch {machine['torch']}\n")


def print_report(
    report: dict[str, Any], comparisons: list[Comparison], growths: list[Growth]
) -> None:
    """Print the tables."""
    limits, whole, sweep = report["ceilings"], report["program"], report["sweep"]
    print_machine(report["machine"])
    print("| the machine | |\n|---|---|")
    print(
        f"| matrix product of 1024 x 1024, numpy | {limits['matrix_product_gflops']:.0f} GFLOP/s |"
    )
    print(f"| reading 1 MB, one core | {limits['reading_gbs']:.0f} GB/s |")
    print(f"| updating 1 MB in place, one core | {limits['updating_gbs']:.0f} GB/s each way |")
    print("\n| job | layers | fit-image | of the possible | PyTorch | times faster |")
    print("|---|---|---|---|---|---|")
    for each in comparisons:
        ours = f"{each.ours_us:.3g} us ({_threads(each.threads)})"
        peer = f"{each.torch_us:.3g} us ({_threads(each.torch_threads)})"
        cells = (each.job, each.layers, ours, f"{each.share:.0%}", peer, f"{each.ratio:.3g}")
        print(f"| {' | '.join(cells)} |")
    print("\n| pixels of a picture |", *(f"{each.layers} |" for each in growths))
    print("|---|" + "---|" * len(growths))
    for index, pixels in enumerate(growths[0].pixels):
        figures = (f"{each.us[index]:.3f} us ({each.differences[index]:+.1%})" for each in growths)
        print(f"| {pixels:,} |", *(f"{figure} |" for figure in figures))
    large = report["large_picture"]
    print(f"\ndrawing 4x300 at {large['side']} x {large['side']}: {large['us']:.2f} us a pixel,")
    print(f"  {large['share']:.0%} of the matrix product's rate")
    print(f"a frame of 4x300, by an epoch of single pixels: {whole['frame_share_of_epoch']:.0%};")
    print(f"  by one on a single thread: {whole['frame_share_of_one_thread_epoch']:.0%}")
    print(f"fit-image --help: {whole['help_seconds']:.2f} s")
    print(f"a warm run of one epoch of 16 pixels, whole: {whole['warm_start_seconds']:.2f} s")
    print(f"compiling, once: {whole['compile_seconds']:.1f} s for single pixels,")
    print(f"  {whole['compile_batches_seconds']:.1f} s for batches")
    print(f"peak memory of training: {whole['bytes_per_pixel']:.1f} bytes a pixel over the base")
    print(
        f"speed with a core kept busy: {whole['speed_beside_a_busy_process']:.0%} of that without"
    )
    print(f"a sweep of 4x300 by {sweep['workers']} workers: {sweep['ratio']:.2f} times one's speed")
    print()
    digits.print_digits(report["digits"])
    print()
    picture_networks.print_pictures(report["pictures"])


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


if __name__ == "__main__":
    main()
