"""Vector art: maps of towns and drawn landscapes."""

from __future__ import annotations

import math

from screens.kit import Kit
from screens.theme import tone


def _town(kit: Kit, width: int, height: int) -> str:
    rng, dark = kit.rng, kit.theme.dark
    land, water, park, road, house = (
        ("#242f3e", "#17263c", "#263c3f", "#4a5568", "#2e3b4e")
        if dark
        else rng.choice(
            [
                ("#f2efe9", "#aad3df", "#c8e6b4", "#ffffff", "#d9d0c9"),
                ("#eaeaea", "#9cc0f9", "#cbe6a3", "#ffffff", "#dddddd"),
                ("#fbf3e4", "#79bcd8", "#b5d99c", "#f7c873", "#e7d5bd"),
            ]
        )
    )
    parts = [f'<rect width="{width}" height="{height}" fill="{land}"/>']
    for _ in range(rng.randint(2, 6)):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        w, h = rng.uniform(60, 260), rng.uniform(40, 200)
        parts.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{h:.0f}" rx="8" fill="{park}"/>'
        )
    y = rng.uniform(0.2, 0.8) * height
    bend = rng.uniform(-0.5, 0.5) * height
    river = (
        f"M-20 {y:.0f}C{width * 0.3:.0f} {y + bend:.0f} {width * 0.6:.0f} {y - bend:.0f} "
        f"{width + 20} {y:.0f}"
    )
    step, angle = rng.choice([60, 90, 130]), rng.uniform(-25, 25)
    blocks = []
    for column in range(-height // step - 2, (width + height) // step + 2):
        for row in range(-height // step - 2, (width + height) // step + 2):
            if rng.random() < 0.55:
                left, top = column * step + 10, row * step + 10
                w, h = rng.uniform(0.3, 0.75) * step, rng.uniform(0.3, 0.75) * step
                blocks.append(
                    f'<rect x="{left}" y="{top}" width="{w:.0f}" height="{h:.0f}" fill="{house}"/>'
                )
    lines = "".join(
        f"M{at * step} -2000V4000M-2000 {at * step}H4000"
        for at in range(-30, 40)
        if rng.random() < 0.9
    )
    parts.append(
        f'<g transform="rotate({angle:.1f})">{"".join(blocks)}'
        f'<path d="{lines}" stroke="{road}" stroke-width="{rng.choice([5, 8, 11])}"/></g>'
    )
    parts.append(
        f'<path d="{river}" stroke="{water}" stroke-width="{rng.randint(25, 90)}" fill="none"/>'
    )
    for _ in range(rng.randint(1, 3)):
        x0, x1 = rng.uniform(0, width), rng.uniform(0, width)
        colour = rng.choice(["#f9b24e", "#e892a2", "#fcd6a4"])
        path = f"M{x0:.0f} -10L{x1:.0f} {height + 10}"
        parts.append(f'<path d="{path}" stroke="#0004" stroke-width="13"/>')
        parts.append(f'<path d="{path}" stroke="{colour}" stroke-width="11"/>')
    ink = "#e8e8e8" if dark else "#333"
    halo = land
    for _ in range(max(4, width * height // 18000)):
        x, y0 = rng.uniform(0, width), rng.uniform(0, height)
        turn = rng.choice([0, 0, angle, angle + 90 if angle < 0 else angle - 90])
        parts.append(
            f'<text transform="translate({x:.0f} {y0:.0f}) rotate({turn:.1f})" fill="{ink}" '
            f'stroke="{halo}" stroke-width="3" paint-order="stroke" font-size="'
            f'{rng.choice([10, 11, 12, 15])}">'
            f"{kit.words.phrase(1, 2)}</text>"
        )
    for _ in range(rng.randint(1, 6)):
        x, y0 = rng.uniform(20, width - 20), rng.uniform(40, height - 10)
        pin = "m0 0c-3-9-9-12-9-19a9 9 0 0118 0c0 7-6 10-9 19z"
        parts.append(
            f'<path d="M{x:.0f} {y0:.0f}{pin}" fill="{rng.choice(["#e53935", kit.hue()])}" '
            'stroke="#fff"/>'
        )
    return "".join(parts)


def _landscape(kit: Kit, width: int, height: int) -> str:
    rng = kit.rng
    hue = rng.uniform(0, 360)
    name = f"g{rng.randrange(10**9)}"
    sky = (
        f'<defs><linearGradient id="{name}" x2="0" y2="1"><stop stop-color="'
        f'{tone(hue, 0.35, 0.6)}"/>'
        f'<stop offset="1" stop-color="{tone(hue + 50, 0.8, 0.7)}"/></linearGradient></defs>'
        f'<rect width="{width}" height="{height}" fill="url(#{name})"/>'
    )
    sun = (
        f'<circle cx="{rng.uniform(0.1, 0.9) * width:.0f}" cy="'
        f'{rng.uniform(0.15, 0.5) * height:.0f}" '
        f'r="{height * rng.uniform(0.05, 0.12):.0f}" fill="{tone(hue + 60, 0.85, 1)}"/>'
    )
    hills, layers = [], rng.randint(3, 6)
    for layer in range(layers):
        base = height * (0.45 + 0.5 * layer / layers)
        phase, waves, rough = rng.uniform(0, 7), rng.uniform(1, 5), rng.uniform(0.03, 0.12) * height
        points = []
        for at in range(0, 41):
            t = at / 40
            y = (
                base
                + rough * math.sin(phase + waves * 6 * t)
                + rough * 0.4 * math.sin(23 * t + phase * 3)
            )
            points.append(f"{t * width:.0f} {y:.1f}")
        colour = tone(hue + 30 * layer, 0.55 - 0.42 * layer / layers, 0.45)
        hills.append(
            f'<path d="M0 {height}L{"L".join(points)}L{width} {height}Z" fill="{colour}"/>'
        )
    return sky + sun + "".join(hills)


def drawing(kit: Kit, width: int, height: int) -> str:
    """A map or a landscape of a size."""
    draw = kit.rng.choice([_town, _landscape])
    return (
        f'<svg width="{width}" height="{height}" style="display:block">{draw(kit, width, height)}'
        "</svg>"
    )


def wallpaper(kit: Kit, width: int, height: int) -> str:
    """A landscape of a size."""
    inside = _landscape(kit, width, height)
    return f'<svg width="{width}" height="{height}" style="display:block">{inside}</svg>'


def atlas(kit: Kit) -> str:
    """A window with a map, a panel to search in, and buttons on the map."""
    words = kit.words
    places = kit.many(
        lambda: (
            f'<div class="row gap pad">{kit.icon(22, kit.hue())}<div class="grow"><div '
            'class="line">'
            f'{words.phrase(2, 4)}</div><div class="muted small line">{words.sentence(3, 6)}'
            "</div></div></div>"
        ),
        4,
        12,
    )
    zoom = "".join(
        f'<span class="button">{kit.icon(16, "var(--ink)", name)}</span>'
        for name in ("plus", "home")
    )
    panel = f'<div class="side" style="width:calc(var(--side) + 60px)">{kit.field()}{places}</div>'
    town = f'<svg width="2000" height="1400">{_town(kit, 2000, 1400)}</svg>'
    return (
        f'<div class="row fill clip">{panel if kit.chance(0.75) else ""}<div class="grow clip" '
        f'style="position:relative">{town}<div class="col gap" style="position:absolute;right:14px;'
        f'top:14px">{zoom}</div></div></div>'
    )
