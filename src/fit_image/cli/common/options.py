"""Parameter types and options shared by the commands."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fit_image.cli.common.headings import headed_option
from fit_image.config.encoding_spec import parse_encoding
from fit_image.config.fit import FPS, ImageConfig, option_of
from fit_image.config.layer_spec import (
    LARGEST_RATE,
    Hidden,
    parse_duration,
    parse_init,
    parse_layers,
    parse_qualities,
)
from fit_image.config.presets import PRESETS
from fit_image.config.registry import OPTIMIZERS, PACES
from fit_image.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])

LARGEST_SIDE = 1_000_000


class Layers(click.ParamType):
    """Hidden layers, such as ``4x300`` or ``300,200,100``."""

    name = "layers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Hidden, ...]:
        """Parse with `parse_layers`."""
        if isinstance(value, tuple):
            return value
        try:
            return parse_layers(value)
        except InputError as error:
            self.fail(str(error), param, ctx)


class Encoding(click.ParamType):
    """An encoding, such as ``fourier:128@10``."""

    name = "encoding"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Parse with `parse_encoding`, and return it in full."""
        try:
            return str(parse_encoding(value))
        except InputError as error:
            self.fail(str(error), param, ctx)


class Init(click.ParamType):
    """One of `INITS`."""

    name = "init"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check with `parse_init`."""
        try:
            parse_init(value)
        except InputError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Real(click.FloatRange):
    """A finite number in a range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Reject infinities, and NaN, which passes all comparisons with limits."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Numbers(click.ParamType):
    """Non-negative numbers, separated by commas."""

    name = "numbers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Convert each with `Real`."""
        if isinstance(value, tuple):
            return value
        number = Real(min=0, max=LARGEST_RATE)
        return tuple(number.convert(text.strip(), param, ctx) for text in value.split(","))


class Qualities(click.ParamType):
    """A JPEG quality or a range of qualities."""

    name = "Q"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check with `parse_qualities`."""
        try:
            parse_qualities(value)
        except InputError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Decibels(Real):
    """A PSNR above 0, or ``none``."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(  # type: ignore[override]
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """Return None for ``none``."""
        if isinstance(value, str) and value.lower() == "none":
            return None
        return super().convert(value, param, ctx)


class Duration(click.ParamType):
    """A time such as ``60s`` or ``1h30m``, or ``none``."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """Parse with `parse_duration`; return None for ``none``."""
        if isinstance(value, float):
            return value
        if value.lower() == "none":
            return None
        try:
            return parse_duration(value)
        except InputError as error:
            self.fail(f"{error}, or 'none'.", param, ctx)


class PixelLimit(click.ParamType):
    """A number of pixels, or ``none``."""

    name = "pixels"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """Return None for ``none``."""
        if isinstance(value, int):
            return value
        if value.lower() == "none":
            return None
        if not re.fullmatch(r"0*[1-9][0-9]{0,17}", value):
            self.fail(f"{value!a} is not a number of pixels above 0, or 'none'.", param, ctx)
        return int(value)


class Size(click.ParamType):
    """Width and height, such as ``1920x1080``."""

    name = "WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Parse two whole numbers with an x between them."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([0-9]{1,9})[xX]([0-9]{1,9})", value)
        if not match:
            self.fail(f"{value!a} is not a size such as 1920x1080.", param, ctx)
        width, height = int(match[1]), int(match[2])
        if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
            self.fail(f"{value!a}: sides must be from 1 to {LARGEST_SIDE} pixels.", param, ctx)
        return width, height


class Region(click.ParamType):
    """Two corners, such as ``0,0,1,1`` for the whole picture."""

    name = "X0,Y0,X1,Y1"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float, float]:
        """Parse four finite numbers."""
        if isinstance(value, tuple):
            return value
        try:
            x0, y0, x1, y1 = (float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!a} is not four numbers such as 0,0,1,1.", param, ctx)
        corners = (x0, y0, x1, y1)
        if any(not math.isfinite(corner) or abs(corner) > 1e6 for corner in corners):
            self.fail(f"{value!a}: coordinates must be between -1e6 and 1e6.", param, ctx)
        if x0 == x1 or y0 == y1:
            self.fail(f"{value!a} is an empty region.", param, ctx)
        return corners


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


def describe_presets() -> str:
    """Describe the options of each preset, for a picture of the default size."""
    parts = []
    for name, preset in PRESETS.items():
        values = [
            f"{option_of(field)} {value}"
            for field, value in preset.values(ImageConfig().max_pixels or 1).items()
        ]
        parts.append(f"{name}, {preset.summary}: {' '.join(values) or 'the defaults'}")
    return "; ".join(parts) + "."


def fps_option(command: Command) -> Command:
    """Add ``--fps``."""
    return headed_option(
        "Recording",
        "--fps",
        type=Real(*FPS),
        default=20.0,
        show_default=True,
        metavar="N",
        help="Frames per second of the animation.",
    )(command)


def with_target_option(command: Command) -> Command:
    """Add ``--with-target``."""
    return headed_option(
        "Recording",
        "--with-target",
        is_flag=True,
        help="Show the target beside the learned picture.",
    )(command)


def pace_option(command: Command) -> Command:
    """Add ``--pace``."""
    return headed_option(
        "Recording",
        "--pace",
        type=click.Choice(PACES),
        default="even",
        show_default=True,
        help="Space the animation's frames evenly in epochs, or evenly in visible progress (PSNR).",
    )(command)


def threads_option(default: str) -> Callable[[Command], Command]:
    """Add ``--threads``, with the default described."""
    return headed_option(
        "Run",
        "--threads",
        type=click.IntRange(min=1, max=1024),
        metavar="N",
        show_default=default,
        help="Maximum number of threads; the result does not depend on it.",
    )


def json_option(command: Command) -> Command:
    """Add ``--json``."""
    return headed_option(
        "Run", "--json", "as_json", is_flag=True, help="Print the result as one JSON object."
    )(command)


def quiet_option(command: Command) -> Command:
    """Add ``--quiet``."""
    return headed_option(
        "Run", "-q", "--quiet", is_flag=True, help="Print no progress, only errors."
    )(command)


def path_argument(metavar: str) -> Callable[[Command], Command]:
    """Add an argument ``path``: the folder of a run, or a model file."""
    return click.argument("path", metavar=metavar, type=click.Path(path_type=Path))
