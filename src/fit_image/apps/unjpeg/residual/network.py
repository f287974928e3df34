"""The convolutional network, and the file that it is kept in."""

from __future__ import annotations

from fit_image.apps.unjpeg.residual.kernels import INPUTS, OUTPUTS
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.network import Network

KERNEL = 3


def make_network(rows: int, columns: int, channels: int, blocks: int) -> Network:
    """Return a network for pictures of ``rows`` x ``columns`` of its pixels.

    Between a first and a last layer stand residual blocks of two (He et al., 2016, without
    normalisation: Lim et al., "Enhanced deep residual networks for single image
    super-resolution", 2017). All are convolutions of 3x3; the weights do not depend on the size.
    """

    def layer(inputs: int, outputs: int, activation: str = "identity") -> Conv2D:
        return Conv2D((rows, columns, inputs), outputs, KERNEL, 1, activation)

    layers = [layer(INPUTS, channels, "leaky-relu")]
    for _ in range(blocks):
        layers += [layer(channels, channels, "leaky-relu"), layer(channels, channels)]
        layers[-1].skip = 2
    return Network([*layers, layer(channels, OUTPUTS)])
