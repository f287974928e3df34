"""``--watch [COLUMNS]``: what is asked for, and what the terminal can show."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from fit_image.errors import InputError

COLUMNS = 40
_LIMITS = (4, 400)

PATTERN = r"[0-9]+|kitty(:[0-9]*)?"
"""A value of ``--watch``, not an argument after it."""

_TRUE_COLOUR = ("kitty", "alacritty", "foot", "ghostty", "wezterm", "contour")


@dataclass(frozen=True)
class WatchSpec:
    """Columns of a picture in the terminal, and whether it is sent by kitty's protocol."""

    columns: int = COLUMNS
    kitty: bool = False


def parse_watch(text: str) -> WatchSpec:
    """Parse ``80``, ``kitty`` or ``kitty:80``; `InputError` if it is none of these."""
    match = re.fullmatch(r"(kitty)?:?([0-9]{1,9})?", text)
    if not text or not match or bool(match[1] and match[2]) != (":" in text):
        raise InputError(f"{text!a} is not a number of columns, such as 80, kitty or kitty:80")
    columns = int(match[2] or COLUMNS)
    least, most = _LIMITS
    if not least <= columns <= most:
        raise InputError(f"{text!a}: columns must be from {least} to {most}")
    return WatchSpec(columns, bool(match[1]))


def has_true_colour(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the terminal says that it shows all colours; otherwise, it has 256."""
    term = environment.get("TERM", "")
    return (
        environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")
        or term.endswith("-direct")
        or any(name in term for name in _TRUE_COLOUR)
    )


def is_multiplexed(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether tmux or screen stands between, which know text alone."""
    return "TMUX" in environment or environment.get("TERM", "").startswith(("screen", "tmux"))
