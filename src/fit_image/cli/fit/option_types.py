"""Types of the options of ``fit-image IMAGE`` that no other command has."""

from __future__ import annotations

import re
from typing import Any

import click

from fit_image.cli.common.options import OrNone, Parsed, Real, Whole, checked
from fit_image.config.encoding_spec import parse_encoding
from fit_image.config.hold_out import UNSEEN, parse_hold_out, parse_target
from fit_image.config.layer_spec import LARGEST_RATE, parse_duration, parse_init
from fit_image.config.registry import AUTO_RATE, OPTIMIZERS
from fit_image.errors import InputError


class Rate(Real):
    """A learning rate, or ``auto``."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.lower() == AUTO_RATE:
            return AUTO_RATE
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message.rstrip('.')}, or '{AUTO_RATE}'.", param, ctx)


class TargetPsnr(Real):
    """Decibels above 0, or ``unseen:`` and such a number."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str) or not value.startswith(UNSEEN):
            return super().convert(value, param, ctx)
        try:
            number = super().convert(value.removeprefix(UNSEEN), param, ctx)
        except click.BadParameter:
            self.fail(f"{value!a} is not {UNSEEN} and a number of dB above 0.", param, ctx)
        return parse_target(f"{UNSEEN}{number}")


def _hold_out(text: str) -> str | float | None:
    try:
        return parse_hold_out(text)
    except InputError:
        raise InputError(f"{text!a} is not 'even', or a share between 0 and 1.") from None


def _pixels(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,17}", text):
        raise InputError(f"{text!a} is not a number of pixels above 0")
    return int(text)


ENCODING = Parsed("encoding", lambda text: str(parse_encoding(text)))
INIT = Parsed("init", checked(parse_init))
RATE = Rate(min=0, min_open=True, max=LARGEST_RATE)
TARGET_PSNR = OrNone(TargetPsnr())
HOLD_OUT = OrNone(Parsed("pixels", _hold_out))
DURATION = OrNone(Parsed("time", parse_duration))
PARAMETER_LIMIT = OrNone(Whole(min=1))
PIXEL_LIMIT = OrNone(Parsed("pixels", _pixels))


def by_optimizer(name: str) -> str:
    """Describe the default of a field of `FitConfig` for each optimizer."""
    first, *others = OPTIMIZERS
    usual = getattr(OPTIMIZERS[first], name)
    groups: dict[float | None, list[str]] = {}
    for optimizer in others:
        groups.setdefault(getattr(OPTIMIZERS[optimizer], name), []).append(optimizer)
    parts = [
        f"{value:g} with {' and '.join(group)}" for value, group in groups.items() if value != usual
    ]
    return ", ".join(parts if usual is None else [f"{usual:g}", *parts])
