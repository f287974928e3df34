"""Jewels: balls placed on the body by their position in its frame."""

import numpy as np

from portrait.canvas import Array, Brush
from portrait.clothes import GIRDLE
from portrait.colour import GOLD, LINEN, SKIN, VELVET, ramp
from portrait.light import Figure


def paint_jewels(colour: Array, figure: Figure) -> Array:
    """A string of pearls on the collar bones, pearl buttons on the bodice, and a ruby drop."""
    brush = Brush(colour, figure.grid.scale)
    turn = 1.45 * np.linspace(-1, 1, 31)
    jewels = [(0.50 * np.sin(u), -1.58 - 0.42 * np.cos(u), 1.75, LINEN) for u in turn]
    jewels += [(0.0, y, 1.5, LINEN) for y in np.arange(-2.75, GIRDLE, -0.155)]
    jewels += [(0.0, -2.07, 3.6, GOLD), (0.0, -2.07, 2.5, VELVET)]
    for bx, by, radius, tones in jewels:
        away = np.hypot(figure.body[0] - bx, figure.body[1] - by)
        row, column = np.unravel_index(np.argmin(away), away.shape)
        # A place that no pixel shows is hidden.
        if away[row, column] < 0.03:
            light = 0.35 + 0.65 * figure.light[row, column]
            bead(brush, np.array([column, row]) / brush.scale, radius, light, tones)
    return brush.pixels()


def bead(brush: Brush, at: Array, radius: float, light: float, tones: list[str]) -> None:
    """A ball with its shadow below left and a highlight above right."""
    x, y = at
    brush.dab(x - 0.5, y + 0.6, radius, radius, ramp(0.25, SKIN))
    for k, tone in enumerate((0.25, 0.5, 0.72)):
        shift, size = 0.22 * k * radius, radius * (1 - 0.26 * k)
        brush.dab(x + shift, y - shift, size, size, ramp(tone * light, tones))
    brush.dab(x + 0.4 * radius, y - 0.4 * radius, 0.24 * radius, 0.24 * radius, np.ones(3) * light)
