"""Configuration of a run: frozen dataclasses that check their values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Self

from fit_image.config.encoding_spec import GridSpec, parse_encoding
from fit_image.config.layer_spec import (
    LARGEST_RATE,
    LAYERS_AS_TEXT,
    LONGEST_TIME,
    MAX_LAYERS,
    MAX_WIDTH,
    Hidden,
    check_blocks,
    parse_init,
    parse_layers,
)
from fit_image.config.registry import (
    ACTIVATIONS,
    CHANNELS,
    LOSSES,
    OPTIMIZERS,
    OUTPUT_ACTIVATIONS,
    PACES,
    SAMPLINGS,
    SCHEDULES,
)
from fit_image.errors import InputError

FPS = (0.01, 1000.0)
"""Range of frames per second."""

MOST_EPOCHS = 10_000_000


# None: the default depends on the optimizer; the optimizer's own depends on the encoding.
_BY_OPTIMIZER: Any = None
_BY_ENCODING: Any = None


@dataclass(frozen=True)
class FitConfig:
    """Network and training: all that determines the result, except the picture.

    The defaults are the recipe of the program ``evolvingstuff/MonaLisa``.

    Attributes
    ----------
    layers : tuple of Hidden
        Hidden layers. Widths, and text such as ``4x300``, are accepted and converted.
    epochs : int
        Passes over all pixels.
    learning_rate : float
        Above 0, at most 1e6; each layer divides it by ``sqrt(fan_in + 1)``, except with Adam
        and AdamW. Default: that of the optimizer in `OPTIMIZERS`, times the smallest factor of
        the hidden layers' activations in `ACTIVATIONS`.
    init_scale : float
        Standard deviation of initial weights and biases, before the same division; 0 to 1e6.
    slope : float
        Slope of the leaky ReLU below zero, 0 to 1.
    seed : int
        Seed of the initial weights and of the order of the pixels; 0 or more.
    batch_size : int
        Pixels per step, over which gradients are averaged; 1 or more, at most the whole picture
        is used. Default: that of the optimizer in `OPTIMIZERS`.
    optimizer : str
        A key of `OPTIMIZERS`. Default: adam with a grid, else sgd.
    encoding : str
        See `fit_image.config.encoding_spec.parse_encoding`.
    loss : str
        One of `LOSSES`.
    lr_schedule : str
        One of `SCHEDULES`, over all ``epochs``.
    warmup : float
        Epochs in which the learning rate grows linearly from 0; 0 to ``epochs``.
    weight_decay : float or None
        Decoupled weight decay of AdamW: a step multiplies the weights by ``1 - learning_rate *
        weight_decay``; 0 to 1e6. None with other optimizers. Default: that of the optimizer in
        `OPTIMIZERS`.
    sampling : str
        ``uniform``: an epoch shows every pixel once; ``error``: pixels with a larger error more
        often.
    activation : str
        A key of `ACTIVATIONS`, for the hidden layers that do not name their own.
    omega : float
        Frequency of sine, gabor and finer; above 0, at most 1e6.
    scale : float
        Inverse width of the bells of gauss and gabor; above 0, at most 1e6.
    output_activation : str
        One of `OUTPUT_ACTIVATIONS`.
    init : str
        Initialisation of weights and biases, one of `INITS`; ``auto`` suits each layer's
        activation.
    target_psnr : float or None
        Training ends when the drawn picture reaches this PSNR in dB; above 0, None for no target.
    time_limit : float or None
        Training ends after this many seconds; above 0, at most `LONGEST_TIME`, None for no limit.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    layers: tuple[Hidden, ...] = field(default=(Hidden(300),) * 4, metadata=LAYERS_AS_TEXT)
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
        self._set_defaults()
        self._check_choices()
        self._check_numbers()

    def _set_defaults(self) -> None:
        """Convert text, and fill in the fields that depend on others."""
        _require(isinstance(self.encoding, str), "encoding", f"must be text, not {self.encoding!r}")
        encoding = parse_encoding(self.encoding)
        object.__setattr__(self, "encoding", str(encoding))  # frozen dataclasses allow only this
        if self.optimizer is None:
            # A table's entry takes part in few samples of a batch, so that its gradient, a mean
            # over the batch, is too small for plain gradient descent.
            optimizer = "adam" if isinstance(encoding, GridSpec) else "sgd"
            object.__setattr__(self, "optimizer", optimizer)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        object.__setattr__(self, "layers", _hidden_layers(self.layers))
        for each in (self.activation, *(layer.activation for layer in self.layers)):
            if each is not None:
                check_choice("activation", each, ACTIVATIONS)
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

    def _check_choices(self) -> None:
        check_choice("output_activation", self.output_activation, OUTPUT_ACTIVATIONS)
        _require(isinstance(self.init, str), "init", f"must be text, not {self.init!r}")
        parse_init(self.init)
        check_choice("loss", self.loss, LOSSES)
        check_choice("lr_schedule", self.lr_schedule, SCHEDULES)
        check_choice("sampling", self.sampling, SAMPLINGS)

    def _check_numbers(self) -> None:
        for name in ("omega", "scale", "learning_rate"):
            value = getattr(self, name)
            problem = f"must be above 0, at most {LARGEST_RATE:g}, not {value}"
            _require(0 < value <= LARGEST_RATE, name, problem)
        _require(self.epochs >= 0, "epochs", f"must be 0 or more, not {self.epochs}")
        problem = f"must be 0 to {LARGEST_RATE:g}, not {self.init_scale}"
        _require(0 <= self.init_scale <= LARGEST_RATE, "init_scale", problem)
        _require(0 <= self.slope <= 1, "slope", f"must be 0 to 1, not {self.slope}")
        _require(self.seed >= 0, "seed", f"must be 0 or more, not {self.seed}")
        _require(
            type(self.batch_size) is int and self.batch_size >= 1,
            "batch_size",
            f"must be a whole number, 1 or more, not {self.batch_size!r}",
        )
        _require(self.warmup >= 0, "warmup", f"must be 0 or more epochs, not {self.warmup}")
        problem = f"must be at most the number of epochs ({self.epochs}), not {self.warmup:g}"
        _require(self.warmup <= self.epochs, "warmup", problem)
        _require(
            self.target_psnr is None or 0 < self.target_psnr < math.inf,
            "target_psnr",
            f"must be above 0, or None, not {self.target_psnr}",
        )
        _require(
            self.time_limit is None or 0 < self.time_limit <= LONGEST_TIME,
            "time_limit",
            f"must be above 0, at most {LONGEST_TIME:g}, or None, not {self.time_limit}",
        )
        if self.weight_decay is not None:
            _require(
                OPTIMIZERS[self.optimizer].weight_decay is not None,
                "weight_decay",
                f"is for adamw, not for {self.optimizer}",
            )
            problem = f"must be 0 to {LARGEST_RATE:g}, not {self.weight_decay}"
            _require(0 <= self.weight_decay <= LARGEST_RATE, "weight_decay", problem)

    def for_picture(self, width: int, height: int) -> Self:
        """Return a copy with all values set that depend on the picture's size."""
        encoding = parse_encoding(self.encoding)
        if isinstance(encoding, GridSpec):
            encoding = encoding.for_picture(width, height)
        return dataclasses.replace(self, encoding=str(encoding))

    @property
    def activations(self) -> tuple[str, ...]:
        """Activations of all layers, the output layer's last."""
        hidden = (layer.activation or self.activation for layer in self.layers)
        return (*hidden, self.output_activation)


@dataclass(frozen=True)
class ImageConfig:
    """Preparation of the picture.

    Attributes
    ----------
    max_pixels : int or None
        Larger pictures are scaled down to at most this many pixels; None for no limit.
    background : str
        CSS colour behind transparent pictures; with ``rgba``, the colour of fully transparent
        pixels, and behind animations.
    channels : str
        A key of `CHANNELS`.
    """

    max_pixels: int | None = 131_072
    background: str = "white"
    channels: str = "rgb"

    def __post_init__(self) -> None:
        _require(
            self.max_pixels is None or self.max_pixels >= 1,
            "max_pixels",
            f"must be 1 or more, or None, not {self.max_pixels}",
        )
        check_choice("channels", self.channels, CHANNELS)


@dataclass(frozen=True)
class RecordConfig:
    """Frames and animations that a run records.

    Attributes
    ----------
    frame_every : int
        Epochs from one frame to the next; the first and the last epoch always have one.
    animations : tuple of str
        File names; relative ones are in the run's folder.
    fps : float
        Frames per second, 0.01 to 1000.
    with_target : bool
        Whether the target is shown beside the learned picture.
    pace : str
        Spacing of an animation's frames: ``even`` in epochs, or ``visible``, even in PSNR.
    """

    frame_every: int = 1
    animations: tuple[str, ...] = ("animation.gif",)
    fps: float = 20.0
    with_target: bool = False
    pace: str = "even"

    def __post_init__(self) -> None:
        _require(self.frame_every >= 1, "frame_every", f"must be 1 or more, not {self.frame_every}")
        slowest, fastest = FPS
        problem = f"must be {slowest} to {fastest:g}, not {self.fps}"
        _require(slowest <= self.fps <= fastest, "fps", problem)
        _require(
            all(name and "\0" not in name for name in self.animations),
            "animations",
            f"must be file names, not {self.animations!r}",
        )
        check_choice("pace", self.pace, PACES)


def option_of(name: str) -> str:
    """Return the command-line option that sets a field."""
    return "--lr" if name == "learning_rate" else f"--{name.replace('_', '-')}"


def check_range(name: str, value: float, limits: tuple[float, float]) -> None:
    """Raise `InputError` unless a field's value is within its limits."""
    least, most = limits
    _require(least <= value <= most, name, f"must be {least:,} to {most:,}, not {value}")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise `InputError` unless a field's value is one of the choices."""
    _require(value in choices, name, f"must be one of {', '.join(choices)}, not {value!r}")


def _hidden_layers(layers: Any) -> tuple[Hidden, ...]:
    if isinstance(layers, str):
        return parse_layers(layers)
    _require(
        isinstance(layers, tuple) and all(type(each) in (int, Hidden) for each in layers),
        "layers",
        f"must be text such as 4x300, or a tuple of widths, not {layers!r}",
    )
    hidden = tuple(Hidden(each) if type(each) is int else each for each in layers)
    _require(
        0 < len(hidden) <= MAX_LAYERS
        and all(type(each.width) is int and 1 <= each.width <= MAX_WIDTH for each in hidden),
        "layers",
        f"must be 1 to {MAX_LAYERS} widths of 1 to {MAX_WIDTH}, not {layers!r}",
    )
    check_blocks(hidden)
    return hidden


def _require(condition: bool, name: str, problem: str) -> None:
    if not condition:
        raise InputError(f"{name} {problem}", fields=(name,))
