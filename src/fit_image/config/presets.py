"""Presets: option values that suit each other and the picture's size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from fit_image.config.fit import FitConfig
from fit_image.config.hold_out import parse_hold_out, shown_pixels
from fit_image.errors import InputError, excerpt

Values = dict[str, Any]
Size = tuple[int, int]


@dataclass(frozen=True)
class Preset:
    """Values that replace defaults of `FitConfig`, for a picture and options given."""

    summary: str
    """A few words for the help."""

    values: Callable[[int, Size, Values], Values]
    """Returns them for so many pixels that are shown, for width and height, and for the options
    that are given; these override them."""


def _instant(pixels: int, size: Size, options: Values) -> Values:
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


def _sharp(pixels: int, size: Size, options: Values) -> Values:
    return {
        "layers": "3x256",
        "activation": "finer",
        "optimizer": "adam",
        "learning_rate": 3e-4,
        "lr_schedule": "cosine",
        "batch_size": 512,
        "epochs": _epochs(12_000_000, pixels, 2, 500),
    }


def _compact(pixels: int, size: Size, options: Values) -> Values:
    names = ("max_parameters", "time_limit", "epochs")
    given = FitConfig(**{name: options[name] for name in names if name in options})
    numbers = given.max_parameters or max(pixels // 8, 128)
    seconds = given.time_limit or 60.0
    if given.time_limit and options.get("schedule_by", "time") == "time":
        seconds *= _FASTER
    # Sizes that are given have no limit but one that is given, too.
    limited = given.max_parameters or not options.keys() & {"layers", "encoding"}
    return {
        **({"max_parameters": numbers} if limited else {}),
        **_network(size, numbers),
        "optimizer": "soap",
        # Without it, some networks break down in their first steps.
        "warmup": min(round(_WARM_UP / pixels, 3), 1.0, given.epochs),
        "schedule_by": "time",
        "epochs": _epochs(seconds * _learned_in_a_second(numbers), pixels, 1, 2_000),
    }


def _network(size: Size, numbers: int) -> Values:
    """Return the values of the preset compact that depend on the numbers permitted."""
    # Fine tables of few numbers say little, and waves of many are slow.
    if numbers < _FEW:
        return {**_WAVES, "encoding": _coarse_grid(size, numbers)}
    # With so many entries, larger batches and fewer layers learn more in the same time.
    if numbers > 0.5 * size[0] * size[1]:
        return {**_LARGE_TABLES, "encoding": _grid(size, numbers, 18, (4_419, 64))}
    return {**_TABLES, "encoding": _grid(size, numbers, 8, (4_899, 48))}


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
    "batch_size": 1024,
}
_LARGE_TABLES: Values = {**_TABLES, "layers": "2x64", "batch_size": 2048}

_WARM_UP = 100_000  # samples


class _Speed(NamedTuple):
    """Samples that two fast cores learn."""

    most: float  # in a second, with few numbers
    halved: float  # numbers with which they are half as many


_SPEED_OF_WAVES, _SPEED_OF_TABLES = _Speed(3.1e6, 3_200), _Speed(8.3e5, 250_000)

# Where the schedule is as long as the time limit, epochs suffice for cores so many times as fast.
_FASTER = 1.5


def _learned_in_a_second(numbers: int) -> float:
    speed = _SPEED_OF_WAVES if numbers < _FEW else _SPEED_OF_TABLES
    return speed.most / (1 + numbers / speed.halved)


_FEATURES, _MOST_LEVELS, _MOST_ENTRIES = 2, 20, 1 << 24

# Found by trying: the cells of the finest level are at most so many times the root of the numbers,
# and those of the axes so small a share of the numbers, and of the longer side.
_FINE, _OF_NUMBERS, _OF_SIDE = 2.6, 1 / 24, 2 / 3


def _grid(size: Size, numbers: int, coarsest: int, in_layers: tuple[int, int]) -> str:
    """Return a grid for so many numbers, which is at most as fine as the pixels.

    ``in_layers`` are the numbers of layers that draw three channels, without those of their inputs,
    and of an input. Where the tables end far below the limit, the layers become wider.
    """
    side, axes = max(*size, coarsest), _axes(size, numbers)
    finest = min(max(round(_FINE * math.sqrt(numbers)), coarsest), side)
    fixed, of_input = in_layers
    left = numbers - fixed - _FEATURES * (2 * of_input + sum(_vertices(size, axes)))
    limit = max(left, 0.4 * numbers)  # of small pictures the layers become narrower

    def fits(levels: int, entries: int) -> bool:
        growth = math.pow(finest / coarsest, 1 / (levels - 1))
        cells = (int(coarsest * math.pow(growth, level) + 1e-6) for level in range(levels))
        counts = (min(math.prod(_vertices(size, longer)), entries) for longer in cells)
        return _FEATURES * (levels * of_input + sum(counts)) < limit

    entries, levels = 1, _MOST_LEVELS
    while entries < min(math.prod(size), _MOST_ENTRIES) and fits(levels, entries):
        entries *= 2
    while levels > 2 and not fits(levels, entries):
        levels -= 1
    bound = f",finest={finest}" if finest < side else ""
    return (
        f"grid:levels={levels},features={_FEATURES},entries={entries},coarsest={coarsest}{bound},"
        f"axes={axes}"
    )


def _coarse_grid(size: Size, numbers: int) -> str:
    """Return a grid of about a third of so many numbers."""
    if numbers < 100:  # which layers need for themselves
        return "none"
    entries: int = 1 << round(math.log2(numbers / 29))
    finest = math.ceil(math.sqrt(3.5 * entries))
    return (
        f"grid:levels=4,features={_FEATURES},entries={entries},coarsest={max(finest // 5, 1)},"
        f"finest={finest},axes={_axes(size, numbers)}"
    )


def _axes(size: Size, numbers: int) -> int:
    return max(min(int(numbers * _OF_NUMBERS), round(max(size) * _OF_SIDE)), 1)


def _vertices(size: Size, longer: int) -> tuple[int, int]:
    """Return the vertices across and down of square cells, so many along the longer side."""
    across, down = (max(round(longer * side / max(size)), 1) + 1 for side in size)
    return across, down


PRESETS = {
    "classic": Preset("the recipe", lambda pixels, size, options: {}),
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
    values = PRESETS[check_preset(name)].values(max(shown, 1), (width, height), options)
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
