"""Signed distances to simple solids, and ways to blend them.

Points are columns of a (3, n) array.
"""

import numpy as np

from portrait.canvas import Array

Point = tuple[float, float, float]


def column(*v: float) -> Array:
    """One point, to combine with many."""
    return np.array(v, dtype=np.float32)[:, None]


def ellipsoid(p: Array, centre: Point, radii: Point) -> Array:
    """Approximate distance to an ellipsoid."""
    q = (p - column(*centre)) / column(*radii)
    k0 = np.sqrt((q * q).sum(0)) + 1e-6
    q /= column(*radii)
    k1 = np.sqrt((q * q).sum(0)) + 1e-6
    return k0 * (k0 - 1) / k1


def capsule(p: Array, a: Point, b: Point, ra: float, rb: float) -> Array:
    """Distance to a segment with a radius that changes along it."""
    start, along = column(*a), column(*b) - column(*a)
    t = np.clip(((p - start) * along).sum(0) / (along * along).sum(), 0, 1)
    q = p - start - along * t
    return np.sqrt((q * q).sum(0)) - (ra + (rb - ra) * t)


def join(a: Array, b: Array, k: float) -> Array:
    """Union of two shapes, blended over a width of k."""
    h = np.maximum(k - np.abs(a - b), 0) / k
    return np.minimum(a, b) - h * h * (k / 4)


def carve(a: Array, b: Array, k: float) -> Array:
    """Shape a without b, blended over a width of k."""
    return -join(-a, b, k)


def mirrored(p: Array, rounding: float = 0) -> Array:
    """Points folded to positive x; rounding keeps the fold from leaving a crease."""
    m = p.copy()
    m[0] = np.sqrt(m[0] * m[0] + rounding)
    return m
