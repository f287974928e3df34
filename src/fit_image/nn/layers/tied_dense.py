"""Mirrors of dense layers: the same weights on the way back from a code to what it stands for."""

from __future__ import annotations

import numpy as np

from fit_image.nn.layers.affine_layer import AffineLayer, Layout
from fit_image.nn.layers.dense import Dense
from fit_image.nn.runtime.arrays import FloatArray


class TiedDense(AffineLayer):
    """Turns a dense stage round: y = f(W h + c), where that made h of W^T x.

    The weights, a row for every number that comes out, are those of the dense stage, and so tied:
    the gradients of both add up (Vincent et al., "Stacked denoising autoencoders", JMLR 2010,
    section 2). The biases c lie behind the parameters of the dense stage.

    Parameters
    ----------
    dense : Dense
        Made with ``mirrored``; an earlier stage of the same chain.
    activation : str
        A key of `fit_image.nn.activations.ACTIVATIONS`.
    slope, omega, scale : float
        See `fit_image.nn.mlp.layer_spec.LayerSpec`.

    Raises
    ------
    ValueError
        If the dense stage has no room for the biases.
    """

    def __init__(
        self,
        dense: Dense,
        activation: str = "identity",
        *,
        slope: float = 0.01,
        omega: float = 30.0,
        scale: float = 10.0,
    ) -> None:
        if not dense.mirrored:
            raise ValueError("only a dense stage made with mirrored=True can be mirrored")
        own = dense.layout
        layout = Layout(
            fan_in=own.units,
            units=own.fan_in,
            input_row=own.unit_row,
            unit_row=own.input_row,
            across_inputs=own.across_units,
            across_units=own.across_inputs,
            biases=own.biases + own.unit_row,
        )
        super().__init__(dense.outputs, dense.inputs, layout, 0, 0, activation, slope, omega, scale)
        self.lender = dense

    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """Nothing to draw: the biases begin as zeros."""
