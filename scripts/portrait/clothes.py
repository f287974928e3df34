"""Dress, sleeves and mantle; folds are reliefs of noise that tilt the figure's normals."""

import numpy as np

from portrait.canvas import Array
from portrait.colour import GOLD, LINEN, SILK, VELVET, WOOL, mix, ramp
from portrait.light import Figure, bump, illuminate
from portrait.noise import bell, creases, fbm, smoothstep, spot

GIRDLE = -3.62  # its height in the body's frame


def paint_dress(colour: Array, figure: Figure) -> Array:
    """Velvet dress with gold border and girdle, over a linen shift."""
    bx, by, _ = figure.body
    neckline = -2.46 + 0.50 * np.abs(bx / 0.92) ** 3.2
    inside = neckline - by
    # Gathers spring from the girdle and die out over the bust.
    waist = by - GIRDLE
    folds = fbm(bx * 6 + 0.8 * fbm(bx * 3, by * 2, 2, 51), by * 0.7, 3, 52)
    gather = np.exp(-np.clip(waist, 0, 9) / 0.42) * (1 - 0.8 * bell(waist, 0.1))
    normal = bump(figure, creases(folds) * (0.10 + 0.90 * gather), 6.0)
    pile = fbm(figure.grid.x, figure.grid.y, 2, 53) - 0.5
    nap = (1 - np.clip(normal[2], 0, 1)) ** 2
    velvet_light = illuminate(figure, normal, 0.1) * (0.72 + 0.5 * nap)
    velvet = ramp(0.04 + velvet_light + 0.06 * pile, VELVET)
    linen_folds = fbm(bx * 22, by * 2, 2, 54)
    linen = ramp(illuminate(figure, bump(figure, linen_folds, 0.8), 0.3), LINEN)
    # Gold thread: two cords with a scroll between them, and a knot in every bend.
    middle = (inside - 0.075) / 0.075
    bends = np.sin(bx * 34)
    scroll = bell(middle - 0.45 * bends, 0.22)
    knots = bell(middle + 0.42 * bends, 0.26) * bends**6
    thread = np.clip(scroll + knots + smoothstep(0.72, 0.85, np.abs(middle)), 0, 1)
    gold_light = illuminate(figure, bump(figure, thread, 0.5), 0.0)
    border = ramp(gold_light * (0.25 + 0.85 * thread), GOLD)
    plait = 0.6 + 0.4 * np.sin(bx * 45 + 9 * np.abs(waist) / 0.06)
    below_neck = by < -1.6
    bodice = smoothstep(-0.01, 0.01, inside) * below_neck
    shift = smoothstep(-0.085, -0.06, inside + 0.02 * linen_folds) * below_neck
    colour = mix(colour, linen, shift)
    colour = mix(colour, velvet, bodice)
    colour = mix(colour, border, bodice * smoothstep(0.155, 0.145, inside))
    girdle = smoothstep(0.065, 0.055, np.abs(waist)) * bodice
    colour = mix(colour, ramp(gold_light * plait, GOLD), girdle)
    under_border = 0.5 * bell(inside - 0.17, 0.02) * bodice
    return colour * (1 - under_border)[..., None]


def paint_sleeves(colour: Array, figure: Figure) -> Array:
    """Full silk sleeves sprigged with small flowers, corded at the seam."""
    bx, by, _ = figure.body
    drift = fbm(bx * 2, by * 2, 2, 55)
    folds = creases(fbm(bx * 3.2 + by * 1.1 + 1.2 * drift, by * 1.3 - bx * 0.5, 3, 56))
    light = illuminate(figure, bump(figure, folds, 9.0), 0.05)
    light *= 0.62 + 0.5 * smoothstep(0.35, 0.95, folds)
    # Flowers in staggered rows, bent along with the folds.
    u, v = bx * 5.2 + 0.5 * folds, by * 4.2
    row = np.floor(v)
    u, v = (u + 0.5 * (row % 2)) % 1 - 0.5, v - row - 0.5
    petals = 0.20 + 0.07 * np.cos(5 * np.arctan2(v, u) + row)
    flower = smoothstep(petals, petals - 0.08, np.hypot(u, v)) - 0.8 * spot(u, v, 0, 0, 0.07, 0.07)
    silk = mix(ramp(0.95 * light, SILK), ramp(1.1 * light, GOLD), 0.42 * np.clip(flower, 0, 1))
    colour = mix(colour, silk, figure.seam < 0)
    # Dividing by the slope makes the cord equally wide wherever the surfaces meet.
    slope = np.hypot(*np.gradient(figure.seam)) * figure.grid.scale + 1e-4
    cord = smoothstep(1.6, 1.0, np.abs(figure.seam) / slope) * (by < -1.9)
    twist = illuminate(figure, figure.normal, 0.0) * (0.75 + 0.25 * np.sin(by * 90))
    return mix(colour, ramp(twist, GOLD), cord)


def paint_mantle(colour: Array, figure: Figure) -> Array:
    """A dark blue mantle over one shoulder, its folds hanging along the edge."""
    bx, by, _ = figure.body
    # How far inside its edge, which falls from the shoulder across the bodice.
    inside = -0.98 - 0.10 * (by + 1.9) + 0.14 * np.clip(-by - 2.6, 0, 9) ** 2 - bx
    inside += 0.05 * np.sin(by * 5.5)
    folds = creases(fbm(inside * 4.5 + 0.7 * fbm(bx * 2, by * 1.5, 2, 57), by * 0.45, 3, 58))
    light = illuminate(figure, bump(figure, folds - 0.3 * bell(inside, 0.05), 13.0), 0.05)
    light *= 0.55 + 0.6 * smoothstep(0.3, 0.95, folds)
    below_neck = figure.mask & (by < -1.7)
    cast = np.exp(-np.clip(-inside, 0, 9) / 0.09) * below_neck
    colour = colour * (1 - 0.6 * cast)[..., None]
    return mix(colour, ramp(0.95 * light, WOOL), smoothstep(-0.008, 0.008, inside) * below_neck)
