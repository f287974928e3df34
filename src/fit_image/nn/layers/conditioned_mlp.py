"""A narrow network drawn at many points, once for each vector of latent numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fit_image.nn.initializers import Normal
from fit_image.nn.layers.layer import PARTS, Layer, Workers
from fit_image.nn.mlp import soa, soa_backward, soa_forward
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.arrays import FloatArray, IntArray, aligned_zeros
from fit_image.nn.runtime.simd import WIDTH


class ConditionedMLP(Layer):
    """A stage from latent vectors to what a network makes of them at every point of a grid.

    Parameters
    ----------
    layers : sequence of LayerSpec
        Narrow ones, see `fit_image.nn.mlp.soa.is_narrow`. The first inputs are the latent numbers,
        the others differ from point to point.
    points : float32 (height, width, inputs of a point)
    deviations : sequence of float
        Of the normal from which each layer's first weights and biases are drawn.

    Raises
    ------
    ValueError
        If the layers are not narrow, take no latent numbers, or begin with a residual block, which
        would add them to its output.
    """

    def __init__(
        self, layers: Sequence[LayerSpec], points: FloatArray, deviations: Sequence[float]
    ) -> None:
        self.network = MLP(layers)
        if not soa.is_narrow(self.network.layers):
            raise ValueError("a generator's layers must be narrow")
        latents = layers[0].fan_in - points.shape[2]
        if latents < 1:
            raise ValueError(f"{layers[0].fan_in} inputs leave none for latent numbers")
        if any(layer.skip == index + 1 for index, layer in enumerate(layers)):
            raise ValueError("a residual block cannot begin with latent numbers")
        super().__init__(
            (latents,),
            (*points.shape[:2], layers[-1].fan_out),
            self.network.dense_size,
            self.network.num_params,
        )
        self._points = np.ascontiguousarray(points.reshape(-1, points.shape[2]), dtype=np.float32)
        self._deviations = deviations
        self._tiles = soa.tiles_of(self.network.layers, latents)
        self._tiles_back = soa.tiles_of(self.network.layers, latents, training=True)

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """See `Layer.initialise`."""
        rows = self.network.rows(parameters)
        for layer, numbers, deviation in zip(
            self.network.layers, rows, self._deviations, strict=True
        ):
            shape = layer.fan_out, layer.fan_in + 1
            numbers[:, : layer.fan_in + 1] = Normal(deviation).draw(shape, rng)

    def keep(self, samples: int) -> FloatArray:
        """Return memory for the gradient in vectors, whatever the number of samples."""
        return aligned_zeros(PARTS, WIDTH * self.parameter_count)

    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Any,
        workers: Workers,
        rng: np.random.Generator | None,
    ) -> None:
        """See `Layer.forward`."""
        pictures = outputs.reshape(len(outputs), len(self._points), -1)

        def work(counts: IntArray, _: int, threads: int) -> None:
            soa_forward.forward_kernel(
                parameters,
                soa.tile_memory(self._tiles),
                self._tiles,
                inputs,
                self._points,
                pictures,
                counts,
                threads,
            )

        workers.run(work)

    def backward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: FloatArray,
        by_outputs: FloatArray,
        gradient: FloatArray | None,
        by_inputs: FloatArray | None,
        workers: Workers,
        factor: float = 1.0,
        add: bool = True,
    ) -> None:
        """See `Layer.backward`."""
        if gradient is not None and not add:
            gradient[:] = 0.0
        below = np.empty_like(inputs) if by_inputs is None else by_inputs
        pictures = by_outputs.reshape(len(outputs), len(self._points), -1)
        nothing = np.empty(0, dtype=np.float32)

        def work(counts: IntArray, thread: int, threads: int) -> None:
            soa_backward.backward_kernel(
                parameters,
                soa.tile_memory(self._tiles_back),
                self._tiles_back,
                soa_backward.Inputs(inputs, self._points),
                soa_backward.Gradients(
                    pictures,
                    below,
                    kept,
                    nothing if gradient is None else gradient,
                    np.float32(factor),
                ),
                counts,
                thread,
                threads,
            )

        workers.run(work)
