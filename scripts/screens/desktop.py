"""Whole screens: a page alone, a window, several windows over a wallpaper, a dialog over a page."""

from __future__ import annotations

from collections.abc import Callable

from screens.article import article, handbook
from screens.code import editor
from screens.dashboard import dashboard, notices, shop
from screens.files import files
from screens.kit import Kit
from screens.maps import atlas, wallpaper
from screens.people import chat, mail
from screens.settings import dialog, form, settings
from screens.style import SHEET
from screens.table import listing_page, spreadsheet
from screens.terminal import terminal

Scene = Callable[[Kit], str]

SCENES: tuple[Scene, ...] = (
    *(article, article, handbook, editor, terminal, spreadsheet, listing_page, settings, form),
    *(mail, chat, files, dashboard, shop, notices, atlas, editor, terminal),
)

WIDE = (article, handbook, dashboard, shop, notices, form, listing_page, atlas)
"""Those that are pages, not programs: a browser shows them."""


def _title(kit: Kit) -> str:
    """The bar above a window, in one of four manners."""
    rng, name = kit.rng, kit.words.phrase(1, 4)
    manner = rng.choice(["left", "right", "dots", "plain"])
    style = "justify-content:space-between;"
    if kit.chance(0.4):
        style += "background:var(--accent);color:var(--on);"
    marks = "".join(kit.icon(13, "currentColor", mark) for mark in ("down", "grid", "cross"))
    marks = f'<span class="row" style="gap:12px">{marks}</span>'
    if manner == "dots":
        colours = ("#ff5f57", "#febc2e", "#28c840")
        dots = "".join(
            f'<circle cx="{8 + 20 * at}" cy="8" r="6" fill="{colour}"/>'
            for at, colour in enumerate(colours)
        )
        svg = f'<svg width="56" height="16">{dots}</svg>'
        return (
            f'<div class="bar" style="{style}">{svg}<b>{name}</b><span style="width:56px"></span>'
            "</div>"
        )
    if manner == "left":
        return f'<div class="bar" style="{style}">{marks}<b>{name}</b>{kit.icon(16)}</div>'
    if manner == "right":
        return f'<div class="bar" style="{style}"><span>{kit.icon(15)} {name}</span>{marks}</div>'
    return f'<div class="bar" style="{style}"><span></span><span>{name}</span>{marks}</div>'


def _browser(kit: Kit) -> str:
    """What a browser shows above its pages."""
    words = kit.words
    address = f"https://{words.plain()}.example{words.path()}"
    tools = "".join(kit.icon(17, "currentColor", name) for name in ("back", "turn", "home"))
    marks = "".join(kit.icon(17, name=name) for name in ("star", "person", "bars"))
    tabs = kit.tabs([words.phrase(2, 4) for _ in range(kit.rng.randint(1, 6))])
    return f'{tabs}<div class="bar">{tools}{kit.field(address, "flex:1")}{marks}</div>'


def _window(kit: Kit, scene: Scene, box: tuple[int, int, int, int]) -> str:
    """A window with a scene in it at (left, top, width, height)."""
    left, top, width, height = box
    shadow = kit.rng.choice(["0 8px 32px #0008", "0 2px 8px #0006", "none", "0 20px 60px #000a"])
    edge = kit.rng.choice(
        ["1px solid var(--line)", "1px solid #0008", "3px solid var(--accent)", "none"]
    )
    above = _title(kit) + (_browser(kit) if scene in WIDE else "")
    return (
        f'<div class="window themed" style="{kit.theme.variables()}left:{left}px;top:{top}px;'
        f"width:{width}px;"
        f'height:{height}px;box-shadow:{shadow};border:{edge};border-radius:{kit.theme.radius}px">'
        f'{above}<div class="grow clip">{scene(kit)}</div></div>'
    )


def _menu(kit: Kit, width: int, height: int) -> str:
    """An open menu somewhere on the screen."""
    rng = kit.rng
    lines = []
    for _ in range(rng.randint(5, 12)):
        key = (
            f'<span class="muted">Ctrl+{rng.choice("ABCDEFGHKLMNOPQRSTUVWXZ")}</span>'
            * kit.chance(0.6)
        )
        line = "border-bottom:1px solid var(--line)" if kit.chance(0.2) else ""
        mark = " chosen" * kit.chance(0.1)
        lines.append(
            f'<div class="item between{mark}" style="{line};gap:26px"><span class="row middle" '
            'style="gap:8px">'
            f"{kit.icon(14)}{kit.words.phrase(1, 3)}</span>{key}</div>"
        )
    left, top = rng.randint(0, width - 280), rng.randint(0, max(1, height - 420))
    return (
        f'<div class="window themed" style="{kit.theme.variables()}left:{left}px;top:{top}px;'
        "padding:4px;"
        f'border:1px solid var(--muted);box-shadow:0 4px 16px #0006">{"".join(lines)}</div>'
    )


def _over(kit: Kit, inside: str) -> str:
    """A dialog in the middle of what it dims."""
    veil = kit.rng.choice(["#0000", "#0006", "#000a", "#fff8"])
    return (
        '<div class="row middle fill" style="position:absolute;left:0;top:0;'
        "justify-content:center;"
        f'background:{veil}"><div class="themed" style="{kit.theme.variables()}border:1px solid '
        "var(--muted);"
        f'border-radius:var(--radius);box-shadow:0 10px 40px #0007;overflow:hidden">{inside}'
        "</div></div>"
    )


def _task_bar(kit: Kit, top: bool) -> str:
    """The bar at the edge of the screen."""
    words = kit.words
    items = kit.many(
        lambda: f'<span class="item">{kit.icon(18, kit.hue())}{words.phrase(1, 1)}</span>', 3, 9
    )
    place = "top:0" if top else "bottom:0"
    return (
        f'<div class="bar themed" style="{kit.theme.variables()}background:var(--panel);'
        "position:absolute;"
        f'left:0;right:0;{place};height:36px">{kit.icon(20)}{items}<span class="grow"></span>'
        f"{kit.icon(15)}"
        f"{kit.icon(15)}<span>{words.date()}</span></div>"
    )


def _desktop(kit: Kit, scene: Scene, width: int, height: int) -> str:
    """Windows over a wallpaper, and the bar of the desktop."""
    rng, top = kit.rng, kit.chance(0.5)
    ground = f'<div class="fill" style="background:{kit.hue()}"></div>'
    if kit.chance(0.7):
        ground = wallpaper(kit, width, height)
    parts = [f'<div style="position:absolute;inset:0">{ground}</div>']
    count = rng.choice([1, 2, 2, 3, 4])
    for index in range(count):
        wide, tall = round(width * rng.uniform(0.55, 0.95)), round(height * rng.uniform(0.6, 0.92))
        left, above = (
            rng.randint(-60, width - wide + 60),
            rng.randint(36, max(37, height - tall - 36)),
        )
        last = index == count - 1
        part = kit.again()
        parts.append(
            _window(part, scene if last else rng.choice(SCENES), (left, above, wide, tall))
        )
    parts.append(_task_bar(kit, top))
    return "".join(parts)


def compose(kit: Kit, scene: Scene, width: int, height: int) -> str:
    """Return a page whose window of the size in CSS pixels shows a scene.

    Parameters
    ----------
    kit : Kit
    scene : callable
    width, height : int
    """
    manner = kit.rng.choice(["page"] * 4 + ["window"] * 5 + ["desktop"] * 3)
    # Few pixels have no room for a desktop.
    if manner == "desktop" and width < 900:
        manner = "window"
    if manner == "desktop":
        inside = _desktop(kit, scene, width, height)
    elif manner == "window":
        inside = _window(kit, scene, (0, 0, width, height))
    else:
        inside = f'<div class="fill clip">{scene(kit)}</div>'
    if kit.chance(0.15):
        inside += _menu(kit.again() if kit.chance(0.3) else kit, width, height)
    elif kit.chance(0.15):
        inside += _over(kit, dialog(kit))
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><style>{SHEET}'
        f":root{{{kit.theme.variables()}}}body{{width:{width}px;height:{height}px}}</style></head>"
        f"<body>{inside}</body></html>"
    )
