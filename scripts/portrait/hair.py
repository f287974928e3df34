"""Hair: thousands of strands, grown between a few guides, shaded and drawn one by one."""

import numpy as np

from portrait.canvas import Array, Brush, Rng
from portrait.colour import HAIR, glaze, mix, ramp
from portrait.figure import HEAD_TURN, HEAD_X, HEAD_Y, UNIT
from portrait.light import HALFWAY, LIGHT, Figure
from portrait.noise import blur, seeded, smoothstep

# Five locks on the sitter's left, from the brow to the nape, each nine points (x, y, z) from the
# parting down; x is mirrored for the other side.
GUIDES = """
0.00  0.73  0.63   0.27  0.65  0.58   0.51  0.36  0.40   0.58  0.02  0.26   0.58 -0.36  0.10
0.54 -0.80 -0.02   0.58 -1.25  0.02   0.64 -1.80  0.25   0.52 -2.50  0.42
0.00  0.86  0.48   0.31  0.84  0.45   0.61  0.52  0.28   0.71  0.08  0.12   0.69 -0.36  0.02
0.64 -0.85 -0.08   0.72 -1.30 -0.02   0.78 -1.85  0.12   0.70 -2.60  0.30
0.00  0.99  0.18   0.38  0.98  0.18   0.71  0.64  0.08   0.79  0.14 -0.06   0.77 -0.36 -0.12
0.72 -0.85 -0.26   0.82 -1.30 -0.28   0.92 -1.75 -0.40   0.94 -2.40 -0.50
0.00  1.02 -0.15   0.38  1.01 -0.15   0.73  0.66 -0.20   0.81  0.15 -0.30   0.80 -0.36 -0.35
0.76 -0.85 -0.46   0.84 -1.25 -0.55   0.90 -1.60 -0.70   0.92 -2.10 -0.80
0.00  0.90 -0.50   0.30  0.86 -0.50   0.55  0.50 -0.60   0.48  0.00 -0.74   0.02 -0.40 -0.62
-0.14 -0.90 -0.60  -0.02 -1.30 -0.60   0.35 -1.70 -0.65   0.50 -2.10 -0.70
"""
LOCKS = 30
STRANDS, STEPS = 5200, 80


def catmull(points: Array, count: int) -> Array:
    """Count points on a smooth curve through points, both along the first of three axes."""
    last = len(points) - 1
    at = np.linspace(0, 1, count) * last
    i = np.minimum(at.astype(int), last - 1)
    f = (at - i)[:, None, None]
    a, b, c, d = (points[np.clip(i + k, 0, last)] for k in (-1, 0, 1, 2))
    return b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)))


def grow_hair(rng: Rng) -> tuple[Array, Array]:
    """Strands in world units, (STRANDS, STEPS, 3), and each one's own brightness."""
    lock, side = rng.integers(0, LOCKS, STRANDS), np.where(rng.random(STRANDS) < 0.5, -1, 1)
    offset = 0.6 * rng.standard_normal(STRANDS)
    lock_middle = (lock + 0.5) / LOCKS
    across = np.clip(lock_middle + offset / LOCKS, 0, 1)
    lock_length = rng.uniform(0.82, 1.0, LOCKS)
    length = lock_length[lock][:, None] * rng.uniform(0.84, 1.0, (STRANDS, 1))
    along = np.linspace(0, 1, STEPS) * length
    # The guides as a fine table over (across, along), read at the nearest entry.
    table = catmull(np.array(GUIDES.split(), dtype=np.float32).reshape(5, 9, 3), 400)
    table = catmull(table.swapaxes(0, 1), 600).swapaxes(0, 1)
    # Strands of a lock gather towards its tip.
    across = across[:, None] + (lock_middle - across)[:, None] * 0.8 * smoothstep(0.45, 1.0, along)
    strands = table[np.clip(across * 399, 0, 399).astype(int), (along * 599).astype(int)]
    # Waves grow towards the ends; strands of one lock wave nearly together.
    key = lock + LOCKS * (side > 0)
    lock_phase, lock_tone = rng.random(2 * LOCKS), rng.standard_normal(2 * LOCKS)
    phase = 2 * np.pi * (0.6 * lock_phase[key][:, None] + 0.05 * lock[:, None] + 4.6 * along**1.2)
    phase += 0.28 * rng.standard_normal((STRANDS, 1))
    swing = 0.008 + 0.062 * smoothstep(0.25, 0.7, along)
    strands[..., 0] += swing * np.sin(phase)
    strands[..., 2] += swing * np.cos(phase)
    stray = np.where(rng.random((STRANDS, 1)) < 0.05, 3.0 * along, 1.0)
    loose = (0.010 + 0.03 * along**2) * stray
    strands += rng.standard_normal((STRANDS, 1, 3)) * loose[..., None]
    strands[..., 0] *= side[:, None]
    tone = 0.5 * lock_tone[key] + 0.6 * rng.standard_normal(STRANDS) + 0.7 - 1.2 * np.abs(offset)
    return (strands @ HEAD_TURN.T).astype(np.float32), tone


def shade_hair(strands: Array, tone: Array) -> Array:
    """Light value along each strand: sheen across the hair's direction, form from the skull."""
    tangent = np.gradient(strands, axis=1)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
    outward = strands - np.float32([0, 0, -0.2])
    outward[..., 1] = 0.6 * np.maximum(outward[..., 1], 0)
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    facing = np.clip(0.30 + 0.70 * (outward @ LIGHT), 0.05, 1)
    diffuse = np.sqrt(np.clip(1 - (tangent @ LIGHT) ** 2, 0, 1))
    shine = np.clip(1 - (tangent @ HALFWAY) ** 2, 0, 1) ** 12
    light = 0.12 + 0.40 * facing * diffuse + 0.45 * (0.25 + 0.75 * facing) * shine
    light *= 0.45 + 0.55 * smoothstep(0.0, 0.05, np.linspace(0, 1, STEPS))
    return np.clip(light + (0.06 + 0.08 * facing) * tone[:, None], 0.02, 1)


def visible_pieces(strands: Array, xy: Array, figure: Figure) -> Array:
    """Which pieces of the strands, (STRANDS, STEPS - 1), the figure does not hide."""
    rows, columns = figure.grid.shape
    column = np.clip((xy[..., 0] * figure.grid.scale).astype(int), 0, columns - 1)
    row = np.clip((xy[..., 1] * figure.grid.scale).astype(int), 0, rows - 1)
    # Hair a little inside the shoulders lies on them; deeper hair is behind the sitter.
    slack = np.where(strands[..., 1] < -1.1, 0.20, 0.05)
    # Let hair overlap the outline by a pixel, or the background would shine through there.
    depth = figure.depth
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        depth = np.minimum(depth, np.roll(figure.depth, shift, axis))
    visible = strands[..., 2] > depth[row, column] - slack
    return visible[:, :-1] & visible[:, 1:]


def paint_hair(colour: Array, figure: Figure) -> Array:
    """The strands, back to front, over a soft shadow that they cast on the skin."""
    rng, grid = seeded(4), figure.grid
    strands, tone = grow_hair(rng)
    shades = ramp(shade_hair(strands, tone), HAIR)
    xy = np.stack([HEAD_X + UNIT * strands[..., 0], HEAD_Y - UNIT * strands[..., 1]], -1)
    visible = visible_pieces(strands, xy, figure)
    back_to_front = np.argsort(strands[:, 8:36, 2].mean(1) + 0.05 * rng.standard_normal(STRANDS))
    cover = Brush(np.zeros((*grid.shape, 3)), grid.scale)
    for k in back_to_front[::2]:
        for a in np.flatnonzero(visible[k, :70]):
            cover.line(xy[k, a : a + 2], 1.3, np.ones(3))
    mass = cover.pixels()[..., 0]
    # What the hair covers, moved a little away from the lamp, is its shadow on the skin.
    shade = blur(np.roll(mass, -grid.scale, 1), 2 * grid.scale) * figure.mask
    colour = glaze(colour, shade, (0.50, 0.64, 0.70))
    brush = Brush(mix(colour, HAIR[1], 0.9 * blur(mass, 0.3 * grid.scale) ** 2), grid.scale)
    for k in back_to_front:
        width = 0.34 if rng.random() < 0.75 else 0.67
        for a in np.flatnonzero(visible[k]):
            brush.line(xy[k, a : a + 2], width, shades[k, a])
    return brush.pixels()
