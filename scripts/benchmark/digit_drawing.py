"""A digit drawn large by fit-image alone; as a program, it prints its time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import fit_image
from benchmark.program import peak_bytes
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.networks import generator_numbers, make_generator
from fit_image.apps.digits.recipe import Recipe
from fit_image.image import to_uint8

SIDE = 3240


def digit() -> tuple[DigitModel, np.ndarray]:
    """Return a generator as it is before training, and latent numbers."""
    recipe, rng = Recipe(), np.random.default_rng(0)
    chain = make_generator(recipe, 2, 2, 1).init_params(rng)
    statistics = np.zeros((1, recipe.latent), np.float32)
    numbers = generator_numbers(chain)
    model = DigitModel(recipe, 1, 2, 2, ("0",), numbers, statistics, statistics, 0.0)
    return model, rng.standard_normal(recipe.latent, dtype=np.float32)


def draw(side: int) -> np.ndarray:
    """Return a picture as bytes."""
    model, latents = digit()
    return np.concatenate([to_uint8(band) for _, band in model.bands(latents, side, side)])


def measure_whole(side: int = SIDE) -> dict[str, float]:
    """Draw a whole picture in a process of its own; return seconds and peak memory.

    ``bytes_per_pixel`` is that over the peak of a tiny picture.
    """
    small, large = (_run(size) for size in (4, side))
    return {
        "side": side,
        "seconds": large[0],
        "peak_bytes": large[1],
        "bytes_per_pixel": (large[1] - small[1]) / side**2,
    }


def _run(side: int) -> tuple[float, int]:
    folders = [str(Path(__file__).parents[1]), str(Path(fit_image.__file__).parents[1])]
    output = subprocess.run(
        [sys.executable, "-m", "benchmark.digit_drawing", str(side)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
    ).stdout
    return float(output.split()[0]), peak_bytes(output)


def main() -> None:
    """Print seconds and peak memory of drawing a picture, compiled kernels loaded before."""
    draw(4)
    began = time.perf_counter()
    draw(int(sys.argv[1]))
    seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print(seconds, peak)


if __name__ == "__main__":
    main()
