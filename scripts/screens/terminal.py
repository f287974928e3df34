"""Terminals: commands and what they print, on one to three panes."""

from __future__ import annotations

from screens.kit import Kit

_CLASSIC = {
    "train": "33ff33/000000 ffb000/100800 ffffff/0000aa c0c0c0/000000 00ffff/001020 000000/ffffdd",
    "test": "41ff41/050805 ffa510/181000 f0f0ff/1818a0 d0d0c8/0a0a0a 20e0f0/081820 101010/fdf6e3",
}


def _colour(kit: Kit) -> str:
    return kit.rng.choice(["", *(f"color:{hue}" for hue in kit.theme.hues)])


def _files(kit: Kit) -> list[str]:
    rng, words = kit.rng, kit.words
    return [
        f"{rng.choice('-d')}rw{rng.choice('-x')}r-{rng.choice('-x')}r-- {rng.randint(1, 9)} "
        f"{words.plain():>9} "
        f"{rng.randint(10, 999999):>8} {words.date():>16} <span style='{_colour(kit)}'>"
        f"{words.file()}</span>"
        for _ in range(rng.randint(4, 16))
    ]


def _log(kit: Kit) -> list[str]:
    rng, words = kit.rng, kit.words
    marks = ["INFO", "WARN", "ERROR", "DEBUG", "ok", "FAIL"]
    return [
        f"[{rng.uniform(0, 999):10.4f}] <b style='{_colour(kit)}'>{rng.choice(marks):<5}</b> "
        f"{words.identifier()}: {words.sentence(3, 10)}"
        for _ in range(rng.randint(4, 14))
    ]


def _bars(kit: Kit) -> list[str]:
    rng, words = kit.rng, kit.words
    lines = []
    for _ in range(rng.randint(3, 8)):
        full = rng.randint(0, 30)
        bar = "█" * full + "░" * (30 - full) if kit.chance(0.5) else "#" * full + "." * (30 - full)
        shown = f"<span style='{_colour(kit)}'>{bar}</span>"
        lines.append(
            f"{words.plain():<14} {full * 100 // 30:>3}% {shown} {rng.uniform(0, 99):6.1f} MB/s"
        )
    return lines


def _table(kit: Kit) -> list[str]:
    rng, words = kit.rng, kit.words
    head = (
        f"<span style='{kit.strong()}'>"
        + "  PID USER       CPU%  MEM%    TIME+ COMMAND".ljust(64)
        + "</span>"
    )
    rows = [
        f"{rng.randint(1, 99999):>5} {words.plain():<9} {rng.uniform(0, 100):5.1f} "
        f"{rng.uniform(0, 30):5.1f} "
        f"{rng.randint(0, 99):>3}:{rng.uniform(0, 60):05.2f} <span style='{_colour(kit)}'>"
        f"{words.command()}</span>"
        for _ in range(rng.randint(5, 20))
    ]
    return [head, *rows]


def _changes(kit: Kit) -> list[str]:
    rng, words = kit.rng, kit.words
    lines = []
    for _ in range(rng.randint(5, 14)):
        sign = rng.choice("+- ")
        colour = {"+": kit.theme.hues[3], "-": kit.theme.hues[7], " ": "inherit"}[sign]
        lines.append(
            f"<span style='color:{colour}'>{sign}   {words.identifier()} = {words.number()}</span>"
        )
    return lines


def _pane(kit: Kit) -> str:
    rng, words = kit.rng, kit.words
    prompt = rng.choice(
        [
            f"{words.plain()}@{words.plain()}:~{words.path()}$ ",
            "$ ",
            f"{words.plain()} &#10095; ",
            "root# ",
            "&gt;&gt;&gt; ",
        ]
    )
    style, lines = _colour(kit), list[str]()
    while len(lines) < 70:
        lines.append(f"<b style='{style}'>{prompt}</b>{words.command()}")
        lines += rng.choice([_files, _log, _bars, _table, _changes])(kit)
    screen = "\n".join(lines[: rng.choice([18, 30, 70, 70])])
    cursor = '<span style="background:currentColor">&nbsp;</span>'
    ground = ""
    if kit.chance(0.45):
        ink, paper = rng.choice(_CLASSIC[kit.part].split()).split("/")
        ground = f"color:#{ink};background:#{paper}"
    size = rng.choice([0.9, 1.0, 1.0, 1.15])
    text = f"<pre>{screen}\n<b style='{style}'>{prompt}</b>{cursor}</pre>"
    return (
        f'<div class="grow clip" style="padding:6px 8px;font-size:{size}em;{ground}">{text}</div>'
    )


def terminal(kit: Kit) -> str:
    """A terminal's window."""
    line = '<div style="flex:none;width:2px;height:2px;background:var(--line)"></div>'
    way = kit.rng.choice(["row", "col"])
    count = kit.rng.choice([1, 1, 1, 2, 3])
    panes = line.join(_pane(kit) for _ in range(count))
    bar = kit.tabs([kit.words.path() for _ in range(3)]) if kit.chance(0.3) else ""
    return f'<div class="col fill clip">{bar}<div class="{way} grow clip">{panes}</div></div>'
