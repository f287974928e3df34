"""A digit drawn large by fit-image alone; as a program, it prints its time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import fit_image
from benchmark.program import peak_bytes
from fit_image.apps.digits.networks import generator_layers, make_generator
from fit_image.apps.digits.recipe import Recipe
from fit_image.apps.places import INPUTS, places
from fit_image.core.network import Network

SIDE = 3240
_ROWS = 64  # of a band


def folded(layers: list, network: Network, latents: np.ndarray) -> Network:
    """Return a generator's network without latent numbers: they have become part of the biases."""
    smaller = Network(layers)
    pairs = zip(network.layers, network.rows(), smaller.rows(), strict=True)
    for index, (layer, rows, own) in enumerate(pairs):
        if index == 0:
            own[:, :INPUTS] = rows[:, latents.size : layer.fan_in]
            own[:, INPUTS] = rows[:, layer.fan_in] + rows[:, : latents.size] @ latents
        else:
            own[:] = rows
    return smaller


def digit() -> Network:
    """Return the network of one digit, as it is before training: x, y and radius in."""
    recipe, rng = Recipe(), np.random.default_rng(0)
    chain = make_generator(recipe, 2, 2, 1).initialise(rng)
    network = Network(generator_layers(recipe, 1))
    network.parameters[:] = chain.parameters
    latents = recipe.scale * rng.standard_normal(recipe.latent)
    return folded(generator_layers(recipe, 1, latent=False), network, latents)


def bands(network: Network, side: int, threads: int | None = None) -> Iterator[np.ndarray]:
    """Yield a picture's bands of some rows, float32 (pixels, 1)."""
    for top in range(0, side, _ROWS):
        rows = range(top, min(top + _ROWS, side))
        seen = places(side, side, Recipe().scale, rows)
        yield network.predict(seen.reshape(-1, INPUTS), threads=threads)


def draw(side: int) -> np.ndarray:
    """Return a picture as bytes."""
    return np.concatenate([(255 * band + 0.5).astype(np.uint8) for band in bands(digit(), side)])


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
