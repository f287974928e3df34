"""UpSample2D: pictures made larger by repeating their numbers."""

from __future__ import annotations

import numpy as np

from fit_image.nn.layers.layer import Layer, Shape, Workers
from fit_image.nn.runtime.arrays import FloatArray, copy, vector
from fit_image.nn.runtime.jit import kernel


class UpSample2D(Layer):
    """Repeats every number ``factor`` times downwards and sidewards, up to a given size.

    The mirror of a `fit_image.nn.layers.max_pool.MaxPool2D` whose side is ``factor``, of pictures of
    ``height`` x ``width``: where those windows are cut off at the edge, so are the squares here.

    Parameters
    ----------
    inputs : tuple of int
        Height, width and maps.
    height, width : int
        Of the pictures that come out.
    factor : int

    Raises
    ------
    ValueError
        If ``factor`` is less than 1, or a picture of that size has not as many squares as inputs.
    """

    def __init__(self, inputs: Shape, height: int, width: int, factor: int = 2) -> None:
        if factor < 1:
            raise ValueError(f"numbers are repeated at least once, not {factor} times")
        squares = -(-height // factor), -(-width // factor)
        if squares != inputs[:2]:
            raise ValueError(
                f"{inputs[0]} x {inputs[1]} numbers repeated {factor} times do not make"
                f" {height} x {width}"
            )
        super().__init__(inputs, (height, width, inputs[2]), 0, 0)
        self._factor = factor

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """Nothing to draw."""

    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: None,
        workers: Workers,
        rng: np.random.Generator | None,
    ) -> None:
        """See `Layer.forward`."""

        def work(_: object, thread: int, threads: int) -> None:
            _forward_kernel(
                self.outputs,
                self._factor,
                inputs.reshape(-1),
                outputs.reshape(-1),
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
        kept: None,
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
                self.outputs,
                self._factor,
                by_outputs.reshape(-1),
                below,
                len(inputs),
                thread,
                threads,
            )

        workers.run(work)


@kernel
def _forward_kernel(shape, factor, inputs, outputs, samples, thread, threads):
    height, width, maps = shape
    down, across = -(-height // factor), -(-width // factor)
    line = width * maps
    for row in range(samples * down * thread // threads, samples * down * (thread + 1) // threads):
        sample, top = row // down, row % down * factor
        first = (sample * height + top) * line
        for x in range(across):
            numbers = vector(inputs, (row * across + x) * maps, maps)
            for column in range(x * factor, min((x + 1) * factor, width)):
                copy(numbers, vector(outputs, first + column * maps, maps))
        for k in range(1, min(factor, height - top)):
            copy(vector(outputs, first, line), vector(outputs, first + k * line, line))


@kernel
def _backward_kernel(shape, factor, by_outputs, by_inputs, samples, thread, threads):
    height, width, maps = shape
    down, across = -(-height // factor), -(-width // factor)
    for row in range(samples * down * thread // threads, samples * down * (thread + 1) // threads):
        sample, top = row // down, row % down * factor
        for x in range(across):
            below = vector(by_inputs, (row * across + x) * maps, maps)
            for j in range(maps):
                below[j] = np.float32(0.0)
            for k in range(min(factor, height - top)):
                for column in range(x * factor, min((x + 1) * factor, width)):
                    start = ((sample * height + top + k) * width + column) * maps
                    upstream = vector(by_outputs, start, maps)
                    for j in range(maps):
                        below[j] += upstream[j]
