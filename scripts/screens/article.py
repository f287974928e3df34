"""Pages to read: articles, and handbooks with a side bar."""

from __future__ import annotations

from screens.charts import chart
from screens.code import listing
from screens.kit import Kit
from screens.maps import drawing
from screens.table import grid


def _figure(kit: Kit, width: int) -> str:
    picture = chart(kit, width, width // 2) if kit.chance(0.5) else drawing(kit, width, width // 2)
    caption = f'<figcaption class="muted small">{kit.words.sentence(4, 9)}</figcaption>'
    return f'<figure style="margin:0 0 1em">{picture}{caption}</figure>'


def _block(kit: Kit, level: int) -> str:
    rng, words = kit.rng, kit.words
    kind = rng.choice(["text", "text", "text", "text", "list", "quote", "head", "code", "table"])
    if kind == "list":
        points = kit.many(lambda: f"<li>{words.sentence(3, 9)}</li>", 3, 6)
        tag = rng.choice(["ul", "ol"])
        return f"<{tag}>{points}</{tag}>"
    if kind == "quote":
        style = kit.strong() if kit.chance(0.25) else "background:var(--panel)"
        edge = f"border-left:4px solid {kit.hue()};padding:.6em 1em;margin:0 0 1em"
        return f'<div style="{edge};{style}">{words.marked(1, 3)}</div>'
    if kind == "head":
        return f"<h{level}>{words.phrase(2, 6)}</h{level}>"
    if kind == "code":
        return f'<div class="card" style="margin:0 0 1em">{listing(kit, rng.randint(3, 9))}</div>'
    if kind == "table":
        return (
            f'<div style="margin:0 0 1em">{grid(kit, rng.randint(3, 6), rng.randint(2, 6))}</div>'
        )
    return f"<p>{words.marked()}</p>"


def article(kit: Kit) -> str:
    """An article of a newspaper, a diary or an encyclopaedia, in one to three columns."""
    rng, words = kit.rng, kit.words
    columns = rng.choice([1, 1, 1, 2, 3])
    width = rng.choice([620, 720, 860]) if columns == 1 else 1200
    size = rng.choice([1.0, 1.0, 1.15, 1.3])
    blocks = "".join(_block(kit, 2 if kit.chance(0.5) else 3) for _ in range(14))
    if kit.chance(0.6):
        blocks = _figure(kit, 320) + blocks
    links = "".join(f"<span>{words.phrase(1, 2)}</span>" for _ in range(rng.randint(3, 8)))
    style = kit.strong() if kit.chance(0.3) else "background:var(--accent);color:var(--on)"
    mark = f"{kit.icon(22)}<b>{words.phrase(1, 2)}</b>"
    head = f'<div class="row middle gap pad line" style="{style};flex:none">{mark}{links}</div>'
    align = rng.choice(["left", "left", "justify"])
    return (
        f'<div class="col fill clip">{head}<div class="grow clip" style="padding:10px 24px">'
        f'<div style="max-width:{width}px;margin:0 auto;font-size:{size}em">'
        f"<h1>{words.phrase(3, 8)}</h1>"
        f'<p class="muted">{words.name()} · {words.date()} · {words.number()} {words.plain()}</p>'
        f'<div style="columns:{columns};column-gap:28px;text-align:{align}">{blocks}</div>'
        "</div></div></div>"
    )


def handbook(kit: Kit) -> str:
    """A page of a program's documentation: contents, text with code, what else is on the page."""
    rng, words = kit.rng, kit.words
    contents = kit.many(
        lambda: f'<h3 class="small muted">{words.phrase(1, 2)}</h3>{kit.items(3, 7, icons=False)}',
        3,
        5,
    )
    name = words.identifier()
    blocks = "".join(_block(kit, 3) for _ in range(8))
    entries = kit.many(
        lambda: (
            f'<p><code class="accent">{words.identifier()}</code> — {words.sentence(4, 12)}</p>'
        ),
        3,
        6,
    )
    others = kit.many(lambda: f'<p class="small line"><a>{words.phrase(1, 4)}</a></p>', 4, 9)
    beside = (
        f'<div class="pad" style="width:180px;flex:none">{others}</div>' if kit.chance(0.5) else ""
    )
    head = (
        f'<div class="bar"><b>{words.phrase(1, 2)}</b>{kit.field(style="width:200px")}'
        f"{kit.badge()}</div>"
    )
    call = listing(kit, rng.randint(4, 10))
    return (
        f'<div class="col fill clip">{head}<div class="row grow clip">'
        f'<div class="side">{contents}</div><div class="grow clip" style="padding:4px 28px">'
        f'<h1><span class="mono">{name}</span></h1><p>{words.marked()}</p>'
        f'<div class="card" style="margin-bottom:1em">{call}</div>{entries}{blocks}</div>{beside}'
        "</div></div>"
    )
