"""Charts as SVG."""

from __future__ import annotations

import math

from screens.kit import Kit

_LEFT, _BOTTOM, _TOP = 44, 24, 12


def _walk(kit: Kit, count: int) -> list[float]:
    """Numbers in 0..1 that wander."""
    rng, value, values = kit.rng, kit.rng.uniform(0.2, 0.8), []
    step = rng.choice([0.04, 0.1, 0.25])
    for _ in range(count):
        value = min(0.97, max(0.03, value + rng.gauss(0, step)))
        values.append(value)
    return values


def _axes(kit: Kit, width: int, height: int) -> str:
    """Lines and numbers behind the data."""
    top = kit.rng.choice([1, 10, 50, 100, 2000])
    parts = []
    for index in range(5):
        y = height - _BOTTOM - index * (height - _BOTTOM - _TOP) / 4
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{width - 6}" stroke="var(--line)"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * index / 4:g}</text>'
        )
    count = max(2, width // 90)
    for index in range(count):
        x = _LEFT + (index + 0.5) * (width - _LEFT - 6) / count
        parts.append(
            f'<text x="{x:.1f}" y="{height - 7}" text-anchor="middle">{kit.words.plain()[:8]}'
            "</text>"
        )
    return "".join(parts)


def _curves(kit: Kit, width: int, height: int) -> str:
    parts, filled = [], kit.chance(0.35)
    span, tall = width - _LEFT - 6, height - _BOTTOM - _TOP
    count = kit.rng.choice([8, 20, 60, 150])
    for index in range(kit.rng.randint(1, 4)):
        colour = kit.theme.hues[index * 2 % 8]
        points = [
            (_LEFT + span * at / (count - 1), height - _BOTTOM - tall * value)
            for at, value in enumerate(_walk(kit, count))
        ]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        if filled:
            floor = height - _BOTTOM
            parts.append(f'<path d="{path}V{floor}H{_LEFT}Z" fill="{colour}" fill-opacity=".3"/>')
        dash = ' stroke-dasharray="5 3"' * kit.chance(0.15)
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if count <= 20:
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points
            ]
    return "".join(parts)


def _columns(kit: Kit, width: int, height: int) -> str:
    count, series = kit.rng.randint(4, 14), kit.rng.randint(1, 3)
    span, tall = width - _LEFT - 6, height - _BOTTOM - _TOP
    each, parts = span / count, []
    for place in range(series):
        colour = kit.theme.hues[(place * 3) % 8]
        for at, value in enumerate(_walk(kit, count)):
            x = _LEFT + each * (at + 0.12 + 0.76 * place / series)
            y, wide = height - _BOTTOM - tall * value, each * 0.7 / series
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall * value:.1f}" '
                f'fill="{colour}"/>'
            )
    return "".join(parts)


def _points(kit: Kit, width: int, height: int) -> str:
    parts = []
    for index in range(kit.rng.randint(1, 3)):
        colour, rng = kit.theme.hues[index * 3 % 8], kit.rng
        x0, y0 = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)
        for _ in range(rng.randint(20, 120)):
            x = min(1.0, max(0.0, rng.gauss(x0, 0.15))) * (width - _LEFT - 6) + _LEFT
            y = min(1.0, max(0.0, rng.gauss(y0, 0.15))) * (height - _BOTTOM - _TOP) + _TOP
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}" fill-opacity=".8"/>'
            )
    return "".join(parts)


def pie(kit: Kit, size: int) -> str:
    """A pie or a ring in parts, with their names beside it."""
    count = kit.rng.randint(3, 7)
    shares = [kit.rng.uniform(0.3, 1) for _ in range(count)]
    total, angle, half = sum(shares), 0.0, size / 2
    parts, names = [], []
    for index, share in enumerate(shares):
        end = angle + 2 * math.pi * share / total
        x0, y0 = half + half * math.sin(angle), half - half * math.cos(angle)
        x1, y1 = half + half * math.sin(end), half - half * math.cos(end)
        large, colour = int(end - angle > math.pi), kit.theme.hues[index % 8]
        path = f"M{half} {half}L{x0:.1f} {y0:.1f}A{half} {half} 0 {large} 1 {x1:.1f} {y1:.1f}Z"
        parts.append(f'<path d="{path}" fill="{colour}" stroke="var(--ground)"/>')
        label = f'<span class="box" style="background:{colour}"></span> {kit.words.plain()}'
        names.append(f"<div>{label} {share / total:.0%}</div>")
        angle = end
    if kit.chance(0.5):
        parts.append(f'<circle cx="{half}" cy="{half}" r="{half * 0.55}" fill="var(--panel)"/>')
    drawing = f'<svg width="{size}" height="{size}">{"".join(parts)}</svg>'
    return (
        f'<div class="row middle" style="gap:16px">{drawing}<div class="small">{"".join(names)}'
        "</div></div>"
    )


def chart(kit: Kit, width: int, height: int) -> str:
    """A chart with axes: curves, columns or points."""
    draw = kit.rng.choice([_curves, _curves, _columns, _points])
    return (
        f'<svg width="{width}" height="{height}" fill="var(--muted)" font-size="11">'
        f"{_axes(kit, width, height)}{draw(kit, width, height)}</svg>"
    )


def spark(kit: Kit, width: int, height: int) -> str:
    """A small curve without axes."""
    values = _walk(kit, 24)
    path = "M" + "L".join(
        f"{width * at / 23:.1f} {height * (1 - value):.1f}" for at, value in enumerate(values)
    )
    return (
        f'<svg width="{width}" height="{height}"><path d="{path}" fill="none" '
        f'stroke="{kit.hue()}" stroke-width="2"/></svg>'
    )
