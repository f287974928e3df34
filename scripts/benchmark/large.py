"""A picture of 24 megapixels through the command line: time, quality and memory."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from benchmark.pictures import LARGE_SIZE, Picture, save_enlarged
from benchmark.program import peak_bytes, peak_command
from fit_image.apps.fit_directory import FitMetrics
from fit_image.runs.metrics import MetricsFile

GOAL_DB = 30.0
_LOOK_EVERY = 0.1  # seconds


def measure_large(
    source: Picture, folder: Path, options: tuple[str, ...], size: tuple[int, int] = LARGE_SIZE
) -> dict[str, Any]:
    """Enlarge ``source``, learn it with the preset ``instant``, and draw what was learned.

    Parameters
    ----------
    source : Picture
    folder : Path
        For the picture and the run.
    options : tuple of str
        Further options of the command.
    size : tuple of int

    Returns
    -------
    dict
        ``epochs``, rows of training seconds and PSNR; ``wall_seconds`` of the whole run, and
        ``wall_seconds_to_goal`` from its start to the first epoch of `GOAL_DB` in its metrics, None
        if there is none; ``peak_bytes``; ``render_seconds`` and ``render_peak_bytes``.

    Raises
    ------
    subprocess.CalledProcessError
        If a command fails, which says why on standard error.
    """
    picture, run = folder / "large.png", folder / "large-fit"
    save_enlarged(source.path, picture, size)
    args = [str(picture), "--preset", "instant", "--max-pixels", "none", "--animation", "none"]
    command = peak_command(*args, "-q", "-o", str(run), *options)
    metrics = MetricsFile(run / "metrics.csv", FitMetrics)

    reached = None
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            time.sleep(_LOOK_EVERY)
            if reached is None and any(row.psnr and row.psnr >= GOAL_DB for row in metrics.read()):
                reached = time.perf_counter() - began
        wall = time.perf_counter() - began
        output = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)

    began = time.perf_counter()
    drawing = peak_command("render", str(run), "-q", "-o", str(folder / "large-render.png"))
    drawn = subprocess.run(drawing, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {
        "size": size,
        "epochs": [[row.seconds, row.psnr] for row in metrics.read()],
        "wall_seconds": wall,
        "wall_seconds_to_goal": reached,
        "peak_bytes": peak_bytes(output),
        "render_seconds": time.perf_counter() - began,
        "render_peak_bytes": peak_bytes(drawn),
    }
