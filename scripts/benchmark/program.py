"""The program as a whole: start, compiling, memory, and company on the machine."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.jobs import HEIGHT, WIDTH
from fit_image.apps.trainer import FitTrainer
from fit_image.config import FitConfig

COMMAND = (sys.executable, "-m", "fit_image")


def wall_seconds(*args: str, turns: int = 5) -> float:
    """Return the median time of a whole command."""
    times = []
    for _ in range(turns):
        began = time.perf_counter()
        subprocess.run([*COMMAND, *args], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def tiny_run(folder: Path, *options: str) -> tuple[str, ...]:
    """Return the arguments of a run of one epoch of 16 pixels."""
    picture = folder / "tiny.png"
    Image.new("RGB", (4, 4)).save(picture)
    output = str(folder / "tiny-fit")
    args = ("--epochs", "1", "--overwrite", "--animation", "none", "-o", output)
    return (str(picture), *args, *options)


def start_seconds(folder: Path) -> float:
    """Return the median time of a whole tiny run, which ends later than its training starts."""
    args = tiny_run(folder)
    wall_seconds(*args, turns=1)  # compiles, if that is still to be done
    return wall_seconds(*args)


def compile_seconds(folder: Path, *options: str) -> float:
    """Return how long a tiny run with these options compiles that finds no compiled kernels."""
    cache = folder / "-".join(["cache", *options])
    done = subprocess.run(
        [*COMMAND, *tiny_run(folder, *options)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
    )
    return float(re.search(r"compiled in ([0-9.]+) s", done.stderr)[1])


def bytes_per_pixel(folder: Path, side: int) -> float:
    """Return the peak memory of training a large picture, over that of a tiny one, a pixel."""
    peaks = []
    for size in (4, side):
        picture = folder / f"square-{size}.png"
        Image.effect_noise((size, size), 60).convert("RGB").save(picture)
        args = [str(picture), "--layers", "1x4", "--epochs", "1", "--max-pixels", "none"]
        args += ["--animation", "none", "-q", "--overwrite", "-o", str(folder / "memory-fit")]
        command = peak_command(*args)
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        peaks.append(peak_bytes(output))
    return (peaks[1] - peaks[0]) / side**2


def peak_command(*args: str) -> list[str]:
    """Return a command that runs the program and adds to its output what `peak_bytes` reads."""
    # Not getrusage, whose peak a process inherits from the one that started it.
    code = (
        "import runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_module('fit_image', run_name='__main__', alter_sys=False)\n"
        "except SystemExit:\n"
        "    print(*(line.split()[1] for line in open('/proc/self/status')"
        " if line.startswith('VmHWM')))\n"
        "    raise"
    )
    return [sys.executable, "-c", code, "fit-image", *args]


def peak_bytes(output: str) -> int:
    """Return the peak memory from the output of a `peak_command`."""
    return int(output.split()[-1]) * 1024


def speed_beside_a_busy_process(turns: int) -> float:
    """Return the speed of a 4x300 run while another process keeps a core busy, by that without.

    The number of threads is chosen by the run itself.
    """
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    shares = []
    for _ in range(turns):
        quiet = _run_us(noise)
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            shares.append(quiet / _run_us(noise))
        finally:
            busy.kill()
            busy.wait()
    return statistics.median(shares)


def _run_us(image: np.ndarray, seconds: float = 3.0) -> float:
    trainer = FitTrainer(image, FitConfig())
    began, learned = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        position = trainer.progress.position
        done = trainer.train()
        learned += trainer.progress.position - position
        if done:
            trainer.finish_epoch()
    return (time.perf_counter() - began) / learned * 1e6
