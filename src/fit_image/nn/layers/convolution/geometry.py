"""Sizes of a convolution, as its kernels must know them."""

from __future__ import annotations

from typing import NamedTuple


class Geometry(NamedTuple):
    """Sizes that kernels must know."""

    height: int
    width: int
    maps: int
    side: int
    stride: int
    above: int  # rows of zeros above the picture
    before: int  # columns of zeros before it
    out_height: int
    out_width: int
    units: int
    columns: int  # of the weights: units and padding
    fan_in: int
    row: int  # numbers in an unfolded patch, with padding
