"""MLP: a network of dense layers, vectors in and vectors out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from fit_image.nn.encodings.base import Encoding, Identity, Share
from fit_image.nn.initializers import AUTO
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.mlp import init_params
from fit_image.nn.mlp.layer_spec import LayerSpec, constants_table, layer_table
from fit_image.nn.mlp.predictor import Predictor
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray


class MLP(Network):
    """A network of an encoding and dense layers, which the fused kernels can learn and draw with.

    Parameters
    ----------
    specs : sequence of LayerSpec
        The dense layers; at least one. Each one's ``fan_out`` is the next one's ``fan_in``;
        residual blocks do not overlap, and add vectors of equal size.
    encoding : Encoding, optional
        Encoding of the inputs; its outputs are the first dense layer's ``fan_in``. Default: none.

    Attributes
    ----------
    layers : tuple of Layer
        The encoding, and the dense layers.
    table : int64 (dense layers, 6)
        The dense layers as kernels see them; see `fit_image.nn.runtime.arrays.START`.
    constants : float32 (dense layers, 3)
        See `fit_image.nn.activations.SLOPE`.

    Raises
    ------
    ValueError
        If there is no layer, neighbours do not fit, or a residual block does not.
    """

    def __init__(self, specs: Sequence[LayerSpec], encoding: Encoding | None = None) -> None:
        self.specs = tuple(specs)
        if not self.specs:
            raise ValueError("a network needs at least one layer")
        if any(spec.skip > index + 1 for index, spec in enumerate(self.specs)):
            raise ValueError("a residual block begins before the dense layers do")
        self.encoding = encoding or Identity(self.specs[0].fan_in)
        dense = []
        for spec in self.specs:
            constants = {"slope": spec.slope, "omega": spec.omega, "scale": spec.scale}
            activation = BoundActivation.of(spec.activation, **constants)
            dense.append(Dense((spec.fan_in,), spec.fan_out, activation, skip=spec.skip))
        super().__init__([self.encoding, *dense])
        self.table = layer_table(self.specs, self.encoding.size)
        self.constants = constants_table(self.specs)

    def draw_params(
        self,
        scale: float,
        rng: np.random.Generator,
        init: str = AUTO,
        *,
        unit_inputs: bool = True,
    ) -> Self:
        """Draw weights and biases by a rule for all layers; see `init_params.draw`."""
        drawn = init_params.draw(self.specs, scale, rng, init, unit_inputs=unit_inputs)
        for rows, numbers in zip(self.rows(), drawn, strict=True):
            rows[:] = numbers.T
        self.encoding.init_params(self.tables(), rng)
        return self

    def rows(self, vector: FloatArray | None = None) -> Iterator[FloatArray]:
        """Yield each dense layer's rows (fan_in + 1, fan_out), the biases last, as writable views.

        With ``vector``, of another vector shaped like ``parameters``, such as a gradient.
        """
        vector = self.parameters if vector is None else vector
        for index, layer in enumerate(self.layers):
            if isinstance(layer, Dense):
                yield layer.rows(self.part(vector, index))

    def weights(self, vector: FloatArray | None = None) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield each layer's weights (fan_out, fan_in) and biases (fan_out,) as writable views.

        With ``vector``, those of another vector of the same shape, such as a gradient.
        """
        for rows in self.rows(vector):
            yield rows[:-1].T, rows[-1]

    def tables(self, vector: FloatArray | None = None) -> FloatArray:
        """Return the encoding's part of ``parameters``, or of ``vector``, as a writable view."""
        return self.part(self.parameters if vector is None else vector, 0)

    @property
    def inputs(self) -> int:
        """Size of the vectors that go in."""
        return self.encoding.inputs

    @property
    def outputs(self) -> int:
        """Size of the vectors that come out."""
        return self.specs[-1].fan_out

    def layer_rates(self, rate: float) -> FloatArray:
        """Return each dense layer's learning rate ``rate / sqrt(fan_in + 1)`` (float32)."""
        return np.array(
            [rate / math.sqrt(spec.fan_in + 1) for spec in self.specs], dtype=np.float32
        )

    def rates(self, rate: float, *, by_fan_in: bool) -> FloatArray:
        """Return the learning rate of every layer (float32), the encoding's first.

        ``rate`` for all; with ``by_fan_in``, `layer_rates` of it for the dense layers.
        """
        dense = self.layer_rates(rate) if by_fan_in else np.full(len(self.specs), rate)
        return np.concatenate([[rate], dense], dtype=np.float32)

    def encode(self, inputs: FloatArray) -> FloatArray:
        """Return encoded inputs (float32, C-contiguous)."""
        encoded = np.empty((len(inputs), self.encoding.outputs), dtype=np.float32)
        self.encoding.encode(self.tables(), inputs, encoded, Share(max(len(inputs), 1)))
        return encoded

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
        output = np.empty((len(samples), self.outputs), dtype=np.float32)
        Predictor(self, len(samples), threads).predict(samples, output)
        return output
