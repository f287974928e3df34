"""Kernels of a restored picture's pixels, for the rows ``first`` to ``last``."""

from __future__ import annotations

import numpy as np

from fit_image.images.ycbcr import BLUE_OF_CB, GREEN_OF_CB, GREEN_OF_CR, RED_OF_CR
from fit_image.nn.runtime.jit import inner, kernel

_RADIUS, _LEAST = 3, 20
"""Of the square around a pixel, and how many pure ones in its 49 make it pure."""


@inner
def _level(colour, before, strength):
    """Return a colour, -128..127, of which ``strength`` counts, as a level."""
    colour += np.float32(128)
    if strength < np.float32(1):
        colour = before + strength * (colour - before)
    return np.uint8(min(max(np.rint(colour), np.float32(0)), np.float32(255)))


@kernel
def levels_kernel(planes, is_luma, picture, strength, levels, first, last):
    """Fill ``levels`` with planes as red, green and blue.

    Parameters
    ----------
    planes : three float32 (rows, columns)
        In -128..127, of at least the picture's size.
    is_luma : bool
        Whether they are luma and chroma.
    picture, levels : uint8 (height, width, 3)
    strength : float32
        Of the changes, 0..1.
    """
    for i in range(first, last):
        before, after = picture[i], levels[i]
        one, two, three = planes[0][i], planes[1][i], planes[2][i]
        for j in range(before.shape[0]):
            red, green, blue = one[j], two[j], three[j]
            if is_luma:
                y, cb, cr = red, green, blue
                red = y + np.float32(RED_OF_CR) * cr
                green = y - np.float32(GREEN_OF_CB) * cb - np.float32(GREEN_OF_CR) * cr
                blue = y + np.float32(BLUE_OF_CB) * cb
            after[j, 0] = _level(red, np.float32(before[j, 0]), strength)
            after[j, 1] = _level(green, np.float32(before[j, 1]), strength)
            after[j, 2] = _level(blue, np.float32(before[j, 2]), strength)


@inner
def _purity(pixels, i, j, distance):
    """Return 255 or 0 for a pixel at most so many levels from white or black, else -1."""
    low = min(pixels[i, j, 0], pixels[i, j, 1], pixels[i, j, 2])
    if low >= 255 - distance:
        return 255
    high = max(pixels[i, j, 0], pixels[i, j, 1], pixels[i, j, 2])
    return 0 if high <= distance else -1


@inner
def _is_mostly_pure(levels, i, j, pure):
    """Tell whether enough pixels around one are pure; the edge is repeated."""
    height, width, _ = levels.shape
    count = 0
    for y in range(i - _RADIUS, i + _RADIUS + 1):
        for x in range(j - _RADIUS, j + _RADIUS + 1):
            row, column = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
            count += _purity(levels, row, column, 0) == pure
    return count >= _LEAST


@kernel
def keep_kernel(levels, picture, active, is_screen, nearly, restored, first, last):
    """Fill ``restored`` with levels, and pixels of the picture that stay as they are.

    These are pure ones, and those of blocks that are not active. Pixels of a screen that are nearly
    pure become so where many around them are.

    Parameters
    ----------
    levels, picture, restored : uint8 (height, width, 3)
    active, is_screen : uint8 (rows, columns of blocks)
    nearly : int
        Levels from pure white or black of pixels that may be meant to be pure.
    """
    width = picture.shape[1]
    for i in range(first, last):
        for block in range(-(-width // 8)):
            source = levels if active[i // 8, block] else picture
            for j in range(8 * block, min(8 * block + 8, width)):
                for colour in range(3):
                    restored[i, j, colour] = source[i, j, colour]
                if not active[i // 8, block]:
                    continue
                if _purity(picture, i, j, 0) >= 0:
                    for colour in range(3):
                        restored[i, j, colour] = picture[i, j, colour]
                elif is_screen[i // 8, block]:
                    pure = _purity(levels, i, j, nearly)
                    if pure >= 0 and _is_mostly_pure(levels, i, j, pure):
                        for colour in range(3):
                            restored[i, j, colour] = pure
