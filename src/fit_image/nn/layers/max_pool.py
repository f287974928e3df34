"""Pooling: of every window of a picture, the largest number of each map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.nn.layers.layer import Layer, Shape, Workers
from fit_image.nn.runtime.arrays import FloatArray, vector
from fit_image.nn.runtime.jit import inner, kernel

Chosen = npt.NDArray[np.int32]


class MaxPool2D(Layer):
    """Makes one number of every window: its largest, for each map by itself.

    Windows do not overlap, and are cut off at the picture's right and lower edge (Ranzato et al.,
    "Unsupervised learning of invariant feature hierarchies with applications to object
    recognition", CVPR 2007). The gradient goes to the first largest number, row by row.

    Parameters
    ----------
    inputs : tuple of int
        Height, width and maps.
    side : int
        Of the windows; n rows become n / side, rounded up.

    Raises
    ------
    ValueError
        If ``side`` is less than 1.
    """

    def __init__(self, inputs: Shape, side: int = 2) -> None:
        if side < 1:
            raise ValueError(f"windows have a side of at least 1, not {side}")
        height, width, maps = inputs
        super().__init__(inputs, (-(-height // side), -(-width // side), maps), 0, 0)
        self._side = side

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """Nothing to draw."""

    def keep(self, samples: int) -> Chosen:
        """Return memory for the place in its window from which every output came."""
        return np.zeros((samples, *self.outputs), dtype=np.int32)

    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Chosen,
        workers: Workers,
        rng: np.random.Generator | None,
    ) -> None:
        """See `Layer.forward`."""

        def work(_: object, thread: int, threads: int) -> None:
            _forward_kernel(
                self.inputs,
                self._side,
                inputs.reshape(-1),
                outputs.reshape(-1),
                kept.reshape(-1),
                len(inputs),
                thread,
                threads,
            )

        workers.run(work)

    def backward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Chosen,
        by_outputs: FloatArray,
        gradient: FloatArray | None,
        by_inputs: FloatArray | None,
        workers: Workers,
        factor: float = 1.0,
        add: bool = True,
    ) -> None:
        """See `Layer.backward`."""
        if by_inputs is None:
            return
        below = by_inputs.reshape(-1)

        def work(_: object, thread: int, threads: int) -> None:
            _backward_kernel(
                self.inputs,
                self._side,
                by_outputs.reshape(-1),
                below,
                kept.reshape(-1),
                len(inputs),
                thread,
                threads,
            )

        workers.run(work)


@inner
def _windows(shape, side):
    """Return how many windows lie below and beside one another."""
    return -(-shape[0] // side), -(-shape[1] // side)


@kernel
def _forward_kernel(shape, side, inputs, outputs, chosen, samples, thread, threads):
    height, width, maps = shape
    down, across = _windows(shape, side)
    for row in range(samples * down * thread // threads, samples * down * (thread + 1) // threads):
        sample, top = row // down, row % down * side
        for x in range(across):
            left = x * side
            at = (row * across + x) * maps
            largest, place = vector(outputs, at, maps), vector(chosen, at, maps)
            for k in range(min(side, height - top)):
                for l in range(min(side, width - left)):  # noqa: E741
                    start = ((sample * height + top + k) * width + left + l) * maps
                    numbers = vector(inputs, start, maps)
                    if k == l == 0:
                        for j in range(maps):
                            largest[j] = numbers[j]
                            place[j] = 0
                    else:
                        index = np.int32(k * side + l)
                        for j in range(maps):
                            number = numbers[j]
                            # What is no number goes on, so that it is seen at the end.
                            better = (number > largest[j]) | (number != number)
                            largest[j] = number if better else largest[j]
                            place[j] = index if better else place[j]


@kernel
def _backward_kernel(shape, side, by_outputs, by_inputs, chosen, samples, thread, threads):
    height, width, maps = shape
    down, across = _windows(shape, side)
    for row in range(samples * down * thread // threads, samples * down * (thread + 1) // threads):
        sample, top = row // down, row % down * side
        for x in range(across):
            left = x * side
            at = (row * across + x) * maps
            upstream, place = vector(by_outputs, at, maps), vector(chosen, at, maps)
            for k in range(min(side, height - top)):
                for l in range(min(side, width - left)):  # noqa: E741
                    start = ((sample * height + top + k) * width + left + l) * maps
                    below = vector(by_inputs, start, maps)
                    index = np.int32(k * side + l)
                    for j in range(maps):
                        below[j] = upstream[j] if place[j] == index else np.float32(0.0)
