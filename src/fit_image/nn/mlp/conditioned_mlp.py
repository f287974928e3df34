"""ConditionedMLP: a narrow network evaluated at many points, for each vector of latent numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fit_image.nn.initializers import Normal
from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import PARTS, Call, Layer
from fit_image.nn.mlp import soa, soa_backward, soa_forward
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.arrays import FloatArray, aligned_zeros
from fit_image.nn.runtime.simd import WIDTH


class ConditionedMLP(Layer):
    """Maps a latent vector to the output of a network at every point of a grid.

    Parameters
    ----------
    layers : sequence of LayerSpec
        Narrow ones, see `fit_image.nn.mlp.soa.is_narrow`. The first inputs are the latent numbers,
        the others differ from point to point.
    points : float32 (height, width, inputs of a point)
    stds : sequence of float
        Standard deviations of the normals from which each layer's initial weights and biases are
        drawn.

    Raises
    ------
    ValueError
        If the layers are not narrow, take no latent numbers, or begin with a residual block, which
        would add these to its output.
    """

    def __init__(
        self, layers: Sequence[LayerSpec], points: FloatArray, stds: Sequence[float]
    ) -> None:
        self.network = MLP(layers)
        if not soa.is_narrow(self.network.specs):
            raise ValueError("the layers of a conditioned MLP must be narrow")
        latents = layers[0].fan_in - points.shape[2]
        if latents < 1:
            raise ValueError(f"{layers[0].fan_in} inputs leave none for latent numbers")
        if any(layer.skip == index + 1 for index, layer in enumerate(layers)):
            raise ValueError("a residual block cannot begin with latent numbers")
        super().__init__(
            (latents,),
            (*points.shape[:2], layers[-1].fan_out),
            self.network.parameters.size,
            self.network.num_params,
        )
        self._points = np.ascontiguousarray(points.reshape(-1, points.shape[2]), dtype=np.float32)
        self._stds = stds
        self._tiles = soa.tiles_of(self.network.specs, latents)
        self._tiles_back = soa.tiles_of(self.network.specs, latents, training=True)

    def init_params(self, params: FloatArray, rng: np.random.Generator) -> None:
        for rows, std in zip(self.network.rows(params), self._stds, strict=True):
            rows[:] = Normal(std).draw(rows.T.shape, rng).T

    def named_params(self, params: FloatArray) -> dict[str, FloatArray]:
        """Return "0.weight" (units, fan_in), "0.bias" (units,), and so on."""
        named: dict[str, FloatArray] = {}
        for index, (weight, bias) in enumerate(self.network.weights(params)):
            named |= {f"{index}.weight": weight, f"{index}.bias": bias}
        return named

    def make_cache(self, batch_size: int) -> FloatArray:
        """Return memory for the gradient in vectors, whatever the number of samples."""
        return aligned_zeros(PARTS, WIDTH * self.num_params)

    def forward(self, call: Call) -> None:
        """Evaluate the network at all points; threads take tiles of them."""
        images = call.y.reshape(len(call.y), len(self._points), -1)
        arguments = call.params, self._tiles, call.x, self._points, images
        memory = soa.tile_memory(self._tiles, call.pool.threads)
        call.pool.run_kernel(soa_forward.forward_kernel, *arguments, memory=memory)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Compute the forward pass again, tile by tile, and the gradients."""
        if not grads.add:
            grads.params[:] = 0.0
        below = grads.x.reshape(call.x.shape) if grads.x.size else np.empty_like(call.x)
        images = grads.y.reshape(len(call.y), len(self._points), -1)
        inputs, factor = soa_backward.Inputs(call.x, self._points), np.float32(grads.scale)
        gradients = soa_backward.Gradients(images, below, call.cache, grads.params, factor)
        arguments = call.params, self._tiles_back, inputs, gradients
        memory = soa.tile_memory(self._tiles_back, call.pool.threads)
        call.pool.run_kernel(soa_backward.backward_kernel, *arguments, memory=memory)


def at_latent(network: MLP, latent: FloatArray, first: int = 0) -> MLP:
    """Return the network of the remaining inputs, for one latent vector.

    The latent numbers are the same for all samples, so their part of the sums of the first layer
    becomes a part of its biases.

    Parameters
    ----------
    network : MLP
        Without an encoding.
    latent : float32 vector
        The inputs from ``first`` on.
    first : int
    """
    whole, *others = network.specs
    stop, fan_in = first + len(latent), whole.fan_in - len(latent)
    fixed = MLP([replace(whole, fan_in=fan_in), *others])
    (start, *ends), (rows, *same) = fixed.rows(), network.rows()
    start[:first] = rows[:first]
    start[first:] = rows[stop:]
    start[-1] += np.ascontiguousarray(rows[first:stop].T) @ latent
    for target, source in zip(ends, same, strict=True):
        target[:] = source
    return fixed
