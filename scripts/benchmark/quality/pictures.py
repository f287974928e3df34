"""The pictures that quality is measured on, none of which the repository holds."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmark.program import peak_bytes, peak_command, run_for_peak
from fit_image.apps.fit.directory import FitMetrics
from fit_image.images.io import load_image
from fit_image.runs.metrics import MetricsFile

_DATA = Path(os.environ.get("FIT_IMAGE_DATA", Path(__file__).resolve().parents[4] / "shared/data"))
_NAMES = ("monalisa.jpg", *(f"kodak/kodim{number:02}.png" for number in (3, 5, 15, 19, 20, 23)))
"""The painting of the original experiment, and six of the photographs that Kodak released."""

LARGE_SIZE = (6000, 4000)
LARGE_GOAL_DB = 30.0

# Standard deviations of the texture's grains, by their size in pixels; of 255.
_GRAINS = {1: 2.0, 4: 3.0, 16: 3.0}


@dataclass(frozen=True)
class Picture:
    """A picture, loaded when first asked for."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @cached_property
    def levels(self) -> npt.NDArray[Any]:
        """The whole picture, as `fit_image.Trainer` takes it."""
        return load_image(self.path).levels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.levels.shape[1], self.levels.shape[0]


def pictures(files: Sequence[Path]) -> list[Picture]:
    """Return these pictures; if there are none, those of the data folder."""
    paths = list(files) or [_DATA / name for name in _NAMES]
    for path in paths:
        if not path.is_file():
            raise SystemExit(f"no file {path}: give --pictures, or FIT_IMAGE_DATA, their folder")
    return [Picture(path) for path in paths]


def choose(candidates: Sequence[Picture], name: str) -> Picture:
    """Return the picture of this name, or the first one where it is not among them."""
    return next((picture for picture in candidates if picture.name == name), candidates[0])


def _save_enlarged(source: Path, target: Path) -> None:
    """Enlarge a picture and add grains of noise, for an enlarged one alone has no detail."""
    (width, height), rng = LARGE_SIZE, np.random.default_rng(0)
    texture = np.zeros((height, width), dtype=np.float32)
    for grain, deviation in _GRAINS.items():
        shape = (-(-height // grain), -(-width // grain))
        grains = Image.fromarray(deviation * rng.standard_normal(shape, dtype=np.float32))
        texture += np.asarray(grains.resize(LARGE_SIZE, Image.Resampling.BICUBIC))
    with Image.open(source) as picture:
        enlarged = picture.convert("RGB").resize(LARGE_SIZE, Image.Resampling.BICUBIC)
    textured = np.asarray(enlarged) + texture[..., None]
    levels = np.clip(np.rint(textured), 0, 255).astype(np.uint8)
    Image.fromarray(levels).save(target, compress_level=1)


def learn_large(source: Picture, folder: Path, options: Sequence[str]) -> dict[str, Any]:
    """Enlarge ``source``, learn it through the command line as ``instant``, and draw it.

    ``epochs`` are rows of training seconds and PSNR; ``wall_seconds_to_goal`` go from the start to
    the first epoch of `LARGE_GOAL_DB` in the metrics, None if there is none.
    """
    picture, run = folder / "large.png", folder / "large-fit"
    _save_enlarged(source.path, picture)
    args = [str(picture), "--preset", "instant", "--max-pixels", "none", "--animation", "none"]
    command = peak_command("fit_image", *args, "-q", "-o", str(run), *options)
    metrics = MetricsFile(run / "metrics.csv", FitMetrics)

    reached = None
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            time.sleep(0.1)
            good = any(row.psnr and row.psnr >= LARGE_GOAL_DB for row in metrics.read())
            if reached is None and good:
                reached = time.perf_counter() - began
        wall = time.perf_counter() - began
        output, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)

    began = time.perf_counter()
    target = str(folder / "large-render.png")
    _, drawn_peak = run_for_peak("fit_image", "render", str(run), "-q", "-o", target)
    return {
        "size": LARGE_SIZE,
        "epochs": [[row.seconds, row.psnr] for row in metrics.read()],
        "wall_seconds": wall,
        "wall_seconds_to_goal": reached,
        "peak_bytes": peak_bytes(output),
        "render_seconds": time.perf_counter() - began,
        "render_peak_bytes": drawn_peak,
    }
