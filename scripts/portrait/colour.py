"""Painter's ramps from shadow to highlight, and ways to lay one colour over another."""

import numpy as np

from portrait.canvas import Array

SKIN = ["2a130c", "56301f", "8d573a", "c08a62", "dcab80", "eec79d", "fadfbc"]
VELVET = ["120508", "2c0a0e", "4f1214", "791f1b", "a33a29", "cf6c50"]
SILK = ["0a1212", "142422", "223b35", "3a5a4c", "6a8a70", "b3c3a0"]
WOOL = ["06080d", "0d1420", "182638", "2a4054", "51697a", "98a8a2"]
LINEN = ["4a3d30", "8c7b66", "c7b79c", "ebe0c8", "fffaea"]
GOLD = ["2e1c08", "6b4614", "a97a28", "dcb457", "fff0b4"]
HAIR = ["120806", "2a130a", "4a2411", "75401d", "a9682f", "d7a05a", "f6d79a"]
LEAF_WARM = ["141a0c", "28300f", "4a4d1a", "7d7430", "c0a850"]
LEAF_COOL = ["34483f", "455a4b", "5c6e58", "7d8868", "a8a47c"]


def ramp(value: Array | float, colours: list[str]) -> Array:
    """Colours along an evenly spaced list of hex stops; value runs from 0 to 1."""
    stops = np.array([list(bytes.fromhex(c)) for c in colours]) / 255
    at = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(value, at, stop) for stop in stops.T], -1).astype(np.float32)


def mix(base: Array, colour: Array | str, amount: Array) -> Array:
    """Lay a colour over base; amount is the paint's opacity."""
    if isinstance(colour, str):
        colour = ramp(0, [colour])
    return base + (colour - base) * amount[..., None]


def glaze(base: Array, amount: Array, absorbed: tuple[float, float, float]) -> Array:
    """Lay a clear glaze over base, which absorbs these shares of red, green and blue."""
    return base * (1 - amount[..., None] * np.float32(absorbed))
