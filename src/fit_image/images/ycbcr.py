"""Convert between RGB and YCbCr, JPEG's luma and two colour differences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# ITU-T T.871 (JFIF), clause 7, with all numbers in 0..1.
LUMA = 0.299, 0.587, 0.114
"""Y = LUMA . (R, G, B)."""

RED_OF_CR, BLUE_OF_CB = 1.402, 1.772
"""R = Y + RED_OF_CR Cr, and B = Y + BLUE_OF_CB Cb, without `OFFSETS`."""

GREEN_OF_CB, GREEN_OF_CR = LUMA[2] * BLUE_OF_CB / LUMA[1], LUMA[0] * RED_OF_CR / LUMA[1]
"""G = Y - GREEN_OF_CB Cb - GREEN_OF_CR Cr."""

FROM_RGB = np.array(
    [
        LUMA,
        [-LUMA[0] / BLUE_OF_CB, -LUMA[1] / BLUE_OF_CB, 0.5],
        [0.5, -LUMA[1] / RED_OF_CR, -LUMA[2] / RED_OF_CR],
    ]
)
"""(Y, Cb, Cr) = FROM_RGB @ (R, G, B) + OFFSETS; float64, shape (3, 3)."""

OFFSETS = np.array([0.0, 0.5, 0.5])
"""Of `FROM_RGB`; float64, shape (3,)."""

_TO_RGB = np.linalg.inv(FROM_RGB)


def to_ycbcr(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Convert RGB (uint8, shape (..., 3)) to Y, Cb and Cr, float32 in 0..1."""
    matrix = (FROM_RGB / 255).astype(np.float32)
    converted: npt.NDArray[np.float32] = rgb @ matrix.T + OFFSETS.astype(np.float32)
    return converted


def from_ycbcr(ycbcr: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Convert Y, Cb and Cr in 0..1 to RGB, uint8, rounded and clipped to 0..255."""
    levels = (ycbcr - OFFSETS.astype(np.float32)) @ (255 * _TO_RGB).astype(np.float32).T
    np.rint(levels, out=levels)
    return np.clip(levels, 0, 255, out=levels).astype(np.uint8)
