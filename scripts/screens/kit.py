"""What every scene is made with, and the small parts of interfaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from random import Random

from screens.fonts import Fonts
from screens.icons import icon
from screens.theme import Theme, make_theme, strong_pairs
from screens.words import Words


@dataclass(frozen=True)
class Kit:
    """A source of chance, words, colours and fonts.

    Attributes
    ----------
    rng : Random
    words : Words
    theme : Theme
    fonts : Fonts
    part : str
    """

    rng: Random
    words: Words
    theme: Theme
    fonts: Fonts
    part: str

    def again(self) -> Kit:
        """Return a kit with another theme and other words: for another window."""
        theme = make_theme(self.rng, self.part, self.fonts)
        return Kit(self.rng, Words(self.rng, self.part), theme, self.fonts, self.part)

    def chance(self, probability: float) -> bool:
        """Say yes so often."""
        return self.rng.random() < probability

    def hue(self) -> str:
        """One of the theme's further colours."""
        return self.rng.choice(self.theme.hues)

    def strong(self) -> str:
        """The style of strong text on a strong ground."""
        ink, ground = self.rng.choice(strong_pairs(self.part))
        return f"color:{ink};background:{ground}"

    def icon(self, size: float = 16, colour: str = "currentColor", name: str | None = None) -> str:
        """A drawing; without a name, any."""
        return icon(self.rng, size, colour, name)

    def many(self, make: Callable[[], str], least: int, most: int) -> str:
        """Join some of what a function makes."""
        return "".join(make() for _ in range(self.rng.randint(least, most)))

    def button(self, primary: bool = False) -> str:
        """A button, at times with a drawing."""
        drawing = self.icon(14) if self.chance(0.3) else ""
        kind = "button primary" if primary else "button"
        return f'<span class="{kind}">{drawing}{self.words.action()}</span>'

    def buttons(self, least: int = 2, most: int = 3) -> str:
        """Some buttons in a row, the last of which stands out."""
        others = self.many(self.button, least - 1, most - 1)
        return f'<div class="row end gap">{others}{self.button(True)}</div>'

    def check(self, label: str | None = None) -> str:
        """A check box or a radio button with its label."""
        on, disc = self.chance(0.5), " disc" * self.chance(0.35)
        style = "background:var(--accent);border-color:var(--accent)" if on else ""
        mark = self.icon(11, "var(--on)", "disc" if disc else "check") if on else ""
        box = (
            f'<span class="box{disc} row middle" style="{style};justify-content:center">{mark}'
            "</span>"
        )
        return (
            f'<div class="row middle" style="gap:8px">{box}{label or self.words.phrase(2, 5)}</div>'
        )

    def switch(self) -> str:
        """A switch, on or off."""
        on = self.chance(0.5)
        ground = "var(--accent)" if on else "var(--line)"
        knob = 26 if on else 10
        return (
            f'<svg width="36" height="20"><rect width="36" height="20" rx="10" fill="{ground}"/>'
            f'<circle cx="{knob}" cy="10" r="7.5" fill="#fff"/></svg>'
        )

    def slider(self, width: int = 160) -> str:
        """A slider or a bar of progress."""
        at = self.rng.uniform(0.05, 0.95) * width
        knob = f'<circle cx="{at:.1f}" cy="9" r="8" fill="var(--accent)"/>' * self.chance(0.7)
        return (
            f'<svg width="{width}" height="18"><rect y="7" width="{width}" height="4" rx="2" '
            f'fill="var(--line)"/><rect y="7" width="{at:.1f}" height="4" rx="2" '
            f'fill="var(--accent)"/>{knob}</svg>'
        )

    def field(self, text: str | None = None, style: str = "") -> str:
        """A field with what was typed into it."""
        return f'<div class="field" style="{style}">{escape(text or self.words.phrase(1, 4))}</div>'

    def choice(self, style: str = "") -> str:
        """A field that opens a list."""
        arrow = self.icon(12, "currentColor", "down")
        return (
            f'<div class="field row middle between" style="{style}">'
            f'<span class="line">{self.words.phrase(1, 3)}</span>{arrow}</div>'
        )

    def badge(self, text: str | None = None) -> str:
        """A word on a strong colour."""
        style = self.strong() if self.chance(0.3) else f"background:{self.hue()}"
        return f'<span class="badge" style="{style}">{text or self.words.word()}</span>'

    def face(self, name: str) -> str:
        """A disc with a person's initials."""
        letters = "".join(word[0] for word in name.split())
        return f'<span class="face" style="background:{self.hue()}">{letters}</span>'

    def menu_bar(self) -> str:
        """The menus of a window."""
        menus = "".join(f"<span>{menu}</span>" for menu in self.words.menus())
        return f'<div class="bar">{menus}</div>'

    def tool_bar(self) -> str:
        """Drawings in a row, and at times a field to search in."""
        size = self.rng.choice([14, 16, 18, 20, 24])
        drawings = self.many(
            lambda: self.icon(size, self.rng.choice(["currentColor", self.hue()])), 4, 14
        )
        search = self.field(style="flex:1 1 0;max-width:320px") if self.chance(0.5) else ""
        return (
            f'<div class="bar">{drawings}{search}{self.button() if self.chance(0.4) else ""}</div>'
        )

    def tabs(self, names: Sequence[str]) -> str:
        """Tabs, one of them chosen."""
        chosen = self.rng.randrange(len(names))
        shown = "".join(
            f'<span class="item{" chosen" * (index == chosen)}">{escape(name)}</span>'
            for index, name in enumerate(names)
        )
        return f'<div class="bar" style="gap:2px">{shown}</div>'

    def items(self, least: int, most: int, icons: bool = True) -> str:
        """Lines of a list, one of them chosen."""
        count = self.rng.randint(least, most)
        chosen = self.rng.randrange(count)
        lines = []
        for index in range(count):
            colour = "currentColor" if index == chosen or self.chance(0.5) else self.hue()
            drawing = self.icon(16, colour) if icons else ""
            mark = " chosen" * (index == chosen)
            text = f'<span class="line">{self.words.phrase(1, 3)}</span>'
            lines.append(f'<div class="item{mark}">{drawing}{text}</div>')
        return "".join(lines)
