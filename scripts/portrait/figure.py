"""The sitter's shape: head, neck, bust and sleeves as signed distances.

World units are half a head; x points right, y up, z to the viewer, from the head's centre.  Head
and body are each modelled upright and facing the viewer, then turned.
"""

import numpy as np

from portrait.canvas import Array
from portrait.distance import capsule, carve, column, ellipsoid, join, mirrored

# The head's centre in the picture, and picture units per world unit.
HEAD_X, HEAD_Y, UNIT = 146.0, 128.0, 71.0


def unit(*v: float) -> Array:
    """The direction of a vector."""
    a = np.array(v, dtype=np.float32)
    return a / np.linalg.norm(a)


def rotation(yaw: float, pitch: float, roll: float) -> Array:
    """Rotation matrix, angles in degrees; positive yaw turns to the viewer's right."""
    y, p, r = np.radians([yaw, pitch, roll])
    ry = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    rx = [[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]]
    rz = [[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]]
    return (np.array(rz) @ np.array(ry) @ np.array(rx)).astype(np.float32)


HEAD_TURN, BODY_TURN = rotation(22, 3, 4), rotation(-24, 0, 0)
BODY_SHIFT = column(-0.02, 0.22, 0.0)
EYE, EYE_RADIUS = (0.262, 0.0, 0.50), 0.150
GAZE = HEAD_TURN.T @ unit(0.19, 0.0, 1.0)


def in_head(p: Array) -> Array:
    """World points in the head's frame."""
    return HEAD_TURN.T @ p


def in_body(p: Array) -> Array:
    """World points in the body's frame."""
    return BODY_TURN.T @ (p - BODY_SHIFT)


def lid_opening(x: Array, y: Array) -> Array:
    """Below zero between the lids; x from the eye's centre outwards, y upwards."""
    u = x / 0.142
    top = 0.066 * (1 - u * u) - 0.010 * (u * (1 - u * u)) + 0.012 * u
    bottom = -0.044 * (1 - u * u) + 0.012 * u
    return np.maximum(y - top, bottom - y)


def head_distance(p: Array) -> tuple[Array, Array]:
    """Distances to the head without its eyeballs and to the eyeballs, in the head's frame."""
    m = mirrored(p, 1e-4)
    # Skull, jaw, chin and cheeks, then the eye sockets and the ridge of the brows.
    d = ellipsoid(m, (0, 0.27, -0.10), (0.61, 0.68, 0.84))
    d = join(d, ellipsoid(m, (0, -0.15, 0.12), (0.54, 0.74, 0.60)), 0.2)
    d = join(d, ellipsoid(m, (0, -0.58, 0.24), (0.40, 0.34, 0.42)), 0.2)
    d = join(d, ellipsoid(m, (0, -0.82, 0.56), (0.15, 0.12, 0.13)), 0.2)
    d = join(d, ellipsoid(m, (0.30, -0.24, 0.42), (0.19, 0.20, 0.19)), 0.25)
    d = carve(d, ellipsoid(m, (0.23, 0.015, 0.86), (0.18, 0.11, 0.20)), 0.16)
    d = join(d, capsule(m, (0.10, 0.16, 0.65), (0.42, 0.12, 0.36), 0.06, 0.05), 0.18)
    # The nose: bridge, tip and wings, then the nostrils.
    d = join(d, capsule(m, (0, 0.12, 0.67), (0, -0.27, 0.815), 0.045, 0.060), 0.11)
    d = join(d, ellipsoid(m, (0, -0.300, 0.835), (0.074, 0.062, 0.080)), 0.07)
    d = join(d, ellipsoid(m, (0.082, -0.325, 0.755), (0.048, 0.045, 0.08)), 0.10)
    d = carve(d, ellipsoid(m, (0.045, -0.377, 0.80), (0.026, 0.020, 0.035)), 0.03)
    # The mouth, bent around the teeth, its corners a little raised.
    w = m.copy()
    w[2] += 1.3 * m[0] * m[0]
    w[1] -= 1.0 * m[0] * m[0] - 0.006
    d = join(d, ellipsoid(w, (0, -0.56, 0.60), (0.23, 0.18, 0.12)), 0.16)
    lips = ellipsoid(w, (0, -0.540, 0.698), (0.190, 0.040, 0.062))
    lips = join(lips, ellipsoid(w, (0, -0.625, 0.690), (0.155, 0.048, 0.070)), 0.012)
    d = join(d, lips, 0.035)
    d = carve(d, capsule(w, (0, -0.578, 0.775), (0.15, -0.578, 0.755), 0.012, 0.014), 0.025)
    d = carve(d, capsule(w, (0, -0.40, 0.79), (0, -0.480, 0.775), 0.018, 0.024), 0.05)
    # Lids over the front of the eyeballs, cut open.
    behind = EYE[2] - m[2]
    lid_radius = EYE_RADIUS + 0.022
    lids = ellipsoid(m, EYE, (lid_radius, lid_radius, lid_radius))
    d = join(d, np.maximum(lids, behind), 0.04)
    opening = lid_opening(m[0] - EYE[0], m[1] - EYE[1])
    d = carve(d, np.maximum(opening, behind), 0.012)
    return d, ellipsoid(m, EYE, (EYE_RADIUS, EYE_RADIUS, EYE_RADIUS))


def torso_distance(p: Array) -> Array:
    """Distance to neck, shoulders and bust, in the body's frame."""
    m = mirrored(p, 0.02)
    d = capsule(m, (0, -0.55, -0.16), (0, -1.75, -0.32), 0.33, 0.38)
    chest = ellipsoid(m, (0, -2.65, -0.40), (1.18, 1.05, 0.66))
    chest = join(chest, capsule(m, (0, -1.95, -0.42), (1.18, -2.26, -0.42), 0.30, 0.34), 0.3)
    d = join(d, chest, 0.42)
    d = join(d, ellipsoid(m, (0.44, -2.98, 0.02), (0.46, 0.46, 0.34)), 0.45)
    d = join(d, ellipsoid(m, (0, -4.4, -0.35), (1.15, 1.5, 0.70)), 0.4)
    # Neck muscles and collar bones, just visible.
    d = join(d, capsule(m, (0.36, -0.75, -0.20), (0.07, -1.74, 0.05), 0.07, 0.055), 0.10)
    return join(d, capsule(m, (0.10, -1.80, 0.05), (0.95, -1.84, -0.26), 0.04, 0.05), 0.10)


def sleeve_distance(p: Array) -> Array:
    """Distance to the full sleeves, in the body's frame."""
    m = mirrored(p)
    d = capsule(m, (1.24, -2.46, -0.42), (1.42, -3.7, -0.36), 0.44, 0.50)
    return join(d, capsule(m, (1.42, -3.7, -0.36), (1.34, -5.2, 0.05), 0.50, 0.48), 0.3)


def part_distances(p: Array) -> tuple[Array, Array, Array, Array]:
    """Distances from world points p to head, eyes, torso and sleeves.

    Each part is worked out only near its own height, to save time; elsewhere it counts as far away.
    """
    head, eyes, torso, sleeves = np.full((4, p.shape[1]), 9, np.float32)
    near_head, near_torso, near_arms = p[1] > -1.25, p[1] < -0.35, p[1] < -1.5
    head[near_head], eyes[near_head] = head_distance(in_head(p[:, near_head]))
    torso[near_torso] = torso_distance(in_body(p[:, near_torso]))
    sleeves[near_arms] = sleeve_distance(in_body(p[:, near_arms]))
    return head, eyes, torso, sleeves


def figure_distance(p: Array) -> Array:
    """Distance from world points p to the whole figure."""
    head, eyes, torso, sleeves = part_distances(p)
    return np.minimum(np.minimum(join(head, torso, 0.10), eyes), sleeves)
