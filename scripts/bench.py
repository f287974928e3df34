#!/usr/bin/env python3
"""Measure fit-image beside PyTorch on this machine: ratios, a table, one JSON object.

Needs the extra ``fit-image[bench]``. Peer and ours are measured in turns in one process, after
compiling and warming up, so that a noisy moment hits both; the figures are medians over the
turns. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fit_image.apps.trainer import warm_up
from fit_image.config import format_layers, parse_layers
from fit_image.core.network import dense_stack, usable_cores
from fit_image.model import Network
from growth import LAYERS, measure_growth

SLOPE = 0.01
DRAWING = "drawing a frame"
WIDTH, HEIGHT = 300, 429
COMMAND = (sys.executable, "-m", "fit_image")


@dataclass(frozen=True)
class Comparison:
    """Medians of one job, ours and the peer's, in microseconds a pixel."""

    job: str
    layers: str
    ours_us: float
    our_threads: int
    torch_us: float
    torch_threads: int

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.torch_us / self.ours_us


def our_network(layers: str) -> Network:
    """Return an initialised network of ours."""
    network = Network(tuple(dense_stack(2, parse_layers(layers), 3, SLOPE)), (WIDTH, HEIGHT))
    return network.initialise(0.3, np.random.default_rng(0))


def torch_network(network: Network) -> torch.nn.Sequential:
    """Return the same network in PyTorch, weights included."""
    modules: list[torch.nn.Module] = []
    for layer, rows in zip(network.layers, network.rows(), strict=True):
        linear = torch.nn.Linear(layer.fan_in, layer.fan_out)
        with torch.no_grad():
            linear.weight[:] = torch.from_numpy(rows[:, : layer.fan_in].copy())
            linear.bias[:] = torch.from_numpy(rows[:, layer.fan_in].copy())
        modules += [linear, torch.nn.LeakyReLU(SLOPE)]
    return torch.nn.Sequential(*modules[:-1])


def our_sgd(layers: str, places: np.ndarray, colours: np.ndarray) -> Callable[[], int]:
    """Return a job of ours: one step for each sample."""
    network = our_network(layers)
    rates, scratch, loss = network.layer_rates(0.1), network.sgd_scratch(), np.zeros(1)

    def job() -> int:
        network.sgd_steps(rates, places, colours, loss, scratch)
        return len(places)

    return job


def torch_sgd(layers: str, places: np.ndarray, colours: np.ndarray) -> Callable[[], int]:
    """Return the same job in PyTorch."""
    network = our_network(layers)
    peer = torch_network(network)
    linears = [module for module in peer if isinstance(module, torch.nn.Linear)]
    optimizer = torch.optim.SGD(
        [
            {"params": linear.parameters(), "lr": float(rate)}
            for linear, rate in zip(linears, network.layer_rates(0.1), strict=True)
        ]
    )
    # A tenth of the samples is enough for a median, and the peer takes ten times as long.
    x, t = torch.from_numpy(places[::10].copy()), torch.from_numpy(colours[::10].copy())

    def job() -> int:
        for i in range(len(x)):
            optimizer.zero_grad()
            loss = 0.5 * ((peer(x[i : i + 1]) - t[i : i + 1]) ** 2).sum()
            loss.backward()
            optimizer.step()
        return len(x)

    return job


def our_drawing(layers: str) -> Callable[[], int]:
    """Return a job of ours: one frame."""
    network = our_network(layers)

    def job() -> int:
        network.render()
        return WIDTH * HEIGHT

    return job


def torch_drawing(layers: str) -> Callable[[], int]:
    """Return the same job in PyTorch, in batches of the size that serves it well."""
    network = our_network(layers)
    peer = torch_network(network)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    places = np.stack((x / (WIDTH - 1), y / (HEIGHT - 1)), axis=2).reshape(-1, 2)
    batches = torch.from_numpy(places.astype(np.float32)).split(4096)

    def job() -> int:
        with torch.inference_mode():
            for batch in batches:
                peer(batch)
        return WIDTH * HEIGHT

    return job


def microseconds(job: Callable[[], int]) -> float:
    """Return the time of one call, a pixel."""
    began = time.perf_counter()
    pixels = job()
    return (time.perf_counter() - began) / pixels * 1e6


def compare(
    name: str, layers: str, ours: Callable[[], int], peer: Callable[[], int], turns: int
) -> Comparison:
    """Measure both in turns, the peer at each thread count, of which the best one counts."""
    threads = sorted({1, usable_cores()})
    ours()
    peer()
    ours_us: list[float] = []
    peer_us: dict[int, list[float]] = {count: [] for count in threads}
    for _ in range(turns):
        ours_us.append(microseconds(ours))
        for count in threads:
            torch.set_num_threads(count)
            peer_us[count].append(microseconds(peer))
    medians = {count: statistics.median(times) for count, times in peer_us.items()}
    best = min(medians, key=medians.__getitem__)
    our_threads = usable_cores() if name == DRAWING else 1
    ours_median = statistics.median(ours_us)
    return Comparison(name, layers, ours_median, our_threads, medians[best], best)


def wall_seconds(*args: str, turns: int = 5) -> float:
    """Return the median time of a whole command."""
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        subprocess.run([*COMMAND, *args], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def start_seconds(folder: Path) -> float:
    """Return the median time of a whole tiny run, which ends later than its training starts."""
    picture = folder / "tiny.png"
    Image.new("RGB", (4, 4)).save(picture)
    args = (str(picture), "--epochs", "1", "--overwrite", "--animation", "none", "-q", "-o")
    return wall_seconds(*args, str(folder / "tiny-fit"))


def bytes_per_pixel(folder: Path, side: int) -> float:
    """Return the peak memory of training a large picture, over that of a tiny one, a pixel."""
    peaks = []
    for size in (4, side):
        picture = folder / f"square-{size}.png"
        Image.effect_noise((size, size), 60).convert("RGB").save(picture)
        # Not getrusage, whose peak a process inherits from the one that started it.
        code = (
            "import runpy, sys; sys.argv = sys.argv[1:]\n"
            "try: runpy.run_module('fit_image', run_name='__main__', alter_sys=False)\n"
            "except SystemExit: print(*(line.split()[1] for line in open('/proc/self/status')"
            " if line.startswith('VmHWM')))"
        )
        args = [str(picture), "--layers", "1x4", "--epochs", "1", "--max-pixels", "none"]
        args += ["--animation", "none", "-q", "--overwrite", "-o", str(folder / "memory-fit")]
        command = [sys.executable, "-c", code, "fit-image", *args]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        peaks.append(int(output.split()[-1]) * 1024)
    return (peaks[1] - peaks[0]) / side**2


def main() -> None:
    """Measure, and print the table or the JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--turns", type=int, default=7, help="turns of each job (default 7)")
    arguments = parser.parse_args()

    warm_up()
    rng = np.random.default_rng(0)
    places = rng.random((5000, 2), dtype=np.float32)
    colours = rng.random((5000, 3), dtype=np.float32)
    comparisons = []
    for layers in ("4x300", "3x32", "2x1000"):
        ours, peer = our_sgd(layers, places, colours), torch_sgd(layers, places, colours)
        comparisons.append(compare("SGD, batch 1", layers, ours, peer, arguments.turns))
    for layers in ("4x300", "3x32"):
        ours, peer = our_drawing(layers), torch_drawing(layers)
        comparisons.append(compare(DRAWING, layers, ours, peer, arguments.turns))

    growths = [measure_growth(layers, arguments.turns) for layers in LAYERS]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = {
            "help_seconds": wall_seconds("--help"),
            "warm_start_seconds": start_seconds(folder),
            "bytes_per_pixel": bytes_per_pixel(folder, 3000),
        }
    report = {
        "machine": {
            "processor": processor(),
            "cores": usable_cores(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "comparisons": [asdict(each) | {"ratio": each.ratio} for each in comparisons],
        "growth": [asdict(each) | {"spread": each.spread} for each in growths],
        "program": program,
    }
    if arguments.json:
        print(json.dumps(report))
        return
    print(f"{processor()}, {usable_cores()} cores, PyTorch {torch.__version__}\n")
    print("| job | layers | fit-image | PyTorch | times faster |\n|---|---|---|---|---|")
    for each in comparisons:
        layers = format_layers(parse_layers(each.layers))
        ours, peer = (
            f"{us:.3g} us/px ({count} thread{'s' if count > 1 else ''})"
            for us, count in (
                (each.ours_us, each.our_threads),
                (each.torch_us, each.torch_threads),
            )
        )
        print(f"| {each.job} | {layers} | {ours} | {peer} | {each.ratio:.3g} |")
    print("\n| pixels of a picture |", *(f"{each.layers} |" for each in growths))
    print("|---|" + "---|" * len(growths))
    for index, pixels in enumerate(growths[0].pixels):
        figures = (
            f"{each.us[index]:.3f} us/px ({each.differences[index]:+.1%})" for each in growths
        )
        print(f"| {pixels:,} |", *(f"{figure} |" for figure in figures))
    print(f"\nfit-image --help: {program['help_seconds']:.2f} s")
    print(f"a warm run of one epoch of 16 pixels, whole: {program['warm_start_seconds']:.2f} s")
    print(f"peak memory of training: {program['bytes_per_pixel']:.1f} bytes a pixel over the base")


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), "?")


if __name__ == "__main__":
    main()
