"""Dense layers with the transposed weights of another: from a code back to the input."""

from __future__ import annotations

from fit_image.nn.layers.affine import AffineLayout
from fit_image.nn.layers.affine_layer import AffineLayer
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.runtime.arrays import FloatArray


class TiedDense(AffineLayer):
    """Reverses a dense layer: y = f(W^T h + c), where that layer computes h from W x.

    The weights are those of the dense layer, and the gradients of both add up (Vincent et al.,
    "Stacked denoising autoencoders", JMLR 2010, section 2). The biases c lie behind the parameters
    of the dense layer.

    Parameters
    ----------
    tied_to : Dense
        Made with ``tied=True``, and so with room for the biases; an earlier layer of the same
        network.

    Raises
    ------
    ValueError
        If the dense layer has no room for the biases.
    """

    def __init__(self, tied_to: Dense, activation: str | BoundActivation = "identity") -> None:
        if not tied_to.tied:
            raise ValueError("only a dense layer made with tied=True can share its weights")
        own = tied_to.layout
        layout = AffineLayout(
            fan_in=own.units,
            units=own.fan_in,
            input_row=own.unit_row,
            unit_row=own.input_row,
            across_inputs=own.across_units,
            across_units=own.across_inputs,
            biases=own.biases + own.unit_row,
        )
        super().__init__(tied_to.out_shape, tied_to.in_shape, layout, 0, 0, activation)
        self.tied_to = tied_to

    def named_params(self, params: FloatArray) -> dict[str, FloatArray]:
        """Return "bias" (units,), which is all that belongs to this layer alone."""
        return {"bias": params[self.layout.biases :][: self.layout.units]}
