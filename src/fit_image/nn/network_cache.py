"""Memory of a batch in a network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fit_image.nn.layers.layer import Call, Layer
from fit_image.nn.runtime import arrays
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool


class NetworkCache:
    """Memory of a batch in a network, from the forward to the backward pass, and the threads.

    It is made once, and serves many batches of one network, of at most ``batch_size`` samples.

    Attributes
    ----------
    calls : list of Call
        One for each layer.
    grads_y : list of float32 (batch, ...)
        Gradients with respect to the input of the first layer, and to the output of every layer;
        none without training.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        params: Sequence[FloatArray],
        batch_size: int,
        pool: ThreadPool,
        *,
        training: bool = True,
    ) -> None:
        self._batch_size = batch_size
        self._in_shape = layers[0].in_shape
        shapes = [layer.out_shape for layer in layers]
        self._grads_y: list[FloatArray] = []
        if training:
            # The input is the caller's own memory.
            self._outputs = [arrays.aligned_zeros(batch_size, *shape) for shape in shapes]
            all_shapes = [self._in_shape, *shapes]
            self._grads_y = [arrays.aligned_zeros(batch_size, *shape) for shape in all_shapes]
            caches = [layer.make_cache(batch_size) for layer in layers]
        else:
            self._outputs = _shared_outputs(layers, batch_size)
            caches = [layer.make_inference_cache(batch_size) for layer in layers]
        self.grads_y = self._grads_y
        x, self.calls = np.empty((0, *self._in_shape), dtype=np.float32), list[Call]()
        for own, y, cache in zip(params, self._outputs, caches, strict=True):
            self.calls.append(Call(own, None, x, y, cache, pool))
            x = y

    def begin(self, x: FloatArray, rng: np.random.Generator | None) -> None:
        """Let all calls be those of a batch."""
        if x.shape[1:] != self._in_shape:
            raise ValueError(f"samples {x.shape} do not fit an input of shape {self._in_shape}")
        if len(x) > self._batch_size:
            raise ValueError(f"{len(x)} samples are more than {self._batch_size}")
        self.grads_y = [values[: len(x)] for values in self._grads_y]
        for call, y in zip(self.calls, self._outputs, strict=True):
            call.x, call.y, call.rng = x, y[: len(x)], rng
            x = call.y

    @property
    def output(self) -> FloatArray:
        """The output of the last layer."""
        return self.calls[-1].y

    @property
    def grad_output(self) -> FloatArray:
        """Memory for the gradient with respect to the output: see `Network.backward`."""
        return self.grads_y[-1]


def _shared_outputs(layers: Sequence[Layer], batch_size: int) -> list[FloatArray]:
    """Return memory for every layer's output, which may be that of an earlier one.

    No layer writes where its input lies, or that of a residual block under way.
    """
    blocks = [(end + 1 - layer.skip, end) for end, layer in enumerate(layers) if layer.skip]
    buffers: list[int] = []  # of the outputs
    for index in range(len(layers)):
        taken = set(buffers[-1:])
        taken |= {buffers[begin - 1] for begin, end in blocks if 0 < begin <= index <= end}
        buffers.append(min(set(range(len(taken) + 1)) - taken))
    sizes = [0] * (max(buffers) + 1)
    for layer, buffer in zip(layers, buffers, strict=True):
        sizes[buffer] = max(sizes[buffer], batch_size * math.prod(layer.out_shape))
    memory = [arrays.aligned_zeros(size) for size in sizes]
    return [
        memory[buffer][: batch_size * math.prod(layer.out_shape)].reshape(
            batch_size, *layer.out_shape
        )
        for layer, buffer in zip(layers, buffers, strict=True)
    ]
