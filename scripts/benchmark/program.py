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
from fit_image.apps.fit.warm_up import warm_up


def measure_program(comparisons: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Return the figures of the program as a whole, and a frame's share of an epoch."""
    print("the program as a whole", file=sys.stderr)
    times: dict[str, list[float]] = {}
    for each in comparisons:
        if each["layers"] == "4x300":
            times.setdefault(each["job"], []).append(each["ours_us"])
    (frame,), epochs = times["drawing"], times["SGD, batch 1"]
    with tempfile.TemporaryDirectory() as folder:
        tiny = _run_of_noise(folder, 4)
        run(*tiny)  # compiles, if that is still to be done
        return {
            "help_seconds": _wall_seconds("--help"),
            "warm_start_seconds": _wall_seconds(*tiny),
            "compile_seconds": _compile_seconds(folder, *tiny),
            "compile_batches_seconds": _compile_seconds(folder, *tiny, "--optimizer", "adam"),
            "bytes_per_pixel": _bytes_per_pixel(folder, 3000),
            "frame_share_of_epoch": frame / min(epochs),
            "frame_share_of_one_thread_epoch": frame / epochs[0],
            "speed_beside_a_busy_process": _speed_beside_a_busy_process(3),
        }


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    command = [sys.executable, "-m", "fit_image", *args]
    environ = os.environ | environment
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environ)


def _run_of_noise(folder: str, side: int) -> list[str]:
    """Return the arguments of a run of one epoch."""
    picture = Path(folder, f"square-{side}.png")
    Image.effect_noise((side, side), 60).convert("RGB").save(picture)
    options = ["--epochs", "1", "--overwrite", "--animation", "none"]
    return [str(picture), *options, "-o", str(Path(folder, "noise-fit"))]


def _wall_seconds(*args: str) -> float:
    """Return the median time of a whole command."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        run(*args)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _compile_seconds(folder: str, *args: str) -> float:
    """Return how long a run compiles that finds no compiled kernels."""
    done = run(*args, XDG_CACHE_HOME=tempfile.mkdtemp(dir=folder))
    (seconds,) = re.findall(r"compiled in ([0-9.]+) s", done.stderr)
    return float(seconds)


def _bytes_per_pixel(folder: str, side: int) -> float:
    """Return the peak memory of training a large picture, over that of a tiny one, a pixel."""
    options = ("--layers", "1x4", "--max-pixels", "none", "-q")
    base, large = (
        run_for_peak("fit_image", *_run_of_noise(folder, size), *options)[1] for size in (4, side)
    )
    return (large - base) / side**2


def run_for_peak(module: str, *args: str) -> tuple[str, int]:
    """Return the output of a module, and its peak memory in bytes."""
    # Not getrusage, whose peak a process inherits from the one that started it.
    folders = [str(Path(__file__).parents[1]), str(Path(fit_image.__file__).parents[1])]
    code = (
        f"import runpy, sys; sys.argv = sys.argv[1:]; sys.path[:0] = {folders!r}\n"
        f"try: runpy.run_module({module!r}, run_name='__main__', alter_sys=False)\n"
        "finally:\n"
        "    print(*(line.split()[1] for line in open('/proc/self/status')"
        " if line.startswith('VmHWM')))\n"
    )
    command = [sys.executable, "-c", code, "fit-image", *args]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return output, int(output.split()[-1]) * 1024


def measure_large_digit() -> dict[str, float]:
    """Draw a whole digit in a process of its own; ``bytes_per_pixel`` are over a tiny one's."""
    print("digits: a whole picture", file=sys.stderr)
    (_, base), (output, peak) = (
        run_for_peak("benchmark.large_digit", str(size)) for size in (4, SIDE)
    )
    growth = {"peak_bytes": peak, "bytes_per_pixel": (peak - base) / SIDE**2}
    return {"side": SIDE, "seconds": float(output.split()[0])} | growth


def _speed_beside_a_busy_process(turns: int) -> float:
    """Return the speed of a run while another process keeps a core busy, by that without."""
    warm_up(FitConfig())
    shares = []
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
