"""What a run is made of: frozen dataclasses, the layer notation, and strict JSON both ways."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fit_image.errors import InputError

MAX_WIDTH = 65_536
MAX_LAYERS = 1_000

LARGEST_RATE = 1e6
"""Of the learning rate and the initial scale; far beyond use, and far within float32."""

FPS = (0.01, 1000.0)
"""Slowest and fastest frames a second."""

PACES = ("even", "visible")


@dataclass(frozen=True)
class OptimizerDefaults:
    """What an optimizer takes where nothing else is asked for."""

    learning_rate: float
    batch_size: int
    weight_decay: float | None = None
    """None where there is no such thing."""


# Rates that very deep networks bear, too; batches that come furthest in the same time.
OPTIMIZERS = {
    "sgd": OptimizerDefaults(0.1, 1),
    "momentum": OptimizerDefaults(0.1, 16),
    "adam": OptimizerDefaults(0.001, 64),
    "adamw": OptimizerDefaults(0.001, 64, weight_decay=0.01),
}
"""The optimizers of `fit_image.core.optimizer`, here so that the help needs no numerics."""

LOSSES = ("mse", "l1", "huber")
"""The losses of `fit_image.core.loss`."""

SCHEDULES = ("constant", "cosine", "exponential")
"""The schedules of `fit_image.core.schedule`."""

SAMPLINGS = ("uniform", "error")
"""Ways to choose the pixels of an epoch."""

LONGEST_TIME = 1e9
"""Of training, in seconds."""

MOST_EPOCHS = 10_000_000

# In the place of a number that the optimizer decides.
_BY_OPTIMIZER: Any = None

_DURATION = re.compile(
    r"(?:(?P<h>[0-9]+(?:\.[0-9]+)?)h)?(?:(?P<m>[0-9]+(?:\.[0-9]+)?)m)?"
    r"(?:(?P<s>[0-9]+(?:\.[0-9]+)?)s?)?"
)

_LAYER = re.compile(r"(?:(?P<count>[0-9]{1,9})[xX])?(?P<width>[0-9]{1,9})")

Config = TypeVar("Config")


def parse_layers(text: str) -> tuple[int, ...]:
    """Read the hidden layers from text such as ``4x300``, ``300,200,100`` or ``2x300,64``.

    Returns
    -------
    tuple of int
        The width of each hidden layer, first to last.

    Raises
    ------
    InputError
        If a part is wrong; the message names that part.
    """
    widths: list[int] = []
    for part in text.split(","):
        match = _LAYER.fullmatch(part.strip())
        shown = ascii(part.strip()[:40])
        if not match:
            raise InputError(
                f"{shown} is not a layer: give a width such as 300, or a count and a width "
                "such as 4x300, separated by commas"
            )
        count, width = int(match["count"] or 1), int(match["width"])
        if not 1 <= width <= MAX_WIDTH:
            raise InputError(f"{shown}: a layer has 1 to {MAX_WIDTH} units, not {width}")
        if count < 1:
            raise InputError(f"{shown}: a count of layers is at least 1")
        if len(widths) + count > MAX_LAYERS:
            raise InputError(f"{shown}: a network has at most {MAX_LAYERS} hidden layers")
        widths += [width] * count
    return tuple(widths)


def parse_duration(text: str) -> float:
    """Read seconds from text such as ``90``, ``60s``, ``2m`` or ``1h30m``.

    Raises
    ------
    InputError
        If it is no duration, is 0, or is longer than `LONGEST_TIME`.
    """
    match = _DURATION.fullmatch(text.strip()) if len(text) <= 40 else None
    if not match or not any(match.groups()):
        raise InputError(f"{text[:40]!a} is not a time such as 90, 60s, 2m or 1h30m")
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    seconds = sum(float(match[name] or 0) * unit for name, unit in units.items())
    if not 0 < seconds <= LONGEST_TIME:
        raise InputError(f"{text!a}: a time is above 0, at most {LONGEST_TIME:g} seconds")
    return seconds


def format_layers(widths: tuple[int, ...]) -> str:
    """Write layers as `parse_layers` reads them, as short as it goes."""
    groups = ((width, len(list(group))) for width, group in itertools.groupby(widths))
    return ",".join(f"{count}x{width}" if count > 1 else str(width) for width, count in groups)


@dataclass(frozen=True)
class FitConfig:
    """Everything that decides what the network learns, apart from the picture.

    The defaults are the recipe of the program ``evolvingstuff/MonaLisa``.

    Attributes
    ----------
    layers : tuple of int
        Widths of the hidden layers.
    epochs : int
        Passes over all pixels.
    learning_rate : float
        Above 0, at most 1e6; each layer divides it by ``sqrt(fan_in + 1)``, except with Adam
        and AdamW.
        Default: what `OPTIMIZERS` has for the optimizer.
    init_scale : float
        Standard deviation of weights and biases before the same division; 0 to 1e6.
    slope : float
        Slope of the leaky ReLU below zero, 0 to 1.
    seed : int
        Of the initial weights and of the order of the pixels; 0 or more.
    batch_size : int
        Pixels of a step, over which the gradient's mean is taken; 1 or more. More than the
        picture has are the whole picture. Default: what `OPTIMIZERS` has for the optimizer.
    optimizer : str
        A key of `OPTIMIZERS`.
    loss : str
        One of `LOSSES`.
    lr_schedule : str
        One of `SCHEDULES`, over all ``epochs``.
    warmup : float
        Epochs in which the learning rate grows from 0, linearly; 0 to `MOST_EPOCHS`.
    weight_decay : float or None
        What a step of AdamW takes off every weight, as a share of it and the rate; 0 to 1e6. None
        with other optimizers. Default: what `OPTIMIZERS` has for the optimizer.
    sampling : str
        Whether an epoch shows every pixel once (``uniform``), or pixels with a larger ``error``
        more often.
    target_psnr : float or None
        Training ends when a picture as drawn has this PSNR, in dB, above 0; None for no target.
    time_limit : float or None
        Training ends after so many seconds of it, above 0, at most `LONGEST_TIME`; None for no
        limit.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    layers: tuple[int, ...] = (300, 300, 300, 300)
    epochs: int = 500
    learning_rate: float = _BY_OPTIMIZER
    init_scale: float = 0.3
    slope: float = 0.01
    seed: int = 0
    batch_size: int = _BY_OPTIMIZER
    optimizer: str = "sgd"
    loss: str = "mse"
    lr_schedule: str = "constant"
    warmup: float = 0.0
    weight_decay: float | None = _BY_OPTIMIZER
    sampling: str = "uniform"
    target_psnr: float | None = None
    time_limit: float | None = None

    def __post_init__(self) -> None:
        _require(
            self.optimizer in OPTIMIZERS,
            f"optimizer must be one of {', '.join(OPTIMIZERS)}, not {self.optimizer!r}",
        )
        for name, value in dataclasses.asdict(OPTIMIZERS[self.optimizer]).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)  # the way past "frozen"
        _require(
            isinstance(self.layers, tuple) and all(type(width) is int for width in self.layers),
            f"layers must be a tuple of widths, not {self.layers!r}",
        )
        _require(
            0 < len(self.layers) <= MAX_LAYERS and all(1 <= w <= MAX_WIDTH for w in self.layers),
            f"layers must be 1 to {MAX_LAYERS} widths of 1 to {MAX_WIDTH}, not {self.layers}",
        )
        _require(self.epochs >= 0, f"epochs must be 0 or more, not {self.epochs}")
        _require(
            0 < self.learning_rate <= LARGEST_RATE,
            f"learning_rate must be above 0, at most {LARGEST_RATE:g}, not {self.learning_rate}",
        )
        _require(
            0 <= self.init_scale <= LARGEST_RATE,
            f"init_scale must be 0 to {LARGEST_RATE:g}, not {self.init_scale}",
        )
        _require(0 <= self.slope <= 1, f"slope must be 0 to 1, not {self.slope}")
        _require(self.seed >= 0, f"seed must be 0 or more, not {self.seed}")
        _require(
            type(self.batch_size) is int and self.batch_size >= 1,
            f"batch_size must be a whole number, 1 or more, not {self.batch_size!r}",
        )
        _require_choice("loss", self.loss, LOSSES)
        _require_choice("lr_schedule", self.lr_schedule, SCHEDULES)
        _require(
            0 <= self.warmup <= MOST_EPOCHS,
            f"warmup must be 0 to {MOST_EPOCHS} epochs, not {self.warmup}",
        )
        _require_choice("sampling", self.sampling, SAMPLINGS)
        _require(
            self.target_psnr is None or 0 < self.target_psnr < math.inf,
            f"target_psnr must be above 0, or None, not {self.target_psnr}",
        )
        _require(
            self.time_limit is None or 0 < self.time_limit <= LONGEST_TIME,
            f"time_limit must be above 0, at most {LONGEST_TIME:g}, or None, not {self.time_limit}",
        )
        if self.weight_decay is not None:
            _require(
                OPTIMIZERS[self.optimizer].weight_decay is not None,
                f"weight_decay is for adamw, not for {self.optimizer}",
            )
            _require(
                0 <= self.weight_decay <= LARGEST_RATE,
                f"weight_decay must be 0 to {LARGEST_RATE:g}, not {self.weight_decay}",
            )


@dataclass(frozen=True)
class ImageConfig:
    """How the picture is prepared.

    Attributes
    ----------
    max_pixels : int or None
        Larger pictures are scaled down to at most this many pixels; None keeps them whole.
    background : str
        Colour behind transparent pictures, as in CSS.
    """

    max_pixels: int | None = 131_072
    background: str = "white"

    def __post_init__(self) -> None:
        _require(
            self.max_pixels is None or self.max_pixels >= 1,
            f"max_pixels must be 1 or more, or None, not {self.max_pixels}",
        )


@dataclass(frozen=True)
class RecordConfig:
    """What is kept of a run, and how it is shown.

    Attributes
    ----------
    frame_every : int
        Epochs from one frame to the next; the first and the last epoch always get one.
    animations : tuple of str
        File names; relative ones lie in the run's folder.
    fps : float
        Frames a second, 0.01 to 1000.
    with_target : bool
        Whether the target is shown beside the learned picture.
    pace : str
        ``even`` steps of epochs, or ``visible`` ones of PSNR.
    """

    frame_every: int = 1
    animations: tuple[str, ...] = ("animation.gif",)
    fps: float = 20.0
    with_target: bool = False
    pace: str = "even"

    def __post_init__(self) -> None:
        _require(self.frame_every >= 1, f"frame_every must be 1 or more, not {self.frame_every}")
        slowest, fastest = FPS
        _require(
            slowest <= self.fps <= fastest, f"fps must be {slowest} to {fastest:g}, not {self.fps}"
        )
        _require(
            all(name and "\0" not in name for name in self.animations),
            f"animations must be file names, not {self.animations!r}",
        )
        _require(self.pace in PACES, f"pace must be one of {', '.join(PACES)}, not {self.pace!r}")


def to_json(config: Any) -> dict[str, Any]:
    """Return the fields of a configuration as JSON values."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(config).items()
    }


def from_json(cls: type[Config], data: object) -> Config:
    """Build a configuration from JSON values, which must have exactly its fields and types.

    Raises
    ------
    InputError
        If a field is missing, unknown, of another type or out of range.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"{cls.__name__} must be an object")
    hints = typing.get_type_hints(cls)
    for name in hints.keys() ^ data.keys():
        raise InputError(f"{name!r} is {'missing' if name in hints else 'not known'}")
    values = {name: _from_json_value(name, hint, data[name]) for name, hint in hints.items()}
    return cls(**values)


def _from_json_value(name: str, hint: Any, value: Any) -> Any:
    if typing.get_origin(hint) is tuple:
        (item, _) = typing.get_args(hint)
        if not isinstance(value, list) or any(type(each) is not item for each in value):
            raise InputError(f"{name!r} must be a list of {item.__name__}, not {value!r}")
        return tuple(value)
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(value) is int and float in allowed and abs(value) < 1 << 53:
        return float(value)
    if type(value) not in allowed:
        raise InputError(f"{name!r} has a wrong value: {value!r}")
    return value


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    _require(value in choices, f"{name} must be one of {', '.join(choices)}, not {value!r}")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)
