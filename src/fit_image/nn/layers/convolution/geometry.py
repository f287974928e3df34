"""Sizes of a convolution, as its kernels need them."""

from __future__ import annotations

from typing import NamedTuple

from fit_image.nn.layers.layer import Shape
from fit_image.nn.runtime.arrays import padded_size


class Geometry(NamedTuple):
    """Sizes of a convolution with the zero padding of TensorFlow's ``padding="SAME"``."""

    height: int
    width: int
    in_channels: int
    kernel_size: int
    stride: int
    above: int  # rows of zeros above the image
    before: int  # columns of zeros left of it
    out_height: int
    out_width: int
    out_channels: int
    columns: int  # of the weights: output channels and padding
    fan_in: int
    row: int  # length of a row of the im2col matrix, with padding


def make_geometry(in_shape: Shape, out_channels: int, kernel_size: int, stride: int) -> Geometry:
    """Return the sizes of a convolution of images (height, width, channels)."""
    height, width, channels = in_shape
    out_height, out_width = -(-height // stride), -(-width // stride)
    fan_in = kernel_size * kernel_size * channels
    return Geometry(
        height,
        width,
        channels,
        kernel_size,
        stride,
        max((out_height - 1) * stride + kernel_size - height, 0) // 2,
        max((out_width - 1) * stride + kernel_size - width, 0) // 2,
        out_height,
        out_width,
        out_channels,
        padded_size(out_channels),
        fan_in,
        padded_size(fan_in),
    )
