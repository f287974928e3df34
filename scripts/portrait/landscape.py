"""Sky, hills and river: layers of noise from far to near."""

import numpy as np

from portrait.canvas import Array, Grid
from portrait.colour import mix, ramp
from portrait.noise import bell, fbm, smoothstep, spot

HORIZON = 176.0


def paint_sky(grid: Grid) -> Array:
    """Evening sky: deep blue overhead, gold at the horizon, clouds lit from the right."""
    x, y = grid.x, grid.y
    colour = ramp(y / HORIZON, ["3f5f78", "5f7f8e", "8fa29b", "c9bd98", "ecd09a", "f3cf92"])
    drift = 0.7 * fbm(x / 60, y / 30, 3, 1)
    cover = fbm(x / 75 + drift, y / 26 + drift, 6, 2)
    towards_lamp = fbm((x + 5) / 75 + drift, (y - 4) / 26 + drift, 6, 2)
    cloud = smoothstep(0.48, 0.70, cover) * smoothstep(HORIZON, HORIZON - 60, y)
    lit = np.clip(0.55 + 3.2 * (cover - towards_lamp), 0, 1)
    colour = mix(colour, ramp(lit, ["7d7a7c", "b79f8c", "e9cfa6", "fbeccb"]), 0.8 * cloud)
    return colour + 0.10 * spot(x, y, 300, HORIZON - 25, 120, 70)[..., None]


def paint_hills(colour: Array, grid: Grid) -> Array:
    """Ranges of hills, bluest and palest far away, green and brown near by."""
    x, y = grid.x, grid.y
    ranges = [
        (HORIZON - 16, 30, 46, "7f9aa6", "b4bcb0"),
        (HORIZON - 3, 22, 34, "64828c", "a3ad9c"),
        (HORIZON + 12, 16, 52, "556f68", "93996f"),
        (HORIZON + 34, 18, 70, "4a5a38", "8b8148"),
        (HORIZON + 66, 20, 80, "3a4423", "6f6431"),
    ]
    for k, (base, height, width, top, low) in enumerate(ranges):
        ridge = base - height * (fbm(x / width, 0 * x + k, 5, 10 + k) - 0.35)
        below = y - ridge
        # Gullies run down from the ridge, away from the lamp as they fall.
        u, v = (x - 0.25 * below) / (7 + 3 * k), below / (9 - k) + k
        ground = fbm(u, v, 5, 20 + k)
        slope = fbm(u + 0.15, v, 5, 20 + k) - ground
        layer = ramp(np.clip(below / 40 + 0.6 * (ground - 0.5), 0, 1), [top, low])
        layer *= (1 - (0.10 + 0.10 * k) * np.clip(6 * slope, -0.6, 1))[..., None]
        tufts = fbm(x / 2.5, y / (0.8 + 0.3 * k), 3, 35)
        layer *= (1 + 0.10 * k * (tufts - 0.5))[..., None]
        colour = mix(colour, layer, smoothstep(-0.6, 0.6, below))
        if k < 3:
            colour = mix(colour, "e3cfa2", 0.45 * bell(y - base - 12, 9))  # mist
    return colour


def paint_river(colour: Array, grid: Grid) -> Array:
    """A river that winds down the valley on the right, and a path on the left."""
    x, y = grid.x, grid.y
    t = np.clip((y - HORIZON - 6) / 90, 0, 1)
    water_x = 268 + 26 * np.sin(7.5 * np.sqrt(t) + 0.6) * (0.35 + t) - 10 * t
    from_water = np.abs(x - water_x) - (1.2 + 20 * t**1.3)
    in_valley = y > HORIZON + 6
    ripples = fbm(x / 14, y / 1.6, 3, 31)
    sheen = np.clip(0.75 - 0.5 * t + 0.7 * (ripples - 0.5), 0, 1)
    colour = mix(colour, "4a3f1f", 0.5 * smoothstep(3.5, 0.0, from_water) * in_valley)
    water = ramp(sheen, ["4c6166", "93a197", "f3dfae"])
    colour = mix(colour, water, smoothstep(1.0, 0.0, from_water) * in_valley)
    path_x = 36 + 20 * np.sin(5.5 * np.sqrt(t) + 2.2) * (0.3 + t)
    path = smoothstep(0.8, -0.6, np.abs(x - path_x) - 0.6 - 6 * t) * (y > HORIZON + 8)
    return mix(colour, "c4a468", 0.75 * path * (0.6 + 0.6 * fbm(x / 3, y / 2, 3, 32)))
