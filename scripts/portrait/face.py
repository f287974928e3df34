"""Skin and features; ax is the distance from the face's middle, front leaves out the nape."""

import numpy as np

from portrait.canvas import Array
from portrait.colour import SKIN, glaze, mix, ramp
from portrait.figure import EYE, EYE_RADIUS, GAZE, in_head, lid_opening
from portrait.light import HALFWAY, Figure, illuminate
from portrait.noise import bell, blur, fbm, smoothstep, spot


def paint_skin(figure: Figure) -> Array:
    """Flesh: ramp colours, then the glazes of cheeks, lips, lids and brows."""
    light = illuminate(figure, figure.normal, 0.28)
    # Light bleeds through skin: soften it, and warm the edges of the shadows.
    radius = 1.2 * figure.grid.scale
    weight = np.maximum(blur(figure.mask.astype(np.float32), radius), 1e-3)
    soft = blur(light * figure.mask, radius) / weight
    colour = ramp(0.55 * light + 0.45 * soft, SKIN)
    colour = glaze(colour, np.clip(soft - light, -0.2, 0.2), (-0.35, 0.1, 0.25))
    sheen = np.clip(np.tensordot(HALFWAY, figure.normal, 1), 0, 1) ** 28 * figure.light
    colour += 0.10 * sheen[..., None]
    x, y, z = figure.head
    ax, front = np.abs(x), z > 0.1
    # Cheeks, tip of the nose, chin and upper lids.
    rose = 0.30 * spot(ax, y, 0.36, -0.27, 0.17, 0.14) + 0.22 * spot(ax, y, 0.04, -0.32, 0.09, 0.07)
    rose += 0.12 * spot(ax, y, 0, -0.85, 0.15, 0.12) + 0.15 * spot(ax, y, 0.27, 0.10, 0.15, 0.05)
    colour = glaze(colour, rose * front, (0.02, 0.38, 0.42))
    nostril = spot(ax, y, 0.052, -0.362, 0.028, 0.012) * front
    colour = paint_lips(mix(colour, "3a160c", 0.6 * nostril), x, y, front)
    colour = paint_brows(colour, ax, y, front)
    return paint_lids(colour, ax, y, front)


def paint_lips(colour: Array, x: Array, y: Array, front: Array) -> Array:
    """Lips as a rose glaze, with a soft dark line between them."""
    v = y - x * x + 0.584 + 0.003 * np.cos(x * 42)
    top = 0.066 * np.clip(1 - (x / 0.200) ** 2, 0, 1) ** 0.8 - 0.014 * bell(x, 0.03)
    bottom = -0.076 * np.clip(1 - (x / 0.182) ** 2, 0, 1) ** 0.65
    corners = smoothstep(0.215, 0.150, np.abs(x)) * front
    inside = smoothstep(-0.016, 0.020, top - v) * smoothstep(-0.022, 0.020, v - bottom) * corners
    # The upper lip turns away from the light.
    colour = glaze(colour, inside * (v > 0), (0.24, 0.48, 0.50))
    colour = glaze(colour, inside * (v <= 0), (0.12, 0.39, 0.42))
    return mix(colour, "4a1712", 0.65 * bell(v, 0.009) * corners)


def paint_brows(colour: Array, ax: Array, y: Array, front: Array) -> Array:
    """Thin arched brows, thickest near the nose, broken up into hairs."""
    arch = 0.178 - 1.7 * (ax - 0.29) ** 2 - 0.02 * (ax - 0.29)
    thick = 0.022 - 0.035 * np.clip(ax - 0.15, 0, 1)
    hairs = fbm(ax * 60 - y * 25, y * 12, 2, 41)
    brow = bell(y - arch, np.maximum(thick, 0.006))
    brow *= smoothstep(0.08, 0.20, ax) * smoothstep(0.47, 0.36, ax) * front
    return mix(colour, "3a1f12", 0.85 * np.clip(brow * (0.55 + 0.6 * hairs), 0, 1))


def paint_lids(colour: Array, ax: Array, y: Array, front: Array) -> Array:
    """Lashes along the upper lid, its crease, and a warm lower rim."""
    u = ax - EYE[0]
    edge = lid_opening(u, y)
    along = np.clip(1 - (u / 0.16) ** 2, 0, 1)
    upper = y > 0.012 * u / 0.142
    lash = bell(edge, 0.013) * upper * (0.55 + 0.45 * smoothstep(-0.1, 0.1, u))
    lower = bell(edge, 0.010) * ~upper
    crease = bell(y - 0.028 - 0.072 * along, 0.010) * along
    near = front * (np.abs(u) < 0.175) * (np.abs(y) < 0.16)
    colour = mix(colour, "6b3420", 0.40 * crease * near)
    colour = mix(colour, "8a4a35", 0.45 * lower * near)
    return mix(colour, "1d0d08", 0.90 * lash * near)


def paint_eyes(colour: Array, figure: Figure) -> Array:
    """Eyeballs: shaded white, iris with a lit lower edge, pupil and catchlight."""
    side = np.where(figure.head[0] < 0, -1, 1)
    local = figure.head - np.stack(np.broadcast_arrays(side * EYE[0], *EYE[1:]))
    white = ramp(np.clip(illuminate(figure, figure.normal, 0.5) + 0.08, 0, 1), SKIN)
    white = mix(white, "cfc6b8", 0.6 * smoothstep(0.0, 0.5, figure.light))
    from_pupil = local - (GAZE * EYE_RADIUS)[:, None, None]
    r = np.sqrt((from_pupil**2).sum(0)) / 0.064
    glow = np.clip(0.42 - 4.0 * from_pupil[1] - 2.5 * from_pupil[0], 0, 1)
    iris = mix(ramp(glow, ["2a170b", "744621", "be8a48"]), "1a0d06", 0.7 * smoothstep(0.65, 1, r))
    eye = mix(white, iris, smoothstep(1.08, 0.90, r))
    eye = mix(eye, "080403", smoothstep(0.50, 0.36, r))
    under_lid = smoothstep(-0.045, 0.0, lid_opening(side * local[0], local[1]))
    eye = glaze(eye, under_lid, (0.58, 0.66, 0.68))
    glint = from_pupil - in_head(np.float32([0.020, 0.024, 0.0]))[:, None, None]
    eye = mix(eye, "fff6e6", np.exp(-(glint**2).sum(0) / 0.018**2))
    return np.where(figure.is_eye[..., None], eye, colour)
