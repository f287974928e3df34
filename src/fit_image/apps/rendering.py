"""Rendering of networks in strips of rows, from top to bottom, which need little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from fit_image.images.decoding import row_strips
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.mlp.predictor import OnPart, Predictor
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

STRIP_PIXELS = 1 << 17

# Pixels whose inputs stay in the cache until they are copied.
_CACHED = 1 << 13

# Strips that are rendered at once, one for each thread: they take as long as one by one thread.
_MOST_STRIPS = 32


def render_strips(
    network: MLP,
    coordinates: Callable[[range], FloatArray],
    size: tuple[int, int],
    *,
    pixels: int = STRIP_PIXELS,
    threads: int | None = None,
    on_part: OnPart | None = None,
) -> Iterator[tuple[int, FloatArray]]:
    """Yield strips of a picture: the first row, and float32 (rows, width, outputs).

    Parameters
    ----------
    network : MLP
    coordinates : callable
        Returns the network's inputs (float32, rows x width x inputs) of a range of rows. Several
        threads call it.
    size : tuple of int
        Width and height in pixels.
    pixels : int
        Most pixels of a strip, but at least a row.
    threads : int, optional
        Default: all cores. Does not change the result.
    on_part : callable, optional
        Called with parts of the picture as soon as they are rendered, by the threads that have
        done it: the first pixel, counted from the upper left row by row, and float32
        (pixels, outputs), which it may change.
    """
    width, height = size
    predictor = Predictor(network, width * height, threads)
    strips = [range(rows.start, rows.stop) for rows in row_strips(height, width, pixels)]
    # As many strips each time as there are threads, or a little fewer: as even as possible.
    times = -(-len(strips) // min(predictor.threads, _MOST_STRIPS))
    cuts = [len(strips) * number // times for number in range(times + 1)]
    most = max(strips[last - 1].stop - strips[first].start for first, last in pairwise(cuts))
    inputs = np.empty((most, width, network.inputs), dtype=np.float32)
    for first, last in pairwise(cuts):
        rows = range(strips[first].start, strips[last - 1].stop)
        part = inputs[: len(rows)]
        _write_inputs(predictor.pool, coordinates, rows, part)
        colours = np.empty((len(rows) * width, network.outputs), dtype=np.float32)
        shifted = on_part and _shifted(on_part, rows.start * width)
        predictor.predict(part.reshape(len(colours), -1), colours, shifted)
        rendered = colours.reshape(len(rows), width, -1)
        for strip in strips[first:last]:
            yield strip.start, rendered[strip.start - rows.start : strip.stop - rows.start]


def _write_inputs(
    pool: ThreadPool, coordinates: Callable[[range], FloatArray], rows: range, inputs: FloatArray
) -> None:
    def write(_: object, thread: int, threads: int) -> None:
        first, end = (len(rows) * each // threads for each in (thread, thread + 1))
        for some in row_strips(end - first, inputs.shape[1], _CACHED):
            part = slice(first + some.start, first + some.stop)
            inputs[part] = coordinates(rows[part])

    pool.run(write)


def _shifted(on_part: OnPart, pixels: int) -> OnPart:
    return lambda first, colours: on_part(pixels + first, colours)


def render_rows(network: MLP, coordinates: FloatArray, threads: int | None = None) -> FloatArray:
    """Return a network's outputs (float32, rows x width x outputs) for the inputs of some rows."""
    rows, width, inputs = coordinates.shape
    return network.predict(coordinates.reshape(-1, inputs), threads=threads).reshape(
        rows, width, -1
    )
