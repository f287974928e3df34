"""Configuration of a run: frozen dataclasses that check their values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fit_image.config.animation import AnimationConfig
from fit_image.config.encoding_spec import GridSpec, parse_encoding
from fit_image.config.hold_out import parse_hold_out, parse_target
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
    INITS,
    LOSSES,
    OPTIMIZERS,
    OUTPUT_ACTIVATIONS,
    SAMPLINGS,
    SCHEDULE_LENGTHS,
    SCHEDULES,
    activations_with,
)
from fit_image.config.settings import (
    LARGEST_WHOLE,
    SEED,
    check_choice,
    check_settings,
    documented,
    require,
    setting,
)
from fit_image.errors import InputError, excerpt
from fit_image.nn.expressions import is_expression, parse_expression

MOST_EPOCHS = 10_000_000

# Options that are not named like their field.
_OPTIONS = {"learning_rate": "--lr", "max_parameters": "--parameters"}

_POSITIVE, _RATE = (1, LARGEST_WHOLE), (0, LARGEST_RATE)


@documented
@dataclass(frozen=True)
class FitConfig:
    """Network and training: all that determines the result, except the picture.

    The defaults are the recipe of the program ``evolvingstuff/MonaLisa``. Fields are named like the
    options of the command line, whose help is repeated below; ``learning_rate`` is ``--lr``, and
    ``max_parameters`` is ``--parameters``.

    ``layers`` may be text or a tuple of widths; ``time_limit`` is in seconds, and None means no
    limit, as does a ``target_psnr`` of None; a ``hold_out`` of None shows all pixels. If None is
    given, ``optimizer`` becomes adam with a grid, else sgd; ``batch_size``, ``weight_decay`` and
    ``learning_rate`` become the optimizer's in `OPTIMIZERS`, the rate times the smallest factor of
    the hidden layers in `ACTIVATIONS`.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    layers: tuple[Hidden, ...] = setting(
        (Hidden(300),) * 4,
        "Hidden layers: 4x300, 300,200,100 or 2x300,64. 2x256:sine,64:tanh sets activations; "
        "residual:24x4x6 is 24 residual blocks of 4 layers with 6 units.",
        as_text=LAYERS_AS_TEXT,
    )
    epochs: int = setting(500, "Epochs: passes over all pixels.", (0, MOST_EPOCHS), may_change=True)
    learning_rate: float = setting(
        None,
        "Learning rate, divided by sqrt(fan_in + 1) in each layer unless the optimizer is adam, "
        "adamw or soap. The default is lower for sine, finer, gabor and gauss; auto is that of "
        "--find-lr.",
        above=True,
    )
    table_rate: float = setting(
        1.0,
        "Factor of the learning rate for the tables of a grid.",
        _RATE,
        above=True,
        added=True,
    )
    init_scale: float = setting(
        0.3,
        "Standard deviation of the classic initial weights, divided by sqrt(fan_in + 1) in each "
        "layer.",
        _RATE,
    )
    slope: float = setting(0.01, "Slope of the leaky ReLU below zero.", (0, 1))
    seed: int = setting(0, "Seed of the initial weights and of the order of the pixels.", SEED)
    batch_size: int = setting(
        None, "Pixels in a batch; more than the picture has means all of them.", _POSITIVE
    )
    optimizer: str = setting(
        None,
        "Optimizer: gradient descent, the same with momentum, Adam, Adam with decoupled weight "
        "decay, or SOAP, which is Adam in a basis of each layer's own.",
        choices=OPTIMIZERS,
    )
    encoding: str = setting(
        "none",
        "Encoding of the coordinates: none, positional:8 (octaves), fourier:128@10 (features and "
        "the standard deviation of their frequencies), grid (learned hash grid), or "
        "grid:levels=8,features=2,entries=2^16,coarsest=16,finest=512,axes=0.",
    )
    max_parameters: int | None = setting(
        None,
        "Weights, biases and numbers of tables at most: the network is made as large as that "
        "permits. Widths of --layers are scaled; of a grid, what is left open of entries and "
        "finest is chosen.",
        _POSITIVE,
        added=True,
    )
    loss: str = setting(
        "mse",
        "Loss to minimise: half the squared error, absolute error, or Huber loss.",
        choices=LOSSES,
    )
    lr_schedule: str = setting(
        "constant",
        "Learning rate over all epochs: constant, cosine or linear decay to 0, or exponential "
        "decay to a hundredth.",
        choices=SCHEDULES,
    )
    schedule_by: str = setting(
        "epochs",
        "Length of the schedule: all epochs, or --time-limit where that ends sooner. By time, the "
        "result depends on the machine's speed.",
        choices=SCHEDULE_LENGTHS,
        added=True,
    )
    warmup: float = setting(
        0.0,
        "Epochs, or a fraction of one, over which the learning rate rises from 0.",
        (0, MOST_EPOCHS),
    )
    weight_decay: float | None = setting(
        None, "Decoupled weight decay, multiplied by the learning rate; adamw only."
    )
    sampling: str = setting(
        "uniform",
        "Sample every pixel once an epoch, or pixels with a larger error more often.",
        choices=SAMPLINGS,
    )
    hold_out: float | str | None = setting(
        None,
        "Pixels that are never shown, and have a PSNR of their own: every second column and row "
        "(even), or a share of the pixels, chosen by the seed.",
        (0, 1),
        above=True,
        added=True,
    )
    activation: str = setting(
        "leaky-relu",
        f"Activation of hidden layers without one in --layers: {', '.join(ACTIVATIONS)}, or an "
        "expression of their sums such as 'expr: sin(omega*s)/(1+abs(s))'.",
        choices=ACTIVATIONS,
    )
    omega: float = setting(
        30.0, f"Frequency of {activations_with('omega')}, and of --init siren.", _RATE, above=True
    )
    first_omega: float | None = setting(
        None,
        f"Frequency of the first layer alone, if that is of {activations_with('omega')}.",
        _RATE,
        above=True,
        added=True,
    )
    scale: float = setting(
        10.0, f"Inverse width of {activations_with('scale')}: exp(-(SCALE s)^2).", _RATE, above=True
    )
    output_activation: str = setting(
        "identity",
        "Activation of the output layer; sigmoid keeps colours in range.",
        choices=OUTPUT_ACTIVATIONS,
    )
    init: str = setting(
        "auto",
        f"Initialisation of the weights: {', '.join(INITS)}; auto suits each layer's activation.",
    )
    target_psnr: float | str | None = setting(
        None,
        "Stop as soon as a frame reaches this PSNR in dB; unseen:30 is that of the pixels that "
        "--hold-out never shows.",
        _RATE,
        above=True,
        may_change=True,
    )
    time_limit: float | None = setting(
        None,
        "Stop after this much training time: seconds, or 60s, 2m, 1h30m.",
        (0, LONGEST_TIME),
        above=True,
        may_change=True,
    )

    def __post_init__(self) -> None:
        self._set_defaults()
        check_settings(self)
        require(isinstance(self.init, str), "init", f"must be text, not {excerpt(repr(self.init))}")
        parse_init(self.init)
        problem = f"must be a whole number, not {excerpt(repr(self.batch_size))}"
        require(type(self.batch_size) is int, "batch_size", problem)
        problem = f"must be a whole number, not {excerpt(repr(self.max_parameters))}"
        require(type(self.max_parameters) in (int, type(None)), "max_parameters", problem)
        problem = f"must be at most the number of epochs ({self.epochs}), not {self.warmup:g}"
        require(self.warmup <= self.epochs, "warmup", problem)
        problem = f"is for adamw, not for {self.optimizer}"
        decays = OPTIMIZERS[self.optimizer].weight_decay is not None
        require(decays or self.weight_decay is None, "weight_decay", problem)
        if isinstance(self.target_psnr, str):
            self._set("target_psnr", parse_target(self.target_psnr))
            if self.hold_out is None:
                problem = (
                    f"target_psnr {self.target_psnr} is of pixels never shown: it needs hold_out"
                )
                raise InputError(problem, fields=("target_psnr", "hold_out"))

    def _set_defaults(self) -> None:
        """Convert text, and set the fields whose defaults depend on others."""
        require(
            isinstance(self.encoding, str),
            "encoding",
            f"must be text, not {excerpt(repr(self.encoding))}",
        )
        encoding = parse_encoding(self.encoding)
        self._set("encoding", str(encoding))
        self._set("hold_out", parse_hold_out(self.hold_out))
        if self.optimizer is None:
            # A table's entry takes part in few samples of a batch, so that its gradient, a mean
            # over the batch, is too small for plain gradient descent.
            self._set("optimizer", "adam" if isinstance(encoding, GridSpec) else "sgd")
        self._set("layers", _hidden_layers(self.layers))
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        if is_expression(self.activation):
            self._set("activation", parse_expression(self.activation).text)
        problem = "cannot have an expression as an activation: give it as activation"
        require(not any(is_expression(each.activation) for each in self.layers), "layers", problem)
        for activation in self.activations[:-1]:
            check_choice("activation", activation, ACTIVATIONS)
        defaults = OPTIMIZERS[self.optimizer]
        used = [ACTIVATIONS[activation] for activation in self.activations[:-1]]
        factor = min(each.adaptive if defaults.adaptive else each.descent for each in used)
        for name, value in (
            ("learning_rate", float(f"{factor * defaults.learning_rate:.3g}")),
            ("batch_size", defaults.batch_size),
            ("weight_decay", defaults.weight_decay),
        ):
            if getattr(self, name) is None:
                self._set(name, value)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # the dataclass is frozen

    def defaulted(self) -> dict[str, None]:
        """Return the fields, as None, whose values are those that None would become.

        Where such a value is carried over to a configuration with other layers or another
        optimizer, the default of that one is meant.
        """
        rest: dict[str, Any] = dict.fromkeys(("learning_rate", "batch_size", "weight_decay"))
        no_optimizer: dict[str, Any] = {"optimizer": None}
        same_optimizer = dataclasses.replace(self, **rest)
        found = {
            name: None for name in rest if getattr(self, name) == getattr(same_optimizer, name)
        }
        if dataclasses.replace(self, **rest, **no_optimizer).optimizer == self.optimizer:
            found["optimizer"] = None
        return found

    def for_picture(self, width: int, height: int) -> Self:
        """Return a copy with all values set that depend on the picture's size.

        What ``max_parameters`` decides stays open: see `fit_image.apps.fit.architecture.sized`.
        """
        encoding = parse_encoding(self.encoding)
        if isinstance(encoding, GridSpec) and self.max_parameters is None:
            encoding = encoding.for_picture(width, height)
        return dataclasses.replace(self, encoding=str(encoding))

    @property
    def activations(self) -> tuple[str, ...]:
        """Activations of all layers, the output layer's last."""
        hidden = (layer.activation or self.activation for layer in self.layers)
        return (*hidden, self.output_activation)


@documented
@dataclass(frozen=True)
class ImageConfig:
    """Preparation of the picture; without a limit of pixels, it keeps its size."""

    max_pixels: int | None = setting(
        131_072, "Scale larger pictures down to at most this many pixels.", _POSITIVE
    )
    background: str = setting(
        "white",
        "Colour behind transparent pixels; with --channels rgba, of fully transparent pixels and "
        "behind animations.",
    )
    channels: str = setting(
        "rgb",
        "Channels to learn: colour, grey (luma), or colour with alpha.",
        choices=CHANNELS,
    )
    frame: int = setting(
        1,
        "Frame of a picture with motion, or page of a TIFF, counted from 1.",
        _POSITIVE,
        added=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)


@documented
@dataclass(frozen=True)
class RecordConfig(AnimationConfig):
    """Frames and animations that a run records.

    The first and the last epoch always have a frame; relative animations are in the run's folder.
    """

    frame_every: int = setting(1, "Epochs between frames.", _POSITIVE)
    animations: tuple[str, ...] = setting(("animation.gif",), "Animations to write.")
    spectrum: bool = setting(
        False,
        "Write spectrum.csv: the power of every frame's error in octaves of spatial frequency.",
        may_change=True,
        added=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        valid = all(name and "\0" not in name for name in self.animations)
        require(valid, "animations", f"must be file names, not {excerpt(repr(self.animations))}")


def is_elsewhere(name: str) -> bool:
    """Return whether the name of an animation leads out of the run's folder."""
    return Path(name).name != name or name == ".."


def option_of(name: str) -> str:
    """Return the command-line option that sets a field."""
    return _OPTIONS.get(name, f"--{name.replace('_', '-')}")


def _hidden_layers(layers: Any) -> tuple[Hidden, ...]:
    if isinstance(layers, str):
        return parse_layers(layers)
    require(
        isinstance(layers, tuple) and all(type(each) in (int, Hidden) for each in layers),
        "layers",
        f"must be text such as 4x300, or a tuple of widths, not {excerpt(repr(layers))}",
    )
    hidden = tuple(Hidden(each) if type(each) is int else each for each in layers)
    require(
        0 < len(hidden) <= MAX_LAYERS
        and all(type(each.width) is int and 1 <= each.width <= MAX_WIDTH for each in hidden),
        "layers",
        f"must be 1 to {MAX_LAYERS} widths of 1 to {MAX_WIDTH}, not {excerpt(repr(layers))}",
    )
    check_blocks(hidden)
    return hidden
