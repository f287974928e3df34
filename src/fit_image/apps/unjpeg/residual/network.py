"""Convolutional networks of two resolutions."""

from __future__ import annotations

from typing import NamedTuple

from fit_image.apps.unjpeg.residual.kernels import INPUTS, OUTPUTS
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.layer import Layer
from fit_image.nn.layers.pixel_shuffle import PixelShuffle, PixelUnshuffle
from fit_image.nn.network import Network

_KERNEL = 3
_CELL = 4
"""Pixels that are one at the coarse resolution."""


class Sizes(NamedTuple):
    """Channels and residual blocks at the network's resolution, and at half of it (`coarse`)."""

    channels: int = 48
    blocks: int = 3
    coarse_channels: int = 96
    coarse_blocks: int = 2


def make_network(rows: int, columns: int, sizes: Sizes) -> Network:
    """Return a network for pictures of ``rows`` x ``columns`` of its pixels, which are even.

    Between a first and a last layer stand residual blocks of two (He et al., 2016, without
    normalisation: Lim et al., "Enhanced deep residual networks for single image
    super-resolution", 2017). One of the blocks, if it is wanted, is a network at half the
    resolution, as in a U-Net (Ronneberger et al., 2015): it sees twice as far at a quarter of the
    cost. The weights do not depend on the size of pictures.
    """
    shape = rows, columns, sizes.channels
    before = sizes.blocks // 2
    return Network(
        [
            Conv2D((rows, columns, INPUTS), sizes.channels, _KERNEL, 1, "leaky-relu"),
            *_blocks(shape, before),
            *_coarse_block(shape, sizes.coarse_channels, sizes.coarse_blocks),
            *_blocks(shape, sizes.blocks - before),
            Conv2D(shape, OUTPUTS, _KERNEL, 1),
        ]
    )


def _blocks(shape: tuple[int, int, int], count: int) -> list[Layer]:
    layers: list[Layer] = []
    for _ in range(count):
        layers.append(Conv2D(shape, shape[2], _KERNEL, 1, "leaky-relu"))
        layers.append(Conv2D(shape, shape[2], _KERNEL, 1))
        layers[-1].skip = 2
    return layers


def _coarse_block(shape: tuple[int, int, int], channels: int, count: int) -> list[Layer]:
    if not count:
        return []
    rows, columns, fine_channels = shape
    coarse = rows // 2, columns // 2
    layers = [
        PixelUnshuffle(shape),
        Conv2D((*coarse, _CELL * fine_channels), channels, 1, 1, "leaky-relu"),
        *_blocks((*coarse, channels), count),
        Conv2D((*coarse, channels), _CELL * fine_channels, 1, 1),
        PixelShuffle((*coarse, _CELL * fine_channels)),
    ]
    layers[-1].skip = len(layers)
    return layers
