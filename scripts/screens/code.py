"""Programs with coloured syntax, and the editors that show them."""

from __future__ import annotations

from screens.kit import Kit


def _value(kit: Kit) -> str:
    rng, words, hues = kit.rng, kit.words, kit.theme.hues
    quote = rng.choice("'\"")
    return rng.choice(
        [
            f'<span style="color:{hues[2]}">{quote}{words.phrase(1, 3)}{quote}</span>',
            f'<span style="color:{hues[4]}">'
            f"{rng.choice([rng.randint(0, 999), rng.uniform(0, 9)]):.4g}</span>",
            words.identifier(),
            f'<span style="color:{hues[1]}">{words.plain()}</span>({words.plain()}, '
            f"{rng.randint(0, 64)})",
            f"{words.plain()}[{rng.randint(0, 9)}]",
        ]
    )


def _line(kit: Kit) -> str:
    rng, words, hues = kit.rng, kit.words, kit.theme.hues
    key = (
        f'<span style="color:{hues[0]};font-weight:{rng.choice([400, 700])}">{words.keyword()}'
        "</span>"
    )
    call = f'<span style="color:{hues[1]}">{words.identifier()}</span>'
    note = rng.choice(["#", "//"]) + " " + words.sentence(3, 9)
    sign = rng.choice(["=", "==", "+=", "&lt;=", "-&gt;", ":=", "!="])
    return rng.choice(
        [
            f"{key} {call}({words.plain()}, {words.plain()}={_value(kit)}):",
            f"{words.identifier()} {sign} {_value(kit)}",
            f"{words.identifier()} {sign} {_value(kit)} {rng.choice('+-*/%|')} {_value(kit)};",
            f"{call}({_value(kit)}, {_value(kit)})",
            f'<span class="muted" style="font-style:italic">{note}</span>',
            f"{key} {words.identifier()} {key} {_value(kit)} {{",
            f"{key} {_value(kit)};",
            f'<span style="color:{hues[3]}">@{words.plain()}</span>({words.plain()}={_value(kit)})',
            f"}} {key} {{",
            "",
        ]
    )


def listing(kit: Kit, lines: int, numbered: bool = False) -> str:
    """Lines of a program, indented as its blocks are."""
    rng, depth, shown = kit.rng, 0, []
    step = rng.choice([2, 4, 4])
    marked = rng.randrange(lines) if numbered else -1
    for number in range(1, lines + 1):
        text = " " * (depth * step) + _line(kit)
        depth = max(0, min(5, depth + rng.choice([-1, 0, 0, 0, 1])))
        count = f'<span class="muted">{number + marked:>4}  </span>' if numbered else ""
        ground = ' style="background:var(--panel);display:inline-block;width:100%"'
        shown.append(f"<span{ground * (number == marked)}>{count}{text}</span>")
    return f"<pre>{chr(10).join(shown)}</pre>"


def editor(kit: Kit) -> str:
    """A window for programming: files, tabs, code, at times a map of it and a terminal below."""
    rng, words = kit.rng, kit.words
    files = "".join(
        f'<div class="item" style="padding-left:{rng.choice([8, 8, 24, 40])}px">'
        f"{kit.icon(14, kit.hue(), rng.choice(['file', 'file', 'folder']))}<span>{words.file()}"
        "</span></div>"
        for _ in range(rng.randint(8, 34))
    )
    side = (
        f'<div class="side small" style="padding:4px 0">{files}</div>' if kit.chance(0.75) else ""
    )
    size = rng.choice([0.9, 1.0, 1.0, 1.1, 1.25])
    pane = (
        f'<div class="grow clip" style="font-size:{size}em;padding:6px">{listing(kit, 62, True)}'
        "</div>"
    )
    if kit.chance(0.25):
        other = f'<div class="grow clip" style="padding:6px">{listing(kit, 62, True)}</div>'
        pane += f'<div style="width:1px;background:var(--line)"></div>{other}'
    below = ""
    if kit.chance(0.4):
        output = "\n".join(words.sentence(4, 12) for _ in range(7))
        below = (
            '<div style="height:24%;border-top:1px solid var(--line);flex:none" class="clip '
            'panel">'
            f"{kit.tabs([words.phrase(1, 1) for _ in range(3)])}"
            f'<pre style="padding:6px">{output}</pre></div>'
        )
    state = "".join(f"<span>{words.phrase(1, 2)}</span>" for _ in range(rng.randint(2, 6)))
    foot = f'<div class="bar small chosen">{state}<span class="grow"></span>{words.number()}</div>'
    tabs = kit.tabs([words.file() for _ in range(rng.randint(2, 6))])
    return (
        f'<div class="col fill clip">{kit.menu_bar() if kit.chance(0.6) else ""}<div class="row '
        'grow clip">'
        f'{side}<div class="col grow clip">{tabs}<div class="row grow clip">{pane}</div>{below}'
        "</div></div>"
        f"{foot}</div>"
    )
