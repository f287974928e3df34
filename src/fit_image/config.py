"""What a run is made of: frozen dataclasses, whose JSON is in `fit_image.strict_json`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

from fit_image.components import (
    ACTIVATIONS,
    CHANNELS,
    LOSSES,
    OPTIMIZERS,
    OUTPUT_ACTIVATIONS,
    PACES,
    SAMPLINGS,
    SCHEDULES,
)
from fit_image.encoding_spec import GridSpec, parse_encoding
from fit_image.errors import InputError
from fit_image.notation import (
    LARGEST_RATE,
    LONGEST_TIME,
    MAX_LAYERS,
    MAX_WIDTH,
    Hidden,
    check_blocks,
    parse_init,
    parse_layers,
)

FPS = (0.01, 1000.0)
"""Slowest and fastest frames a second."""

MOST_EPOCHS = 10_000_000


# In the place of what the optimizer decides, and of the optimizer where the encoding does.
_BY_OPTIMIZER: Any = None
_BY_ENCODING: Any = None


@dataclass(frozen=True)
class FitConfig:
    """Everything that decides what the network learns, apart from the picture.

    The defaults are the recipe of the program ``evolvingstuff/MonaLisa``.

    Attributes
    ----------
    layers : tuple of Hidden
        The hidden layers. Widths, and text such as ``4x300``, are accepted and converted.
    epochs : int
        Passes over all pixels.
    learning_rate : float
        Above 0, at most 1e6; each layer divides it by ``sqrt(fan_in + 1)``, except with Adam
        and AdamW. Default: what `OPTIMIZERS` has for the optimizer, times the least factor
        that `ACTIVATIONS` has for the hidden layers.
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
        A key of `OPTIMIZERS`. Default: adam with a grid, else sgd.
    encoding : str
        As `fit_image.encoding_spec.parse_encoding` reads it.
    loss : str
        One of `LOSSES`.
    lr_schedule : str
        One of `SCHEDULES`, over all ``epochs``.
    warmup : float
        Epochs in which the learning rate grows from 0, linearly; 0 to ``epochs``.
    weight_decay : float or None
        What a step of AdamW takes off every weight, as a share of it and the rate; 0 to 1e6. None
        with other optimizers. Default: what `OPTIMIZERS` has for the optimizer.
    sampling : str
        Whether an epoch shows every pixel once (``uniform``), or pixels with a larger ``error``
        more often.
    activation : str
        A key of `ACTIVATIONS`: of the hidden layers that do not name their own.
    omega : float
        Frequency of sine, gabor and finer, above 0, at most 1e6.
    scale : float
        How narrow the bells of gauss and gabor are, above 0, at most 1e6.
    output_activation : str
        One of `OUTPUT_ACTIVATIONS`.
    init : str
        One of `INITS`: how weights and biases begin; ``auto`` suits each layer's activation.
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

    layers: tuple[Hidden, ...] = (Hidden(300),) * 4
    epochs: int = 500
    learning_rate: float = _BY_OPTIMIZER
    init_scale: float = 0.3
    slope: float = 0.01
    seed: int = 0
    batch_size: int = _BY_OPTIMIZER
    optimizer: str = _BY_ENCODING
    encoding: str = "none"
    loss: str = "mse"
    lr_schedule: str = "constant"
    warmup: float = 0.0
    weight_decay: float | None = _BY_OPTIMIZER
    sampling: str = "uniform"
    activation: str = "leaky-relu"
    omega: float = 30.0
    scale: float = 10.0
    output_activation: str = "identity"
    init: str = "auto"
    target_psnr: float | None = None
    time_limit: float | None = None

    def __post_init__(self) -> None:
        _require(isinstance(self.encoding, str), f"encoding must be text, not {self.encoding!r}")
        encoding = parse_encoding(self.encoding)
        object.__setattr__(self, "encoding", str(encoding))  # the way past "frozen"
        if self.optimizer is None:
            # The gradient of a table's entry is a few samples' share of the mean: too small to
            # descend along.
            optimizer = "adam" if isinstance(encoding, GridSpec) else "sgd"
            object.__setattr__(self, "optimizer", optimizer)
        _require_choice("optimizer", self.optimizer, OPTIMIZERS)
        object.__setattr__(self, "layers", _hidden_layers(self.layers))
        for each in (self.activation, *(layer.activation for layer in self.layers)):
            if each is not None:
                _require_choice("activation", each, ACTIVATIONS)
        defaults = OPTIMIZERS[self.optimizer]
        used = [ACTIVATIONS[activation] for activation in self.activations[:-1]]
        factor = min(each.adaptive if defaults.adaptive else each.descent for each in used)
        for name, value in (
            ("learning_rate", float(f"{factor * defaults.learning_rate:.3g}")),
            ("batch_size", defaults.batch_size),
            ("weight_decay", defaults.weight_decay),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        _require_choice("output_activation", self.output_activation, OUTPUT_ACTIVATIONS)
        for name in ("omega", "scale"):
            value = getattr(self, name)
            _require(
                0 < value <= LARGEST_RATE,
                f"{name} must be above 0, at most {LARGEST_RATE:g}, not {value}",
            )
        _require(isinstance(self.init, str), f"init must be text, not {self.init!r}")
        parse_init(self.init)
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
            self.warmup >= 0,
            f"warmup must be 0 or more epochs, not {self.warmup}",
        )
        _require(
            self.warmup <= self.epochs,
            f"warmup must be at most all epochs ({self.epochs}), not {self.warmup:g}",
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

    def for_picture(self, width: int, height: int) -> Self:
        """Return the configuration with everything decided that depends on the picture's size."""
        encoding = parse_encoding(self.encoding)
        if isinstance(encoding, GridSpec):
            encoding = encoding.for_picture(width, height)
        return dataclasses.replace(self, encoding=str(encoding))

    @property
    def activations(self) -> tuple[str, ...]:
        """The activations of all layers, the output layer last."""
        hidden = (layer.activation or self.activation for layer in self.layers)
        return (*hidden, self.output_activation)


@dataclass(frozen=True)
class ImageConfig:
    """How the picture is prepared.

    Attributes
    ----------
    max_pixels : int or None
        Larger pictures are scaled down to at most this many pixels; None keeps them whole.
    background : str
        Colour behind transparent pictures, as in CSS; with ``rgba``, of hidden pixels, and behind
        animations.
    channels : str
        A key of `CHANNELS`.
    """

    max_pixels: int | None = 131_072
    background: str = "white"
    channels: str = "rgb"

    def __post_init__(self) -> None:
        _require(
            self.max_pixels is None or self.max_pixels >= 1,
            f"max_pixels must be 1 or more, or None, not {self.max_pixels}",
        )
        _require_choice("channels", self.channels, CHANNELS)


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
        _require_choice("pace", self.pace, PACES)


def option_of(field: str) -> str:
    """Return the option of the command line that sets a field."""
    return "--lr" if field == "learning_rate" else f"--{field.replace('_', '-')}"


def check_range(field: str, value: float, limits: tuple[float, float]) -> None:
    """Raise `InputError` unless a field's number is within its limits."""
    least, most = limits
    if not least <= value <= most:
        raise InputError(f"{option_of(field)} must be {least:,} to {most:,}, not {value}")


def _hidden_layers(layers: Any) -> tuple[Hidden, ...]:
    if isinstance(layers, str):
        return parse_layers(layers)
    _require(
        isinstance(layers, tuple) and all(type(each) in (int, Hidden) for each in layers),
        f"layers must be text such as 4x300, or a tuple of widths, not {layers!r}",
    )
    hidden = tuple(Hidden(each) if type(each) is int else each for each in layers)
    _require(
        0 < len(hidden) <= MAX_LAYERS
        and all(type(each.width) is int and 1 <= each.width <= MAX_WIDTH for each in hidden),
        f"layers must be 1 to {MAX_LAYERS} widths of 1 to {MAX_WIDTH}, not {layers!r}",
    )
    check_blocks(hidden)
    return hidden


def _require_choice(name: str, value: str, choices: Collection[str]) -> None:
    _require(value in choices, f"{name} must be one of {', '.join(choices)}, not {value!r}")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)
