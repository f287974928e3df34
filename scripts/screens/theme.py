"""The colours, fonts and measures of a screen."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from random import Random

from screens.fonts import Fonts

# Degrees of the colour circle; those of the parts lie apart.
_HUES = {
    "train": (0, 25, 48, 90, 130, 165, 200, 217, 240, 265, 300, 330),
    "test": (12, 36, 70, 110, 148, 184, 208, 228, 252, 282, 315, 345),
}

# Text and its ground, both strong: warnings, signs, badly chosen slides, the terminals of old.
_STRONG = {
    "train": """ff0000/0000ff ffff00/0000c0 ff0000/000000 00ff00/000000 ffffff/c00000 0000ff/ffff00
        00ffff/800080 ff00ff/101010 ff8000/002060 ffffff/008000 000000/ff6000 e00000/00c000
        ffd000/600000 0000a0/ffc0c0 c00040/ffe060 40ff80/003020 ffffff/e0007a 1020ff/ff9000""",
    "test": """ff2020/1010d0 ffe000/300090 e01010/101810 50ff20/081008 fff4f4/b00020 2000e0/f0f010
        20f0f0/700060 ff30e0/202028 ff9820/0a1a50 f8fff8/107010 101010/ff7810 d80018/10b818
        ffc818/501010 181890/ffb0b8 b01050/fff080 60f8a0/102a20 fff8ff/c80068 3030e8/ffa020""",
}

_SIZES = {"train": (11, 12, 13, 13, 14, 14, 15, 16, 18), "test": (11.5, 12, 13, 13.5, 14, 15, 17)}
_SIDES = {"train": (170, 200, 240, 280), "test": (185, 220, 260, 310)}
_ROWS = {"train": (1.5, 1.7, 2.0, 2.4), "test": (1.6, 1.85, 2.2, 2.6)}
_GAPS = {"train": (4, 6, 8, 12, 16), "test": (5, 7, 10, 14)}
_RADII = {"train": (0, 0, 3, 6, 12), "test": (0, 2, 4, 8, 10)}


def tone(hue: float, lightness: float, saturation: float) -> str:
    """Return a colour in hexadecimal; the hue in degrees, the others in 0..1."""
    red, green, blue = colorsys.hls_to_rgb(hue / 360 % 1, lightness, saturation)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def strong_pairs(part: str) -> list[tuple[str, str]]:
    """List a part's strong colours of text, each with that of its ground."""
    pairs = (pair.split("/") for pair in _STRONG[part].split())
    return [(f"#{ink}", f"#{ground}") for ink, ground in pairs]


@dataclass(frozen=True)
class Theme:
    """What every window of a screen shares.

    Attributes
    ----------
    dark : bool
    ground, panel, ink, muted, line, accent, on_accent : str
        Colours of the page, of what stands on it, of text, lesser text, lines, and of what stands
        out and the text on it.
    hues : tuple of str
        Eight further colours, readable on the ground.
    face, mono, heading : str
        Values of ``font-family``.
    size : float
        Of text in CSS pixels.
    side, row, gap, radius : float
        Width of a side bar, height of a row in lines of text, distances and corners.
    """

    dark: bool
    ground: str
    panel: str
    ink: str
    muted: str
    line: str
    accent: str
    on_accent: str
    hues: tuple[str, ...]
    face: str
    mono: str
    heading: str
    size: float
    side: int
    row: float
    gap: int
    radius: int

    def variables(self) -> str:
        """Return the theme as the variables of a style sheet."""
        pairs = {
            **{"ground": self.ground, "panel": self.panel, "ink": self.ink, "muted": self.muted},
            **{
                "line": self.line,
                "accent": self.accent,
                "on": self.on_accent,
                "onhue": "#101010" if self.dark else "#ffffff",
            },
            **{"face": self.face, "mono": self.mono, "heading": self.heading},
            **{"size": f"{self.size}px", "side": f"{self.side}px", "gap": f"{self.gap}px"},
            **{"radius": f"{self.radius}px", "row": f"{self.row * self.size:.1f}px"},
            **{f"hue{index}": hue for index, hue in enumerate(self.hues)},
        }
        return "".join(f"--{name}:{value};" for name, value in pairs.items())


def make_theme(rng: Random, part: str, fonts: Fonts) -> Theme:
    """Choose a theme."""
    hue = rng.choice(_HUES[part])
    strong = rng.random() < 0.12
    dark = rng.random() < 0.42
    tint = rng.choice([0.0, 0.0, 0.0, 0.05, 0.12, 0.2, 0.4])
    if dark:
        base = rng.choice([0.0, 0.05, 0.1, 0.14, 0.19])
        ground, panel = (
            tone(hue, base, tint),
            tone(hue, base + rng.choice([-0.04, 0.03, 0.06]), tint),
        )
        ink, muted = tone(hue, rng.choice([0.82, 0.9, 1.0]), 0.1), tone(hue, 0.6, 0.1)
        line, accent = tone(hue, base + 0.12, tint), tone(hue, rng.choice([0.5, 0.6, 0.7]), 0.75)
    else:
        base = rng.choice([1.0, 1.0, 0.98, 0.95, 0.9])
        ground, panel = tone(hue, base, tint), tone(hue, base - rng.choice([0.03, 0.05, 0.1]), tint)
        ink, muted = tone(hue, rng.choice([0.0, 0.1, 0.2]), 0.15), tone(hue, 0.45, 0.1)
        line, accent = tone(hue, base - 0.16, tint), tone(hue, rng.choice([0.3, 0.4, 0.48]), 0.8)
    if strong:
        ink, ground = rng.choice(strong_pairs(part))
        accent, panel, muted = ink, ground, ink
    around = [(hue + angle) % 360 for angle in (25, 70, 115, 160, 205, 250, 295, 340)]
    light = 0.66 if dark else 0.38
    hues = tuple(tone(angle, light, rng.choice([0.55, 0.75, 1.0])) for angle in around)
    on_accent = ground if strong else "#ffffff" if not dark or rng.random() < 0.3 else "#101010"
    face = rng.choice(fonts.sans if rng.random() < 0.8 else fonts.serif)
    heading = face if rng.random() < 0.6 else rng.choice([*fonts.sans, *fonts.serif])
    return Theme(
        dark=dark,
        ground=ground,
        panel=panel,
        ink=ink,
        muted=muted,
        line=line,
        accent=accent,
        on_accent=on_accent,
        hues=hues,
        face=fonts.stack(face),
        mono=fonts.stack(rng.choice(fonts.mono)),
        heading=fonts.stack(heading),
        size=rng.choice(_SIZES[part]),
        side=rng.choice(_SIDES[part]),
        row=rng.choice(_ROWS[part]),
        gap=rng.choice(_GAPS[part]),
        radius=rng.choice(_RADII[part]),
    )
