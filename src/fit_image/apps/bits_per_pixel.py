"""The size of a network beside that of its picture."""

from __future__ import annotations

from collections.abc import Mapping

_PRECISIONS = (32, 16)
"""Bits of a parameter: of float32, in which networks learn and are kept, and of float16."""


def bits_per_pixel(parameters: int, width: int, height: int) -> dict[str, float]:
    """Return the bits of a network's parameters for each pixel of its picture.

    Parameters
    ----------
    parameters : int
        Weights and biases, hash tables included.
    width, height : int
        Of the picture as it was learned, in pixels.

    Returns
    -------
    dict
        ``bits_per_pixel_32`` and ``bits_per_pixel_16``, in as many bits a parameter.
    """
    pixels = width * height
    return {f"bits_per_pixel_{bits}": round(bits * parameters / pixels, 4) for bits in _PRECISIONS}


def format_bits(bits: Mapping[str, float]) -> str:
    """Return the figures of `bits_per_pixel` as text, such as ``2.75 / 1.38``."""
    texts = (f"{each:,.0f}" if each >= 100 else f"{each:.3g}" for each in bits.values())
    return " / ".join(texts)
