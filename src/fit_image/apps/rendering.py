"""Rendering of networks in strips of rows, from top to bottom, which need little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.arrays import FloatArray

_STRIP_PIXELS = 1 << 17


def row_strips(width: int, height: int, pixels: int = _STRIP_PIXELS) -> Iterator[range]:
    """Yield the rows of strips of at most about so many pixels."""
    rows = max(1, pixels // width)
    for top in range(0, height, rows):
        yield range(top, min(top + rows, height))


def render_strips(
    network: MLP,
    coordinates: Callable[[range], FloatArray],
    size: tuple[int, int],
    *,
    pixels: int = _STRIP_PIXELS,
    threads: int | None = None,
) -> Iterator[tuple[int, FloatArray]]:
    """Render a picture in strips.

    Parameters
    ----------
    network : MLP
    coordinates : callable
        Returns the network's inputs (float32, rows x width x inputs) of a range of rows.
    size : tuple of int
        Width and height in pixels.
    pixels : int
        Pixels of a strip, but at least a row.
    threads : int, optional
        Default: all cores. Does not change the result.

    Yields
    ------
    top : int
        First row of the strip.
    strip : float32 (rows, width, outputs)
    """
    for rows in row_strips(*size, pixels):
        yield rows.start, render_rows(network, coordinates(rows), threads)


def render_rows(network: MLP, coordinates: FloatArray, threads: int | None = None) -> FloatArray:
    """Return a network's outputs (float32, rows x width x outputs) for the inputs of some rows."""
    rows, width, inputs = coordinates.shape
    return network.predict(coordinates.reshape(-1, inputs), threads=threads).reshape(
        rows, width, -1
    )
