"""Settings, forms and dialogs."""

from __future__ import annotations

from collections.abc import Callable

from screens.kit import Kit


def _setting(kit: Kit) -> str:
    words = kit.words
    kind = kit.rng.choice(["switch", "slider", "choice", "check", "field", "button"])
    controls: dict[str, Callable[[], str]] = {
        "switch": kit.switch,
        "slider": kit.slider,
        "choice": lambda: kit.choice("width:170px"),
        "check": lambda: kit.check(words.phrase(1, 2)),
        "field": lambda: kit.field(words.number(), "width:110px"),
        "button": kit.button,
    }
    control = controls[kind]()
    note = f'<div class="muted small line">{words.sentence(4, 9)}</div>' if kit.chance(0.5) else ""
    return (
        '<div class="row middle between gap" style="padding:7px 0;border-bottom:1px solid '
        'var(--line)">'
        f'<div class="grow"><div class="line">{words.phrase(2, 5)}</div>{note}</div>{control}</div>'
    )


def settings(kit: Kit) -> str:
    """A window of settings: chapters at the side or as tabs, groups of controls."""
    rng, words = kit.rng, kit.words
    groups = kit.many(
        lambda: (
            f'<h3>{words.phrase(1, 3)}</h3><div class="card" style="margin-bottom:14px">'
            f"{kit.many(lambda: _setting(kit), 2, 6)}</div>"
        ),
        2,
        5,
    )
    body = f'<div class="grow clip" style="padding:6px 24px">{groups}</div>'
    foot = f'<div class="bar" style="justify-content:flex-end">{kit.buttons()}</div>' * kit.chance(
        0.5
    )
    if kit.chance(0.35):
        tabs = kit.tabs([words.phrase(1, 2) for _ in range(rng.randint(3, 6))])
        return f'<div class="col fill clip">{tabs}{body}{foot}</div>'
    side = f'<div class="side">{kit.field()}<div style="height:8px"></div>{kit.items(7, 18)}</div>'
    return f'<div class="col fill clip"><div class="row grow clip">{side}{body}</div>{foot}</div>'


def form(kit: Kit) -> str:
    """A form to fill in, with steps above it and help beside it."""
    rng, words = kit.rng, kit.words

    def entry() -> str:
        kind = rng.choice(["field", "field", "field", "choice", "checks", "text", "slider"])
        controls: dict[str, Callable[[], str]] = {
            "field": lambda: kit.field(
                rng.choice([words.name, words.address, words.phrase, words.date])()
            ),
            "choice": kit.choice,
            "checks": lambda: kit.many(kit.check, 2, 4),
            "text": lambda: (
                f'<div class="field" style="white-space:normal">{words.paragraph(1, 3)}</div>'
            ),
            "slider": lambda: kit.slider(rng.randint(150, 300)),
        }
        control = controls[kind]()
        wrong = ""
        if kit.chance(0.12):
            wrong = (
                f'<div class="small" style="color:{kit.theme.hues[7]}">{words.sentence(3, 6)}</div>'
            )
        star = '<b style="color:#e02020"> *</b>' * kit.chance(0.3)
        return (
            f'<div><div class="small bold">{words.phrase(1, 3)}{star}</div>{control}{wrong}</div>'
        )

    columns = rng.choice([1, 2, 2, 3])
    entries = kit.many(entry, 9 * columns, 12 * columns)
    steps = "".join(
        f'<div class="row middle" style="gap:6px"><span class="face small" style="background:'
        f'{"var(--accent);color:var(--on)" if step == 0 else "var(--muted)"}">{step + 1}</span>'
        f"{words.phrase(1, 2)}</div>"
        for step in range(rng.randint(3, 5))
    )
    style = kit.strong() if kit.chance(0.4) else f"background:{kit.hue()};color:var(--onhue)"
    notice = f'<div class="pad" style="{style};flex:none">{kit.icon(16)} {words.sentence()}</div>'
    return (
        f'<div class="col fill clip" style="padding:18px 32px;gap:14px"><div class="row between" '
        f'style="flex:none">{steps}</div>{notice if kit.chance(0.5) else ""}<h2 style="flex:none">'
        f'{words.phrase(2, 5)}</h2><div class="grow clip" style="display:grid;align-content:start;'
        f'grid-template-columns:repeat({columns},1fr);grid-auto-rows:max-content;gap:14px 22px">'
        f"{entries}</div>{kit.buttons()}</div>"
    )


def dialog(kit: Kit) -> str:
    """A question or a notice, of its own size."""
    words = kit.words
    width = kit.rng.choice([320, 380, 460, 560])
    colour = kit.hue()
    checks = kit.many(kit.check, 0, 4)
    text = f"<h3>{words.phrase(3, 7)}</h3><p>{words.paragraph(1, 3)}</p>{checks}"
    if kit.chance(0.3):
        text += f"<p>{words.phrase(1, 2)}</p>{kit.field()}"
    if kit.chance(0.25):
        text += f'<p class="small muted">{words.path()}</p>{kit.slider(width - 120)}'
    return (
        f'<div class="col" style="width:{width}px;padding:16px;gap:14px"><div class="row" '
        f'style="gap:16px">{kit.icon(40, colour)}<div class="grow">{text}</div></div>'
        f"{kit.buttons()}</div>"
    )
