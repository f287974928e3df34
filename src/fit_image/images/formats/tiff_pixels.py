"""Pixels of a TIFF page: how grey numbers are meant, and the kinds that cannot be read."""

from __future__ import annotations

from typing import NamedTuple

from fit_image.images.formats.tiff import (
    COMPRESSION,
    EXTRA_SAMPLES,
    PHOTOMETRIC,
    SAMPLE_FORMAT,
    Page,
    full_page,
)

# Of pixels, those that libtiff knows in Pillow's own builds.
_COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946, 34676, 34677, 34925, 50000, 50001)

_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1


class Grey(NamedTuple):
    """How the numbers of grey pixels are meant, where the decoder does not apply it.

    Attributes
    ----------
    inverted : bool
        Whether the least number is white.
    signed : bool
        Whether 8 bits are signed, though the decoder takes them as unsigned.
    unsigned : bool
        Whether 32 bits are unsigned, though the decoder takes them as signed.
    white : int or None
        The largest number, if it is not that of 16 bits.
    no_data : float or None
        The number of pixels without data, by GDAL.
    """

    inverted: bool = False
    signed: bool = False
    unsigned: bool = False
    white: int | None = None
    no_data: float | None = None


def grey_of(page: Page) -> tuple[Grey, dict[int, int], str]:
    """Return how grey numbers of a page are meant, and what the decoder needs changed for them.

    The second and the third are the parameters of `Page.rewritten`. Up to 8 bits, the decoder knows
    itself which number is white.
    """
    bits, order, no_data = page.bits, page.order, page.no_data
    changes: dict[int, int] = {}
    photometric = page.number(PHOTOMETRIC, _BLACK_IS_ZERO)
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        return Grey(no_data=no_data if bits == (8,) * len(bits) else None), changes, order
    white_is_zero = photometric == _WHITE_IS_ZERO
    inverted = white_is_zero and (bits[0] > 8 or len(bits) == 2)
    if inverted:
        changes[PHOTOMETRIC] = _BLACK_IS_ZERO
    unsigned = bits == (32,) and page.number(SAMPLE_FORMAT, 1) == 1
    if unsigned and order == ">":
        changes[SAMPLE_FORMAT] = 2
    if bits == (12,) and order == ">":  # bits are packed alike in both orders
        order = "<"
    signed = bits == (8,) and page.number(SAMPLE_FORMAT, 1) == 2
    if no_data is not None and len(bits) == 1 and bits[0] <= 8 and not signed:
        # The decoder gives levels of 8 bits, of which 0 is black.
        largest = (1 << bits[0]) - 1
        known = no_data in range(largest + 1)
        level = no_data * 255 // largest
        no_data = (255 - level if white_is_zero else level) if known else None
    white = (1 << bits[0]) - 1 if bits == (12,) or signed else None
    return Grey(inverted, signed, unsigned, white, no_data), changes, order


def unsupported_pixels(pages: list[Page]) -> str | None:
    """Return the kind of a file, such as ``32-bit float colour TIFF``, to name what fails.

    None if the file is damaged, so that its kind is not the reason.
    """
    page = full_page(pages)
    if min(page.size) < 1 or not page.bits:
        return None
    compression = page.number(COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        return f"TIFF of compression {compression}"
    number = {2: "signed ", 3: "float ", 5: "complex ", 6: "complex "}
    kind = number.get(page.number(SAMPLE_FORMAT, 1), "")
    alphas = len(set(page.numbers(EXTRA_SAMPLES)) & {1, 2})
    colours = len(page.bits) - alphas
    colour = "grey" if colours == 1 else "colour" if colours == 3 else f"{colours}-channel"
    alpha = " with alpha" if alphas else ""
    return f"{page.bits[0]}-bit {kind}{colour}{alpha} TIFF"
