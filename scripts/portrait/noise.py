"""Seeded noise, and the soft curves that shape it."""

import numpy as np

from portrait.canvas import Array, Rng

SEED = 1503


def seeded(stream: int) -> Rng:
    """One of the picture's independent random streams."""
    return np.random.default_rng([SEED, stream])


def smoothstep(low: float | Array, high: float | Array, v: Array) -> Array:
    """Rises smoothly from 0 at low to 1 at high, which may be the smaller of the two."""
    t = np.clip((v - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bell(v: Array, width: float | Array) -> Array:
    """A soft ridge of height one along v = 0."""
    return np.exp(-((v / width) ** 2))


def spot(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    """A soft round spot of height one."""
    return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)


def fbm(u: Array, v: Array, octaves: int, stream: int) -> Array:
    """Fractal value noise in 0..1 at the points (u, v); the coarsest cells are one unit wide."""
    lattice = seeded(stream).random((256, 256), dtype=np.float32)
    total = np.zeros(np.broadcast(u, v).shape, np.float32)
    for octave in range(octaves):
        # The offsets keep the octaves' lattices from meeting in one corner.
        a, b = u * 2**octave + 17.3 * octave, v * 2**octave + 9.1 * octave
        i, j = np.floor(a).astype(np.int32), np.floor(b).astype(np.int32)
        fa, fb = smoothstep(0, 1, a - i), smoothstep(0, 1, b - j)
        i0, i1, j0, j1 = i & 255, (i + 1) & 255, j & 255, (j + 1) & 255
        upper = lattice[j0, i0] * (1 - fa) + lattice[j0, i1] * fa
        lower = lattice[j1, i0] * (1 - fa) + lattice[j1, i1] * fa
        total += (upper * (1 - fb) + lower * fb) * 0.5**octave
    return total / (2 - 0.5 ** (octaves - 1))


def creases(noise: Array) -> Array:
    """Noise folded at its middle value, which becomes sharp crests of height one."""
    return 1 - np.abs(2 * noise - 1)


def blur(a: Array, radius: float) -> Array:
    """Near-Gaussian blur of a plane: three box blurs along each axis."""
    half = max(1, round(radius))
    window = 2 * half + 1
    for _ in range(6):
        padded = np.pad(a, ((half + 1, half), (0, 0)), mode="edge")
        total = np.cumsum(padded, axis=0, dtype=np.float64)
        # Each pass blurs the first axis and swaps the two.
        a = ((total[window:] - total[:-window]) / window).astype(np.float32).T
    return a
