"""Pixels that are never shown, and the PSNR that ends a run."""

from __future__ import annotations

import math

from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.errors import InputError, excerpt

EVEN = "even"
"""Every second column and row is held out: a quarter of the pixels is shown."""

UNSEEN = "unseen:"
"""Prefix of a target in dB that is the PSNR of the pixels never shown."""


def parse_hold_out(value: object) -> str | float | None:
    """Return `EVEN`, or the share of the pixels to hold out, from text or a number, or None.

    Raises
    ------
    InputError
        If it is neither ``even`` nor a number between 0 and 1.
    """
    if value is None or value == EVEN:
        return None if value is None else EVEN
    try:
        share = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        share = math.nan
    if not 0 < share < 1:
        found = excerpt(repr(value))
        raise InputError(
            f"hold_out must be even, or a share between 0 and 1, not {found}",
            fields=("hold_out",),
        )
    return share


def shown_pixels(hold_out: str | float | None, width: int, height: int) -> int:
    """Return how many pixels of a picture of this size are shown."""
    if hold_out is None:
        return width * height
    if isinstance(hold_out, str):
        return -(-width // 2) * -(-height // 2)
    pixels = width * height
    return pixels - round(hold_out * pixels)


def check_hold_out(hold_out: str | float | None, width: int, height: int) -> None:
    """Raise `InputError` unless some pixels of a picture of this size are shown, and some not."""
    pixels, shown = width * height, shown_pixels(hold_out, width, height)
    if hold_out is not None and not 0 < shown < pixels:
        which = "all" if shown else "none"
        raise InputError(
            f"hold_out {hold_out} would show {which} of the {width} x {height} pixels: give "
            "another share, or a larger picture",
            fields=("hold_out",),
        )


def parse_target(text: str) -> str:
    """Return a target such as ``unseen:30`` in its one form.

    Raises
    ------
    InputError
        If it is not ``unseen:`` and a number of decibels above 0.
    """
    number = text.removeprefix(UNSEEN)
    try:
        decibels = float(number) if number != text else math.nan
    except ValueError:
        decibels = math.nan
    if not 0 < decibels <= LARGEST_RATE:
        raise InputError(
            f"target_psnr must be above 0, or {UNSEEN}30 for the pixels never shown, not "
            f"{excerpt(repr(text))}",
            fields=("target_psnr",),
        )
    return f"{UNSEEN}{decibels!r}".removesuffix(".0")


def is_reached(target: str | float | None, psnr: float, unseen_psnr: float) -> bool:
    """Return whether a target is reached by these PSNRs in dB."""
    if isinstance(target, str):
        return unseen_psnr >= float(target.removeprefix(UNSEEN))
    return target is not None and psnr >= target
