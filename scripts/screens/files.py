"""File managers: as icons, as a list, in two panes."""

from __future__ import annotations

from screens.kit import Kit
from screens.maps import wallpaper


def _icons(kit: Kit) -> str:
    size = kit.rng.choice([36, 48, 64])
    chosen = kit.rng.randrange(12)
    colour = kit.hue()
    cells = []
    for index in range(60):
        folder = kit.chance(0.4)
        name = kit.words.plain() if folder else kit.words.file()
        drawn = kit.icon(size, colour if folder else kit.hue(), "folder" if folder else None)
        if kit.chance(0.1):
            drawn = wallpaper(kit, size + 16, size)
        mark = " chosen" * (index == chosen)
        cells.append(
            f'<div class="col middle{mark}" style="padding:6px;border-radius:var(--radius)">{drawn}'
            f'<span class="small line" style="max-width:100%">{name}</span></div>'
        )
    style = (
        f"display:grid;grid-template-columns:repeat(auto-fill,minmax({size + 46}px,1fr));gap:8px"
    )
    return f'<div class="grow clip pad"><div style="{style}">{"".join(cells)}</div></div>'


def _list(kit: Kit) -> str:
    rng, words = kit.rng, kit.words
    columns = "1fr 150px 90px" if kit.chance(0.6) else "1fr 90px"
    wide = columns.count(" ") == 2
    heads = [words.phrase(1, 1) for _ in range(3 if wide else 2)]
    rows = ["".join(f'<div class="small muted item panel">{head}</div>' for head in heads)]
    count = rng.randint(9, 36)
    chosen = rng.randrange(count)
    for index in range(count):
        folder = kit.chance(0.35)
        drawn = kit.icon(16, kit.hue(), "folder" if folder else "file")
        name = words.plain() if folder else words.file()
        mark = " chosen" * (index == chosen)
        rows.append(f'<div class="item{mark}">{drawn}<span>{name}</span></div>')
        if wide:
            rows.append(f'<div class="item small{mark}">{words.date()}</div>')
        unit = rng.choice(["kB", "MB", "GB"])
        rows.append(f'<div class="item small{mark}">{rng.uniform(1, 900):.1f} {unit}</div>')
    style = f"display:grid;grid-template-columns:{columns};align-content:start"
    return f'<div class="grow clip" style="{style}">{"".join(rows)}</div>'


def files(kit: Kit) -> str:
    """A window of files."""
    words = kit.words
    way = "".join(f"<span>{words.plain()} &rsaquo;</span>" for _ in range(kit.rng.randint(1, 4)))
    menu = kit.menu_bar() if kit.chance(0.5) else ""
    side = f'<div class="side">{kit.items(7, 20)}</div>' if kit.chance(0.8) else ""
    line = '<div style="flex:none;width:2px;background:var(--line)"></div>'
    panes = kit.rng.choice([[_icons], [_icons], [_list], [_list], [_list, _list], [_list, _icons]])
    shown = line.join(pane(kit) for pane in panes)
    foot = f'<div class="bar small muted">{words.number()} {words.plain()}, {words.number()}</div>'
    return (
        f'<div class="col fill clip">{menu}{kit.tool_bar()}<div class="bar small">{way}</div>'
        f'<div class="row grow clip">{side}{shown}</div>{foot}</div>'
    )
