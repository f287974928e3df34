"""A network of dense layers over one flat parameter vector: vectors in, vectors out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from fit_image.nn.encodings.base import Encoding, Identity, Share
from fit_image.nn.initializers import AUTO
from fit_image.nn.kernels.gemm import PANEL
from fit_image.nn.mlp import init_params
from fit_image.nn.mlp.cache import (
    MLPCache,
    backward_kernel,
    forward_kernel,
    transpose_kernel,
    transposed_weights,
)
from fit_image.nn.mlp.layer_spec import LayerSpec, constants_table, layer_table
from fit_image.nn.mlp.predictor import Predictor
from fit_image.nn.optimizers.touched import Touched
from fit_image.nn.runtime import arrays
from fit_image.nn.runtime.arrays import FloatArray


class MLP:
    """Dense layers, the encoding of their inputs, and the parameters of both.

    Parameters
    ----------
    layers : sequence of LayerSpec
        At least one. Each layer's ``fan_out`` is the next one's ``fan_in``; residual blocks do not
        overlap, and add vectors of equal size.
    encoding : Encoding, optional
        Encoding of the inputs; its outputs are the first layer's ``fan_in``. Default: none.

    Attributes
    ----------
    parameters : float32 vector
        All weights and biases; `fit_image.nn.runtime.arrays` describes its order. After them, from
        ``dense_size`` on, lie the tables of the encoding. Starts as zeros.

    Raises
    ------
    ValueError
        If there is no layer, neighbours do not fit, or a residual block does not.
    """

    def __init__(self, layers: Sequence[LayerSpec], encoding: Encoding | None = None) -> None:
        self.layers = tuple(layers)
        if not self.layers:
            raise ValueError("a network needs at least one layer")
        self.encoding = encoding or Identity(self.layers[0].fan_in)
        if self.encoding.outputs != self.layers[0].fan_in:
            raise ValueError(
                f"{self.encoding.outputs} outputs of the encoding do not fit "
                f"{self.layers[0].fan_in} inputs"
            )
        for before, after in itertools.pairwise(self.layers):
            if before.fan_out != after.fan_in:
                raise ValueError(f"{before.fan_out} outputs do not fit {after.fan_in} inputs")
        _check_blocks(self.layers)
        self.table = layer_table(self.layers)
        self.constants = constants_table(self.layers)
        self.dense_size = sum(layer.stride * layer.fan_out for layer in self.layers)
        self.parameters = arrays.aligned_zeros(self.dense_size + self.encoding.size)

    def init_params(
        self,
        scale: float,
        rng: np.random.Generator,
        init: str = AUTO,
        *,
        unit_inputs: bool = True,
    ) -> Self:
        """Draw weights and biases; `init_params.draw` has the parameters."""
        drawn = init_params.draw(self.layers, scale, rng, init, unit_inputs=unit_inputs)
        for layer, rows, numbers in zip(self.layers, self.rows(), drawn, strict=True):
            rows[:, : layer.fan_in + 1] = numbers
        self.encoding.init_params(self.tables(), rng)
        return self

    def rows(self, vector: FloatArray | None = None) -> Iterator[FloatArray]:
        """Yield each layer's rows as a writable view (fan_out, stride) of ``parameters``.

        With ``vector``, of another vector of the same shape, such as a gradient.
        """
        vector = self.parameters if vector is None else vector
        for start, _, fan_out, stride, *_ in self.table:
            yield vector[start : start + fan_out * stride].reshape(fan_out, stride)

    def weights(self, vector: FloatArray | None = None) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield each layer's weights (fan_out, fan_in) and biases (fan_out,) as writable views.

        With ``vector``, those of another vector of the same shape, such as a gradient.
        """
        for layer, rows in zip(self.layers, self.rows(vector), strict=True):
            yield rows[:, : layer.fan_in], rows[:, layer.fan_in]

    def tables(self, vector: FloatArray | None = None) -> FloatArray:
        """Return the encoding's part of ``parameters``, or of ``vector``, as a writable view."""
        return (self.parameters if vector is None else vector)[self.dense_size :]

    @property
    def inputs(self) -> int:
        """Size of the vectors that go in."""
        return self.encoding.inputs

    @property
    def outputs(self) -> int:
        """Size of the vectors that come out."""
        return self.layers[-1].fan_out

    @property
    def num_params(self) -> int:
        """Number of weights, biases and numbers in tables, padding not counted."""
        return sum(layer.num_params for layer in self.layers) + self.encoding.num_params

    def layer_rates(self, rate: float) -> FloatArray:
        """Return each layer's learning rate ``rate / sqrt(fan_in + 1)`` (float32)."""
        return np.array(
            [rate / math.sqrt(layer.fan_in + 1) for layer in self.layers], dtype=np.float32
        )

    def accept(self, inputs: FloatArray, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return samples as float32 and C-contiguous; ValueError if their shapes do not fit."""
        expected = len(inputs), self.inputs, len(inputs), self.layers[-1].fan_out
        if (*inputs.shape, *targets.shape) != expected:
            raise ValueError(f"shapes of samples {inputs.shape} and {targets.shape} do not fit")
        return (
            np.ascontiguousarray(inputs, dtype=np.float32),
            np.ascontiguousarray(targets, dtype=np.float32),
        )

    def encode(self, inputs: FloatArray) -> FloatArray:
        """Return encoded inputs (float32, C-contiguous)."""
        encoded = np.empty((len(inputs), self.encoding.outputs), dtype=np.float32)
        self.encoding.encode(self.tables(), inputs, encoded, Share(max(len(inputs), 1)))
        return encoded

    def forward(self, inputs: FloatArray) -> MLPCache:
        """Compute the outputs of inputs (samples, inputs), and keep what `backward` needs."""
        inputs = np.ascontiguousarray(inputs, dtype=np.float32)
        cache = MLPCache(self.layers, len(inputs))
        cache.inputs = inputs
        self.encoding.encode(self.tables(), inputs, cache.encoded, Share(max(len(inputs), 1)))
        transposed = transposed_weights(cache.buffers)
        transpose_kernel(self.parameters, transposed, cache.buffers)
        forward_kernel(transposed, cache.buffers, arrays.aligned_zeros(PANEL), len(inputs))
        return cache

    def backward(
        self, cache: MLPCache, output_gradient: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Compute the gradient by parameters and inputs from that by the outputs.

        Parameters
        ----------
        cache : MLPCache
            From `forward`; its sums are used up.
        output_gradient : float32 (samples, outputs)
            Derivative of the loss by each output.

        Returns
        -------
        parameter_gradient : float32 vector, shaped like ``parameters``; summed over the samples
        input_gradient : float32 (samples, inputs)
        """
        gradient = arrays.aligned_zeros(self.parameters.size)
        samples = len(cache.output)
        cache.output[:] = output_gradient
        panel = arrays.aligned_zeros(PANEL)
        backward_kernel(self.parameters, cache.buffers, panel, samples, gradient)
        touched = Touched(self.encoding.units, self.encoding.entry_size)
        vectors = cache.inputs, cache.grad_x, self.tables(gradient)
        self.encoding.add_gradient(range(len(self.encoding.units)), *vectors, touched)
        grad_x = self.encoding.input_gradient(self.tables(), cache.inputs, cache.grad_x)
        return gradient, grad_x

    def predict(self, inputs: npt.ArrayLike, *, threads: int | None = None) -> FloatArray:
        """Compute the outputs of many samples at once.

        Parameters
        ----------
        inputs : array-like (samples, inputs)
        threads : int, optional
            At most so many, as far as there is work for them. Default: all cores this process may
            use. Does not change the result.

        Returns
        -------
        float32 (samples, outputs)

        Raises
        ------
        ValueError
            If the inputs have another shape.
        """
        # Read-only arrays are of another type, for which kernels would be compiled again.
        samples = np.require(inputs, dtype=np.float32, requirements=("C", "W"))
        if samples.ndim != 2 or samples.shape[1] != self.inputs:
            raise ValueError(
                f"inputs must have shape (samples, {self.inputs}), not {samples.shape}"
            )
        output = np.empty((len(samples), self.layers[-1].fan_out), dtype=np.float32)
        Predictor(self, len(samples), threads).predict(samples, output)
        return output


def _check_blocks(layers: Sequence[LayerSpec]) -> None:
    end = -1
    for index, layer in enumerate(layers):
        if layer.skip:
            first = index + 1 - layer.skip
            if first <= end:
                raise ValueError("residual blocks overlap, or begin before the network does")
            if layers[first].fan_in != layer.fan_out:
                raise ValueError(
                    f"{layers[first].fan_in} inputs of a residual block cannot be added to "
                    f"{layer.fan_out} outputs"
                )
            end = index


def accept_numbers(numbers: FloatArray, samples: int) -> FloatArray:
    """Return one number a sample as float32, C-contiguous; ValueError for another shape."""
    if numbers.shape != (samples,):
        raise ValueError(f"{numbers.shape} numbers do not fit {samples} samples")
    return np.ascontiguousarray(numbers, dtype=np.float32)
