"""Presets: option values that suit each other and the picture's size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fit_image.config.fit import FitConfig
from fit_image.config.hold_out import parse_hold_out, shown_pixels
from fit_image.errors import InputError, excerpt

Values = dict[str, Any]


@dataclass(frozen=True)
class Preset:
    """Values that replace defaults of `FitConfig`, for a picture's pixels and options given."""

    summary: str
    """A few words for the help."""

    values: Callable[[int, Values], Values]
    """Returns them for so many pixels, and for the options that are given; these override them."""


def _instant(pixels: int, options: Values) -> Values:
    return {
        "layers": "64",
        "encoding": "grid",
        "activation": "relu",
        "optimizer": "adam",
        "learning_rate": 0.01,
        "lr_schedule": "cosine",
        # About a hundred steps per epoch: larger batches take less time per pixel.
        "batch_size": 1 << min(max((pixels >> 7).bit_length(), 6), 14),
        "epochs": _epochs(8_000_000, pixels, 3, 200),
    }


def _sharp(pixels: int, options: Values) -> Values:
    return {
        "layers": "3x256",
        "activation": "finer",
        "optimizer": "adam",
        "learning_rate": 3e-4,
        "lr_schedule": "cosine",
        "batch_size": 512,
        "epochs": _epochs(12_000_000, pixels, 2, 500),
    }


def _compact(pixels: int, options: Values) -> Values:
    limits: Values = {name: options.get(name) for name in ("max_parameters", "time_limit")}
    given = FitConfig(**limits)
    numbers = given.max_parameters or max(pixels // 8, 128)
    seconds = given.time_limit or 60.0
    if given.time_limit and options.get("schedule_by", "time") == "time":
        seconds *= _FASTER
    # Sizes that are given have no limit but one that is given, too.
    limited = given.max_parameters or not options.keys() & {"layers", "encoding"}
    return {
        **({"max_parameters": numbers} if limited else {}),
        **_network(pixels, numbers),
        "optimizer": "soap",
        "schedule_by": "time",
        "epochs": _epochs(seconds * _learned_in_a_second(numbers), pixels, 1, 2_000),
    }


def _network(pixels: int, numbers: int) -> Values:
    """Return the values of the preset compact that depend on the numbers permitted."""
    # Fine tables of few numbers say little, and waves of many are slow.
    if numbers < _FEW:
        return {**_WAVES, "encoding": _coarse_grid(pixels, numbers)}
    # With so many entries, larger batches and fewer layers learn more in the same time.
    if numbers > 0.5 * pixels:
        return {**_LARGE_TABLES, "encoding": _grid(pixels, numbers, 18, (4_419, 64))}
    return {**_TABLES, "encoding": _grid(pixels, numbers, 8, (4_899, 48))}


# Of the preset compact: below so many numbers most are in the layers.
_FEW = 12_000

_WAVES: Values = {
    "layers": "5x32",
    "activation": "sine",
    "learning_rate": 1e-3,
    "table_rate": 10.0,
    "lr_schedule": "linear",
    "batch_size": 1024,
}
_TABLES: Values = {
    "layers": "3x48",
    "activation": "relu",
    "learning_rate": 0.005,
    "table_rate": 2.0,
    "lr_schedule": "linear",
    "warmup": 0.25,  # or some networks break down in their first steps
    "batch_size": 1024,
}
_LARGE_TABLES: Values = {**_TABLES, "layers": "2x64", "batch_size": 2048}

# Samples that two fast cores learn in a second with few numbers, and with how many more it is half
# as many: of waves, and with fine tables.
_SPEED_OF_WAVES, _SPEED = (3.1e6, 3_200), (8.3e5, 250_000)

# Where the schedule is as long as the time limit, epochs suffice for cores so many times as fast.
_FASTER = 1.5


def _learned_in_a_second(numbers: int) -> float:
    most, halved = _SPEED_OF_WAVES if numbers < _FEW else _SPEED
    return most / (1 + numbers / halved)


_FEATURES, _MOST_LEVELS = 2, 20


def _grid(pixels: int, numbers: int, coarsest: int, in_layers: tuple[int, int]) -> str:
    """Return a grid for so many numbers, whose finest level is open or as fine as helps.

    ``in_layers`` are the numbers of the layers, without those of their inputs, and of an input.
    """
    axes, side = _axes(pixels, numbers), max(_longer_side(pixels), coarsest)
    finest = min(max(2.6 * math.sqrt(numbers), coarsest), side)
    fixed, of_input = in_layers
    left = numbers - fixed - _FEATURES * (2 * of_input + axes * 5 / 3)
    limit = max(left, 0.4 * numbers)

    def fits(levels: int, entries: int) -> bool:
        cells = (coarsest * (finest / coarsest) ** (n / (levels - 1)) for n in range(levels))
        vertices = (min(longer * longer / 1.5, entries) for longer in cells)
        return _FEATURES * (levels * of_input + sum(vertices)) < limit

    entries, levels = 1, _MOST_LEVELS
    while entries < pixels and fits(levels, entries):
        entries *= 2
    while levels > 2 and not fits(levels, entries):
        levels -= 1
    bound = f",finest={round(finest)}" if finest < side else ""
    return (
        f"grid:levels={levels},features={_FEATURES},entries={entries},coarsest={coarsest}{bound},"
        f"axes={axes}"
    )


def _coarse_grid(pixels: int, numbers: int) -> str:
    """Return a grid of a third of so many numbers, half of which are its axes'."""
    entries: int = 1 << max(round(math.log2(numbers / 29)), 0)
    finest = math.ceil(math.sqrt(3.5 * entries))
    return (
        f"grid:levels=4,features={_FEATURES},entries={entries},coarsest={max(finest // 5, 1)},"
        f"finest={finest},axes={_axes(pixels, numbers)}"
    )


def _axes(pixels: int, numbers: int) -> int:
    return max(min(numbers // 24, round(_longer_side(pixels) * 2 / 3)), 1)


def _longer_side(pixels: int) -> float:
    return math.sqrt(1.5 * pixels)  # as of most photographs


PRESETS = {
    "classic": Preset("the recipe", lambda pixels, options: {}),
    "sharp": Preset("a network of waves", _sharp),
    "instant": Preset("a learned grid", _instant),
    "compact": Preset("the best of so many --parameters in the --time-limit", _compact),
}


def preset_config(name: str, width: int, height: int, **options: Any) -> FitConfig:
    """Return the configuration of one of `PRESETS` for a picture of this size in pixels.

    ``options`` are fields of `FitConfig` that override the preset's values. `InputError` if the
    preset does not exist, or a value is out of range.
    """
    shown = shown_pixels(parse_hold_out(options.get("hold_out")), width, height)
    values = PRESETS[check_preset(name)].values(max(shown, 1), options)
    return FitConfig(**(values | options)).for_picture(width, height)


def check_preset(name: object) -> str:
    """Return ``name`` if it is a preset's; else raise `InputError`."""
    if not isinstance(name, str) or name not in PRESETS:
        wanted = f"one of {', '.join(PRESETS)}"
        found = excerpt(repr(name))
        raise InputError(f"preset must be {wanted}, not {found}", fields=("preset",))
    return name


def _epochs(budget: float, pixels: int, least: int, most: int) -> int:
    """Return the epochs in which ``budget`` pixels are trained on, within bounds."""
    return min(max(round(budget / pixels), least), most)
