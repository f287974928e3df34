"""Parameter types and options shared by the commands."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from fit_image.cli.common.headings import OptionalValueOption, headed_option
from fit_image.cli.live import spec
from fit_image.cli.live.serve import ANY_PORT
from fit_image.config.animation import AnimationConfig
from fit_image.config.fit import ImageConfig, option_of
from fit_image.config.layer_spec import (
    LARGEST_RATE,
    parse_layers,
    parse_qualities,
)
from fit_image.config.presets import PRESETS
from fit_image.config.registry import parse_activation
from fit_image.config.settings import LARGEST_WHOLE
from fit_image.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])

LARGEST_SIDE = 1_000_000


class Parsed(click.ParamType):
    """Text that is parsed by a function, which raises `InputError` if it is invalid."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value  # a default that is parsed already
        try:
            return self._parse(value)
        except InputError as error:
            self.fail(str(error), param, ctx)


class OrNone(click.ParamType):
    """A value of another type, or None for ``none``."""

    def __init__(self, kind: click.ParamType) -> None:
        self.name = kind.name
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.lower() == "none":
            return None
        try:
            return self._kind.convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message.rstrip('.')}, or 'none'.", param, ctx)


class Word(click.Choice):
    """One of several words; ``gray`` is taken for ``grey``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        known = value == "gray" and "grey" in self.choices
        return super().convert("grey" if known else value, param, ctx)


class Whole(click.IntRange):
    """A whole number in a range."""

    name = "whole number"


class Real(click.FloatRange):
    """A finite number in a range."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        # NaN passes all comparisons with limits.
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
        if isinstance(value, tuple):
            return value
        number = Real(min=0, max=LARGEST_RATE)
        return tuple(number.convert(text.strip(), param, ctx) for text in value.split(","))


def checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """Return a function that returns its argument if it passes a check."""

    def parse(text: str) -> str:
        check(text)
        return text

    return parse


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?(?:([kMG]?)(i?)B?)", text, re.IGNORECASE)
    base = 1024 if match and match[3] else 1000
    size = int(float(match[1]) * base ** "-kmg".find(match[2].lower() or "-")) if match else 0
    if size < 1:
        raise InputError(f"{text!a} is not a size such as 8MB or 500kB")
    return size


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,9})[xX]([0-9]{1,9})", text)
    if not match:
        raise InputError(f"{text!a} is not a size such as 1920x1080.")
    width, height = int(match[1]), int(match[2])
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise InputError(f"{text!a}: sides must be from 1 to {LARGEST_SIDE} pixels.")
    return width, height


def _region(text: str) -> tuple[float, ...]:
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{text!a} is not four numbers such as 0,0,1,1.") from None
    if not all(abs(corner) <= 1e6 for corner in (x0, y0, x1, y1)):
        raise InputError(f"{text!a}: coordinates must be between -1e6 and 1e6.")
    if x0 == x1 or y0 == y1:
        raise InputError(f"{text!a} is an empty region.")
    return x0, y0, x1, y1


LAYERS = Parsed("layers", parse_layers)
ACTIVATION = Parsed("activation", parse_activation)
QUALITIES = Parsed("Q", checked(parse_qualities))
POSITIVE = Real(min=0, min_open=True, max=LARGEST_RATE)
SIZE = Parsed("WxH", _size)
REGION = Parsed("X0,Y0,X1,Y1", _region)


def describe_presets() -> str:
    """Describe the options of each preset, for a picture of the default size."""
    pixels, parts = ImageConfig().max_pixels or 1, []
    width = math.isqrt(pixels * 3 // 2)  # of most photographs
    for name, preset in PRESETS.items():
        values = [
            f"{option_of(field)} {value}"
            for field, value in preset.values(pixels, (width, pixels // width), {}).items()
        ]
        parts.append(f"{name}, {preset.summary}: {' '.join(values) or 'the defaults'}")
    return "; ".join(parts) + "."


def field_option(
    config_type: type[Any],
    name: str,
    *,
    heading: str | None = None,
    kind: Any = None,
    metavar: str | None = None,
    shown: str | None = None,
    default: Any = None,
) -> Callable[[Any], Any]:
    """Return a decorator that adds the option of a field of `fit_image.config.settings.setting`.

    Parameters
    ----------
    config_type : type
    name : str
    heading : str, optional
        One of `fit_image.cli.common.headings.HEADINGS`.
    kind : click type, optional
        Default: a number within the field's limits, one of its choices, text, or a flag. Flags that
        may change when a run is resumed can be switched off, too.
    metavar : str, optional
        Default: N for whole numbers, X for others.
    shown : str, optional
        The default as the help shows it.
    default : object, optional
        Default: that of the field.
    """
    field = next(each for each in fields(config_type) if each.name == name)
    data, declared = field.metadata, option_of(name)
    default = field.default if default is None else default
    attributes: dict[str, Any] = {"help": data["help"]}
    if isinstance(default, bool):
        attributes |= {"is_flag": True, "default": default, "show_default": shown}
        if data["may_change"]:
            declared = f"{declared}/--no-{declared.removeprefix('--')}"
    else:
        kind = kind or _kind(default, data)
        if isinstance(kind, Whole | Real):
            metavar = metavar or ("N" if isinstance(kind, Whole) else "X")
        attributes |= {"type": kind, "metavar": metavar, "show_default": shown or True}
        if default is not None:
            attributes["default"] = data.get("to_text", lambda value: value)(default)
    if heading is None:
        return click.option(declared, name, **attributes)
    return headed_option(heading, declared, name, **attributes)


def _kind(default: object, data: Mapping[str, Any]) -> Any:
    if data["choices"] is not None:
        return Word(list(data["choices"]))
    least, most = data["limits"] or (0, None)
    most = None if most == LARGEST_WHOLE else most  # which the help need not say
    if isinstance(default, int):
        return Whole(int(least), None if most is None else int(most))
    if isinstance(default, float) or data["limits"]:
        return Real(least, most, min_open=data["above"])
    return None


def animation_options(
    *names: str, shown: str | None = None, hold: float | None = None
) -> list[Callable[[Any], Any]]:
    """Return the options of the fields of `AnimationConfig` with these names, or of all fields.

    ``shown`` is their default as the help shows it, ``hold`` that of ``--hold``.
    """
    types = {"caption": (OrNone(click.STRING), "TEXT|none", "none"), "fps": (None, "N", None)}
    types |= {
        "hold": (None, "SECONDS", None),
        "max_bytes": (OrNone(Parsed("size", _bytes)), "SIZE|none", "none"),
    }
    made = []
    for name in names or [field.name for field in fields(AnimationConfig)]:
        kind, metavar, default = types.get(name, (None, None, None))
        made.append(
            field_option(
                AnimationConfig,
                name,
                heading="Recording",
                kind=kind,
                metavar=metavar,
                shown=shown or default,
                default=hold if name == "hold" else None,
            )
        )
    return made


(fps_option,) = animation_options("fps")
json_option = headed_option(
    "Run", "--json", "as_json", is_flag=True, help="Print the result as one JSON object."
)
quiet_option = headed_option(
    "Run", "-q", "--quiet", is_flag=True, help="Print no progress, only errors."
)

watch_option = click.option(
    "--watch",
    cls=OptionalValueOption,
    heading="Run",
    type=Parsed("columns", spec.parse_watch),
    pattern=spec.PATTERN,
    flag_value=str(spec.COLUMNS),
    metavar="[COLUMNS]",
    show_default="none",
    help="Show the newest frame in the terminal, above the progress bar, beside the target where "
    f"there is room: so many columns wide, {spec.COLUMNS} unless given; kitty or kitty:COLUMNS "
    "sends it by kitty's graphics protocol.",
)

serve_option = click.option(
    "--serve",
    cls=OptionalValueOption,
    heading="Run",
    pattern="[0-9]+",
    flag_value=str(ANY_PORT),
    type=Whole(ANY_PORT, 65_535),
    metavar="[PORT]",
    show_default="none",
    help="Show the training on a page for the browsers of this machine, on this port or a free "
    "one. Its address is printed, and the ssh command with which it is valid elsewhere.",
)

like_option = headed_option(
    "Run",
    "--like",
    type=click.Path(path_type=Path),
    metavar="RUN",
    show_default="none",
    help="Take the options of an earlier run; those given override them.",
)


def threads_option(default: str) -> Callable[[Command], Command]:
    """Add ``--threads``, with the default described."""
    return headed_option(
        "Run",
        "--threads",
        type=Whole(min=1, max=1024),
        metavar="N",
        show_default=default,
        help="Maximum number of threads; the result does not depend on it.",
    )


def path_argument(metavar: str) -> Callable[[Command], Command]:
    """Add an argument ``path``: the folder of a run, or a model file."""
    return click.argument("path", metavar=metavar, type=click.Path(path_type=Path))
