"""The program as a whole: start, compiling, memory, and company on the machine."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import fit_image
from benchmark.large_digit import SIDE
from benchmark.pixels import HEIGHT, WIDTH
from fit_image import FitConfig, Trainer
from fit_image.apps.compiling import warm_up

_COMMAND = (sys.executable, "-m", "fit_image")


def measure_program(comparisons: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Return what concerns the program as a whole, and a frame's share of an epoch."""
    print("the program as a whole", file=sys.stderr)
    times: dict[str, list[float]] = {}
    for each in comparisons:
        if each["layers"] == "4x300":
            times.setdefault(each["job"], []).append(each["ours_us"])
    (frame,), epochs = times["drawing"], times["SGD, batch 1"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny = _tiny_run(folder)
        _wall_seconds(tiny, turns=1)  # compiles, if that is still to be done
        return {
            "help_seconds": _wall_seconds(["--help"]),
            "warm_start_seconds": _wall_seconds(tiny),
            "compile_seconds": _compile_seconds(folder, tiny),
            "compile_batches_seconds": _compile_seconds(folder, [*tiny, "--optimizer", "adam"]),
            "bytes_per_pixel": _bytes_per_pixel(folder, 3000),
            "frame_share_of_epoch": frame / min(epochs),
            "frame_share_of_one_thread_epoch": frame / epochs[0],
            "speed_beside_a_busy_process": _speed_beside_a_busy_process(3),
        }


def _wall_seconds(args: list[str], turns: int = 5) -> float:
    """Return the median time of a whole command."""
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        subprocess.run([*_COMMAND, *args], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _tiny_run(folder: Path) -> list[str]:
    """Return the arguments of a run of one epoch of 16 pixels."""
    picture = folder / "tiny.png"
    Image.new("RGB", (4, 4)).save(picture)
    options = ["--epochs", "1", "--overwrite", "--animation", "none"]
    return [str(picture), *options, "-o", str(folder / "tiny-fit")]


def _compile_seconds(folder: Path, args: list[str]) -> float:
    """Return how long a run compiles that finds no compiled kernels."""
    done = subprocess.run(
        [*_COMMAND, *args],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(folder / f"cache-{args[-1]}".replace("/", "-"))},
    )
    found = re.search(r"compiled in ([0-9.]+) s", done.stderr)
    assert found is not None
    return float(found[1])


def _bytes_per_pixel(folder: Path, side: int) -> float:
    """Return the peak memory of training a large picture, over that of a tiny one, a pixel."""
    peaks = []
    for size in (4, side):
        picture = folder / f"square-{size}.png"
        Image.effect_noise((size, size), 60).convert("RGB").save(picture)
        options = ["--layers", "1x4", "--epochs", "1", "--max-pixels", "none", "--overwrite", "-q"]
        output = str(folder / "memory-fit")
        args = [str(picture), *options, "--animation", "none", "-o", output]
        peaks.append(peak_bytes(output_of(peak_command("fit_image", *args))))
    return (peaks[1] - peaks[0]) / side**2


def peak_command(module: str, *args: str) -> list[str]:
    """Return a command that runs a module and adds to its output what `peak_bytes` reads."""
    # Not getrusage, whose peak a process inherits from the one that started it.
    code = (
        "import runpy, sys; sys.argv = sys.argv[1:]\n"
        f"try: runpy.run_module({module!r}, run_name='__main__', alter_sys=False)\n"
        "finally:\n"
        "    print(*(line.split()[1] for line in open('/proc/self/status')"
        " if line.startswith('VmHWM')))\n"
    )
    return [sys.executable, "-c", code, "fit-image", *args]


def peak_bytes(output: str) -> int:
    """Return the peak memory from the output of a `peak_command`."""
    return int(output.split()[-1]) * 1024


def output_of(command: list[str]) -> str:
    """Run a command that may import the benchmark; return what it prints."""
    folders = [str(Path(__file__).parents[1]), str(Path(fit_image.__file__).parents[1])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return done.stdout


def measure_large_digit(side: int = SIDE) -> dict[str, float]:
    """Draw a whole digit in a process of its own; return seconds and peak memory.

    ``bytes_per_pixel`` is that over the peak of a tiny picture.
    """
    print("digits: a whole picture", file=sys.stderr)
    small, large = (
        output_of(peak_command("benchmark.large_digit", str(size))) for size in (4, side)
    )
    peak = peak_bytes(large)
    return {
        "side": side,
        "seconds": float(large.split()[0]),
        "peak_bytes": peak,
        "bytes_per_pixel": (peak - peak_bytes(small)) / side**2,
    }


def _speed_beside_a_busy_process(turns: int) -> float:
    """Return the speed of a 4x300 run while another process keeps a core busy, by that without.

    The number of threads is chosen by the run itself.
    """
    shares = []
    warm_up(FitConfig())
    for _ in range(turns):
        quiet = _run_us()
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            shares.append(quiet / _run_us())
        finally:
            busy.kill()
            busy.wait()
    return statistics.median(shares)


def _run_us(seconds: float = 3.0) -> float:
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    trainer = Trainer(noise, FitConfig())
    began, learned = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        position = trainer.progress.position
        done = trainer.train()
        learned += trainer.progress.position - position
        if done:
            trainer.finish_epoch()
    return (time.perf_counter() - began) / learned * 1e6
