"""What stands in the landscape, drawn in dabs: bushes, a town, and trees."""

import numpy as np

from portrait.canvas import Array, Brush, Grid, Rng
from portrait.colour import LEAF_COOL, LEAF_WARM, ramp
from portrait.landscape import HORIZON
from portrait.noise import fbm, seeded

Clump = tuple[float, float, float, float]  # x, y, rx, ry
BARK = np.float32([0.17, 0.125, 0.06])


def paint_trees(colour: Array, grid: Grid) -> Array:
    """Bushes and a town in the valley, slender feathery trees, dark leaves in front."""
    rng = seeded(3)
    brush = Brush(colour, grid.scale)
    for y in np.sort(HORIZON + 4 + 150 * rng.random(420) ** 1.6):
        near = (y - HORIZON) / 90
        x = rng.uniform(-5, 305)
        in_river = abs(x - 268) < 14 + 22 * near
        if in_river or fbm(np.float32(x / 26), np.float32(y / 9), 3, 33) <= 0.5:
            continue
        size = 1.2 + 7 * near * rng.uniform(0.5, 1.2)
        leaves = LEAF_COOL if near < 0.3 else LEAF_WARM
        clump = (x, y, size * rng.uniform(0.8, 1.5), size)
        foliage(brush, rng, clump, 0.35 + 0.5 * near, leaves, int(40 + 160 * near))
    paint_town(brush)
    for x, y, tall, lean in ((22, 262, 176, 8), (52, 246, 118, -5), (284, 236, 92, 4)):
        slender_tree(brush, rng, np.array([x, y]), tall, lean)
    for clump in ((4, 404, 26, 22), (26, 424, 22, 16), (297, 420, 14, 24)):
        foliage(brush, rng, clump, 1.5, LEAF_WARM[:4], 500)
    return brush.pixels()


def foliage(
    brush: Brush, rng: Rng, clump: Clump, leaf: float, leaves: list[str], count: int
) -> None:
    """Leaves in a ball, dark ones first, lit from the upper right."""
    cx, cy, rx, ry = clump
    r, a = np.sqrt(rng.random(count)), rng.random(count) * 2 * np.pi
    dx, dy = r * np.cos(a), r * np.sin(a)
    light = 0.42 + 0.30 * dx - 0.36 * dy + 0.16 * rng.standard_normal(count)
    colours = ramp(np.clip(light + np.linspace(-0.22, 0.14, count), 0, 1), leaves)
    sizes = leaf * rng.uniform(0.6, 1.4, count)
    for x, y, size, colour in zip(cx + rx * dx, cy + ry * dy, sizes, colours, strict=True):
        brush.dab(x, y, size, size * 0.7, colour)


def paint_town(brush: Brush) -> None:
    """A far-off town by the river, lit from the right and pale with distance."""
    lit, dark, roof = ramp(np.array([0, 0.5, 1]), ["c2b48f", "8b8d7e", "85705d"])
    houses = ((214, 4, 4), (219, 5, 6), (226, 3, 15), (229, 4, 7), (234, 6, 4), (242, 3, 6))
    for x, wide, tall in houses:
        base, middle, right = HORIZON + 14.5 - 0.2 * tall, x + 0.45 * wide, x + wide
        top = base - tall
        brush.shape([(x, base), (x, top), (middle, top), (middle, base)], dark)
        brush.shape([(middle, base), (middle, top), (right, top), (right, base)], lit)
        brush.shape([(x - 0.4, top), (x + wide / 2, top - 0.6 * wide), (right + 0.4, top)], roof)


def slender_tree(brush: Brush, rng: Rng, foot: Array, tall: float, lean: float) -> None:
    """A thin trunk, branches, and loose leaves the sky shows through."""
    t = np.linspace(0, 1, 14)
    trunk = foot + np.stack([lean * t + 1.2 * np.sin(7 * t), -tall * t], -1)
    for k in range(13):
        brush.line(trunk[k : k + 2], 0.5 + 0.014 * tall * (1 - t[k]), BARK)
    for k in range(40):
        at = rng.uniform(0.42, 1.0)
        root = np.array([np.interp(at, t, axis) for axis in trunk.T])
        reach = tall * 0.20 * (1.25 - at) * rng.uniform(0.4, 1.2) * (-1) ** k
        tip = root + np.array([reach, -abs(reach) * rng.uniform(0.3, 0.8)])
        brush.line(np.stack([root, tip]), 0.35, BARK)
        size = tall * rng.uniform(0.035, 0.065)
        foliage(brush, rng, (*tip, size * 1.25, size * 0.8), 0.6, LEAF_WARM, 60)
