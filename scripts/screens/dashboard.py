"""Dashboards, shops, and pages of coloured notices."""

from __future__ import annotations

from screens.charts import chart, pie, spark
from screens.kit import Kit
from screens.maps import drawing
from screens.table import grid


def _figure(kit: Kit) -> str:
    words = kit.words
    rise = kit.rng.choice([("▲", 3), ("▼", 7)])
    style = kit.strong() if kit.chance(0.2) else ""
    return (
        f'<div class="card" style="{style}"><div class="small muted line">{words.phrase(1, 3)}'
        "</div>"
        f'<div class="row middle between"><span class="big bold">{words.number()}</span>'
        f"{spark(kit, 70, 26)}"
        f'</div><span class="small" style="color:{kit.theme.hues[rise[1]]}">{rise[0]} '
        f"{kit.rng.uniform(0, 40):.1f} %</span></div>"
    )


def dashboard(kit: Kit) -> str:
    """Figures and charts in cards."""
    rng, words = kit.rng, kit.words
    count = rng.choice([2, 3, 3, 4])
    figures = kit.many(lambda: _figure(kit), rng.choice([3, 4, 5]), 5)
    width = (1240 - 60) // count - 30

    def card() -> str:
        kind = rng.choice(["chart", "chart", "chart", "pie", "table", "list"])
        inside = {
            "chart": lambda: chart(kit, width, rng.choice([150, 190, 230])),
            "pie": lambda: pie(kit, rng.choice([120, 150, 180])),
            "table": lambda: grid(kit, 3, rng.randint(4, 7)),
            "list": lambda: kit.items(4, 7),
        }[kind]()
        return f'<div class="card"><h3 style="margin-top:0">{words.phrase(1, 4)}</h3>{inside}</div>'

    cards = "".join(card() for _ in range(count * 4))
    side = f'<div class="side">{kit.items(6, 14)}</div>' if kit.chance(0.6) else ""
    head = f'<div class="bar"><b class="big">{words.phrase(1, 2)}</b><span class="grow"></span>'
    head += f"{kit.choice('width:150px')}{kit.button(True)}{kit.face(words.name())}</div>"
    return (
        f'<div class="row fill clip">{side}<div class="col grow clip">{head}<div class="grow '
        'clip pad">'
        '<div style="display:grid;grid-auto-flow:column;grid-auto-columns:1fr;gap:12px">'
        f"{figures}</div>"
        f'<div style="columns:{count};column-gap:12px;margin-top:12px">'
        f"<style>.card{{break-inside:avoid;margin-bottom:12px}}</style>{cards}</div></div></div>"
        "</div>"
    )


def shop(kit: Kit) -> str:
    """Goods in a grid, with prices and buttons."""
    rng, words = kit.rng, kit.words
    width = rng.choice([180, 220, 270])

    def good() -> str:
        price = f"{rng.randint(1, 999)}.{rng.randint(0, 99):02} {rng.choice('€$£')}"
        off = (
            f'<span class="badge" style="{kit.strong()}">-{rng.randint(5, 70)} %</span>'
            * kit.chance(0.3)
        )
        stars = "★" * rng.randint(2, 5)
        return (
            f'<div class="card" style="padding:0">{drawing(kit, width + 60, int(width * 0.55))}'
            '<div class="pad">'
            f'<b class="line">{words.phrase(2, 5)}</b><div class="small muted">'
            f"{words.sentence(4, 9)}</div>"
            f'<div class="row middle between"><span class="big bold accent">{price}</span>{off}'
            "</div>"
            f'<span style="color:#e0a000">{stars}</span> {kit.button(True)}</div></div>'
        )

    style = f"display:grid;grid-template-columns:repeat(auto-fill,minmax({width}px,1fr));gap:14px"
    head = (
        f'<div class="row middle gap pad" style="{kit.strong()};flex:none"><b class="big">'
        f"{words.phrase(1, 2)}"
    )
    head += (
        f"</b>{kit.field(style='flex:1;color:var(--ink)')}{kit.icon(24)}"
        f"{kit.icon(24, name='cart')}</div>"
    )
    filters = (
        '<div class="side">'
        f"{kit.many(lambda: f'<h3>{words.phrase(1, 1)}</h3>{kit.many(kit.check, 3, 6)}', 3, 5)}"
        "</div>"
    )
    goods = "".join(good() for _ in range(18))
    return (
        f'<div class="col fill clip">{head}<div class="row grow clip">'
        f"{filters if kit.chance(0.6) else ''}"
        f'<div class="grow clip pad"><div style="{style}">{goods}</div></div></div></div>'
    )


def notices(kit: Kit) -> str:
    """Strongly coloured text of all sizes on strong grounds: slides, boards, time tables."""
    rng, words = kit.rng, kit.words

    def tile() -> str:
        face = rng.choice([*kit.fonts.sans, *kit.fonts.serif])
        size = rng.choice([0.85, 1.0, 1.0, 1.2, 1.5, 2.2, 3.2])
        text = words.phrase(1, 5) if size > 1.3 else words.paragraph(1, 4)
        spacing = "text-transform:uppercase;letter-spacing:.06em;" * kit.chance(0.2)
        family = kit.fonts.stack(face).replace('"', "")
        body = f'<div style="font-size:{size}em;line-height:1.25">{text}</div>'
        if kit.chance(0.3):
            rows = [f"{words.date():<18}{words.plain():<14}{words.number():>12}" for _ in range(7)]
            body = f"<pre>{chr(10).join(rows)}</pre>"
        mark = kit.icon(rng.choice([20, 32, 48])) if kit.chance(0.35) else ""
        style = f"{kit.strong()};font-family:{family};{spacing}padding:14px;overflow:hidden"
        grow = rng.choice([1, 1, 2])
        return f'<div style="{style};grid-column:span {grow}">{mark}{body}</div>'

    columns = rng.choice([2, 3, 4])
    gap = rng.choice([0, 0, 6, 14])
    tiles = "".join(tile() for _ in range(columns * 6))
    return (
        f'<div class="fill clip" style="display:grid;grid-template-columns:repeat({columns},1fr);'
        f'grid-auto-flow:dense;grid-auto-rows:minmax(110px,auto);gap:{gap}px">{tiles}</div>'
    )
