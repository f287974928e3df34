"""What the eye sees of the figure, and how one lamp lights it."""

from dataclasses import dataclass

import numpy as np

from portrait.canvas import Array, Grid
from portrait.distance import column
from portrait.figure import (
    HEAD_X,
    HEAD_Y,
    UNIT,
    figure_distance,
    in_body,
    in_head,
    part_distances,
    unit,
)

LIGHT = unit(0.58, 0.56, 0.68)
HALFWAY = unit(LIGHT[0], LIGHT[1], LIGHT[2] + 1)  # between the lamp and the viewer


@dataclass
class Figure:
    """The visible surface, per pixel of the grid."""

    grid: Grid
    mask: Array
    depth: Array
    normal: Array
    light: Array  # how much of the lamp is not in shadow
    occlusion: Array  # how much of the sky nearby surfaces hide
    head: Array  # position in the head's frame
    body: Array  # position in the body's frame
    is_eye: Array
    seam: Array  # below zero on the sleeves


def march(grid: Grid) -> tuple[Array, Array]:
    """Follow parallel rays away from the viewer; gives the end points and which rays hit."""
    x, y = (grid.x - HEAD_X) / UNIT, (HEAD_Y - grid.y) / UNIT
    p = np.stack([x.ravel(), y.ravel(), np.full(x.size, 1.15, np.float32)])
    moving = np.arange(x.size)
    for _ in range(60):
        step = figure_distance(p[:, moving])
        # Blended distances are not exact: shorter steps keep rays from passing through.
        p[2, moving] -= 0.85 * step
        moving = moving[(step > 0.002) & (p[2, moving] > -1.2)]
        if not moving.size:
            break
    return p, p[2] > -1.15


def shadow(p: Array) -> Array:
    """How much of the lamp reaches each point; edges soften with distance from what casts them."""
    lit, t = np.ones(p.shape[1], np.float32), 0.06
    for _ in range(14):
        clearance = figure_distance(p + LIGHT[:, None] * t)
        lit = np.minimum(lit, np.clip(0.5 + clearance / (0.36 * t), 0, 1))
        t *= 1.22
    return lit


def see_figure(grid: Grid) -> Figure:
    """Find the figure's surface, its normals and the light on it."""
    p, hit = march(grid)
    q = p[:, hit]
    # The distance's gradient, from the corners of a tetrahedron.
    normal = np.zeros_like(q)
    for corner in (column(1, -1, -1), column(-1, -1, 1), column(-1, 1, -1), column(1, 1, 1)):
        normal += corner * figure_distance(q + corner * 0.006)
    normal /= np.linalg.norm(normal, axis=0)
    occlusion = np.zeros(q.shape[1], np.float32)
    for reach in (0.04, 0.1, 0.22, 0.4):
        occlusion += (reach - figure_distance(q + normal * reach)) / reach / 4
    head, eyes, torso, sleeves = part_distances(q)

    def plane(values: Array, empty: float = 0.0) -> Array:
        out = np.full((*values.shape[:-1], hit.size), empty, values.dtype)
        out[..., hit] = values
        return out.reshape(*values.shape[:-1], *grid.shape)

    return Figure(
        grid=grid,
        mask=hit.reshape(grid.shape),
        depth=plane(q[2], -9.0),
        normal=plane(normal),
        light=plane(shadow(q + normal * 0.01)),
        occlusion=plane(np.clip(occlusion, 0, 1)),
        head=plane(in_head(q), 9.0),
        body=plane(in_body(q), 9.0),
        is_eye=plane(eyes < np.minimum(head, torso)),
        seam=plane(sleeves - torso),
    )


def illuminate(figure: Figure, normal: Array, wrap: float) -> Array:
    """Light value for the ramps: lamp, sky and a weak warm return from the left.

    A larger wrap carries the lamp's light further round a form, as in skin.
    """
    facing = np.tensordot(LIGHT, normal, 1)
    key = np.clip((facing + wrap) / (1 + wrap), 0, 1) * (0.17 + 0.83 * figure.light)
    sky = 0.5 + 0.5 * normal[1]
    bounce = np.clip(-0.8 * normal[0] + 0.3 * normal[2] - 0.2 * normal[1], 0, 1)
    ambient = (0.10 + 0.10 * sky + 0.10 * bounce) * (1 - 0.9 * figure.occlusion)
    return ambient + 0.72 * key


def bump(figure: Figure, height: Array, depth: float) -> Array:
    """The figure's normals, tilted by a relief."""
    dy, dx = np.gradient(height * depth * figure.grid.scale)
    tilted = figure.normal - np.stack([dx, -dy, np.zeros_like(dx)])
    return tilted / np.maximum(np.linalg.norm(tilted, axis=0), 1e-3)
