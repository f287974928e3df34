"""Rendering of networks in strips of rows, from top to bottom, which need little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fit_image.images.decoding import row_strips
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.arrays import FloatArray

STRIP_PIXELS = 1 << 17


def render_strips(
    network: MLP,
    coordinates: Callable[[range], FloatArray],
    size: tuple[int, int],
    *,
    pixels: int = STRIP_PIXELS,
    threads: int | None = None,
) -> Iterator[tuple[int, FloatArray]]:
    """Yield strips of a picture: the first row, and float32 (rows, width, outputs).

    Parameters
    ----------
    network : MLP
    coordinates : callable
        Returns the network's inputs (float32, rows x width x inputs) of a range of rows.
    size : tuple of int
        Width and height in pixels.
    pixels : int
        Most pixels of a strip, but at least a row.
    threads : int, optional
        Default: all cores. Does not change the result.
    """
    width, height = size
    for rows in row_strips(height, width, pixels):
        yield rows.start, render_rows(network, coordinates(range(rows.start, rows.stop)), threads)


def render_rows(network: MLP, coordinates: FloatArray, threads: int | None = None) -> FloatArray:
    """Return a network's outputs (float32, rows x width x outputs) for the inputs of some rows."""
    rows, width, inputs = coordinates.shape
    return network.predict(coordinates.reshape(-1, inputs), threads=threads).reshape(
        rows, width, -1
    )
