"""The machine's fonts, split between the parts so that no typeface is in both."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from fit_image.errors import InputError

# Those of pictures, signs, single scripts and decoration, with which nobody reads a screen.
_LEFT_OUT = re.compile(
    r"math|symbol|music|emoji|signwriting|dingbat|size|nonunicode|integral|variants|smallcaps|caps"
    r"|chorus|^[DZ]0|unslanted|quotation|dunhill|keyboard|signfont|keyfont|caption|upright|inclined"
    r"|lpfont|tamil|^stix$|\bvf\b|titling|bebas|monoisome|alta$|^sans$|demi|\bthin\b|black|initials"
    r"|two beta"
    r"|^noto (?!(sans|serif|mono|sans mono|sans display|serif display)$)|kaffeesatz|purisa|\bprop\b"
    r"|cond\b|slanted|droid sans fallback|nanumsquareround|title$|standard tt|wenquanyi|^ipa|nanum"
    r"|tex gyre adventor|umpush|sawasdee|infofont z|pcfont z|light$|medium$|unifont|opensymbol",
    re.IGNORECASE,
)

_MONO = re.compile(
    r"mono|code|courier|cursor|consol|hack|hermit|agave|anonymous|cousine|typewriter|typist|typo"
    r"|spleen|terminus",
    re.IGNORECASE,
)

_SERIF = re.compile(
    r"serif|roman|tinos|garamond|c059|p052|caladea|cardo|charis|fanwood|gentium|junicode|kinnari"
    r"|norasi|libertine|bonum|pagella|schola|termes|vollkorn|yrsa|rasa|slab|arapey|quattrocento"
    r"|stixgeneral|tymes|myeongjo|times|georgia|cambria|latin modern roman|palatino",
    re.IGNORECASE,
)

# Kin are together: Hack and Verana were drawn after DejaVu, Carlito after Lato.
_TEST = re.compile(
    r"^(dejavu|hack|veranda|bitstream|inter\b|lato|carlito|pt |fira|vollkorn|go\b|go mono"
    r"|cabin|play|garuda|kinnari|gentium|anonymous|mononoki|league|manrope|arapey|consolas|georgia"
    r"|universalis|karla)",
    re.IGNORECASE,
)

# What has the letters of Greek, Russian and the Far East, by part; those installed are used.
_FALLBACK = {
    "train": ("Noto Sans", "Liberation Sans", "FreeSans", "WenQuanYi Micro Hei"),
    "test": ("DejaVu Sans", "IPAGothic", "NanumGothic"),
}


@dataclass(frozen=True)
class Fonts:
    """The families of one part, by kind.

    Attributes
    ----------
    sans, serif, mono : tuple of str
        Where a kind is missing, the families of another.
    fallback : tuple of str
        For letters that a family lacks.
    """

    sans: tuple[str, ...]
    serif: tuple[str, ...]
    mono: tuple[str, ...]
    fallback: tuple[str, ...]

    def __len__(self) -> int:
        return len({*self.sans, *self.serif, *self.mono})

    def stack(self, family: str) -> str:
        """Return the value of ``font-family`` that draws with a family first."""
        return ", ".join(f"'{name}'" for name in (family, *self.fallback))


def families() -> set[str]:
    """List the families that are installed.

    Raises
    ------
    InputError
        If the machine cannot tell.
    """
    program = shutil.which("fc-list")
    if program is None:
        raise InputError("no fc-list, which lists the fonts: install fontconfig")
    run = subprocess.run([program, ":", "family"], capture_output=True, text=True, check=False)
    return {line.split(",")[0].replace("\\-", "-").strip() for line in run.stdout.splitlines()} - {
        ""
    }


def find_fonts(part: str) -> Fonts:
    """Return the fonts of a part, which never include one of the other part's.

    Raises
    ------
    InputError
        If there are none.
    """
    installed = families()
    of_part = sorted(
        name
        for name in installed
        if not _LEFT_OUT.search(name) and bool(_TEST.match(name)) == (part == "test")
    )
    if not of_part:
        raise InputError(f"no fonts for the part {part}: install some more")
    mono = tuple(name for name in of_part if _MONO.search(name))
    serif = tuple(name for name in of_part if _SERIF.search(name) and name not in mono)
    sans = tuple(name for name in of_part if name not in mono and name not in serif)
    fallback = tuple(name for name in _FALLBACK[part] if name in installed)
    return Fonts(
        sans or serif or mono,
        serif or sans or mono,
        mono or sans or serif,
        fallback or tuple(of_part[:1]),
    )
