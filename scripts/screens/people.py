"""Chat and mail."""

from __future__ import annotations

from screens.kit import Kit
from screens.maps import drawing


def _contacts(kit: Kit) -> str:
    words = kit.words
    lines = []
    for index in range(18):
        name = words.name()
        mark = " chosen" * (index == 2)
        count = kit.badge(str(kit.rng.randint(1, 40))) if kit.chance(0.25) else ""
        lines.append(
            f'<div class="item{mark}" style="padding:5px 8px">{kit.face(name)}<div class="grow">'
            f'<div class="row between"><b class="line">{name}</b><span class="tiny">'
            f"{words.date()[:5]}</span>"
            f'</div><div class="small line">{words.sentence(3, 8)}</div></div>{count}</div>'
        )
    return "".join(lines)


def chat(kit: Kit) -> str:
    """Talk between people, in bubbles or as lines under names."""
    rng, words = kit.rng, kit.words
    bubbles, other, me = kit.chance(0.6), words.name(), words.name()
    lines = []
    for _ in range(24):
        mine = kit.chance(0.45)
        said = words.marked(1, rng.choice([1, 1, 2, 4]))
        if kit.chance(0.06):
            said += drawing(kit, 240, 150)
        if bubbles:
            ground = (
                "background:var(--accent);color:var(--on)" if mine else "background:var(--panel)"
            )
            side = "flex-end" if mine else "flex-start"
            lines.append(
                f'<div class="bubble" style="flex:none;{ground};align-self:{side}">{said}'
                f'<div class="tiny right" style="opacity:.7">{words.date()[:10]}</div></div>'
            )
        else:
            name = me if mine else other
            lines.append(
                f'<div class="row" style="gap:10px;flex:none">{kit.face(name)}<div class="grow">'
                '<b style="color:'
                f'{kit.theme.hues[0 if mine else 3]}">{name}</b> <span class="tiny muted">'
                f"{words.date()}</span>"
                f"<div>{said}</div></div></div>"
            )
    thread = (
        '<div class="col grow clip" style="gap:9px;padding:12px;justify-content:flex-end">'
        f"{''.join(lines)}</div>"
    )
    head = (
        f'<div class="bar">{kit.face(other)}<b>{other}</b><span class="grow"></span>{kit.icon()}'
        f"{kit.icon()}</div>"
    )
    foot = f'<div class="bar">{kit.icon()}{kit.field(style="flex:1")}{kit.button(True)}</div>'
    side = (
        f'<div class="side" style="width:calc(var(--side) + 50px);padding:4px">{_contacts(kit)}'
        "</div>"
    )
    beside = side if kit.chance(0.75) else ""
    return (
        f'<div class="row fill clip">{beside}<div class="col grow clip">{head}{thread}{foot}'
        "</div></div>"
    )


def mail(kit: Kit) -> str:
    """Letters: folders, a list of them and one that is open."""
    rng, words = kit.rng, kit.words
    lines = []
    for index in range(34):
        new = " bold" * kit.chance(0.3)
        mark = " chosen" * (index == 3)
        tag = kit.badge() if kit.chance(0.15) else ""
        star = kit.icon(14, kit.hue(), "star")
        lines.append(
            f'<div class="item{mark}{new}" style="border-bottom:1px solid var(--line);'
            f'border-radius:0">{star}'
            f'<span class="line" style="width:150px;flex:none">{words.name()}</span>{tag}'
            f'<span class="line grow">{words.phrase(2, 6)} <span class="muted">{words.sentence()}'
            "</span></span>"
            f'<span class="small">{words.date()}</span></div>'
        )
    head = f"<h2>{words.phrase(2, 6)}</h2>"
    sender = f'<div class="row gap middle">{kit.face(words.name())}<div>{words.name()}<br>'
    sender += f'<span class="muted small">{words.address()} · {words.date()}</span></div></div>'
    letter = f"{head}{sender}<br>" + kit.many(lambda: f"<p>{words.marked()}</p>", 3, 8)
    side = f'<div class="side">{kit.button(True)}<br><br>{kit.items(6, 14)}</div>'
    listed = f'<div class="grow clip">{"".join(lines)}</div>'
    opened = f'<div class="grow clip" style="padding:8px 20px">{letter}</div>'
    shown = rng.choice(["list", "both", "both", "letter"])
    way = rng.choice(["row", "col"])
    line = '<div style="flex:none;width:1px;height:1px;background:var(--line)"></div>'
    parts = {"list": listed, "both": listed + line + opened, "letter": opened}[shown]
    return (
        f'<div class="col fill clip">{kit.tool_bar()}<div class="row grow clip">{side}'
        f'<div class="{way} grow clip">{parts}</div></div></div>'
    )
