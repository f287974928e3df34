"""``fit-image autoencode train DATA``: train a network, record it, animate it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.apps.autoencode.config import (
    BOTTLENECK,
    CONVOLUTIONAL_RATE,
    DENSE_RATE,
    LARGEST_LAYER,
    PRESETS,
    RESIDUAL_BOTTLENECK,
    RESIDUAL_RATE,
    AutoencodeConfig,
    preset_config,
)
from fit_image.cli.autoencode.data import notes_about, reading
from fit_image.cli.common import options
from fit_image.cli.common.config_options import (
    config_options,
    is_given,
    session_options,
    training_options,
)
from fit_image.cli.common.data_train_command import DataTrainCommand
from fit_image.cli.common.headings import OptionalValueCommand
from fit_image.cli.common.texts import counted
from fit_image.cli.display.displays import ProgressStep
from fit_image.config.fit import option_of
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.apps.autoencode.directory import AutoencoderSource
    from fit_image.apps.autoencode.train_test_split import TrainTestSplit
    from fit_image.apps.autoencode.trainer import AutoencoderTrainer


def _numbers(text: str) -> tuple[int, ...]:
    """Return whole numbers from 1 on; none if the text is not such a list."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        return ()
    return numbers if min(numbers) >= 1 else ()


def _units(text: str) -> tuple[int, ...]:
    if text.strip().lower() == "none":
        return ()
    units = _numbers(text)
    if not units:
        raise InputError(f"{text!r} is not numbers of units, such as 512,256, or none")
    return units


def _filters(text: str) -> tuple[int, ...]:
    filters = _numbers(text)
    if not filters:
        raise InputError(f"{text!r} is not numbers of filters, such as 8 or 32,64")
    return filters


def _text(value: object) -> str:
    """Return an option's value as it is written; nothing for a flag."""
    if isinstance(value, bool):
        return ""
    return " " + (",".join(map(str, value)) if isinstance(value, tuple) else str(value))


def _naming_preset(error: InputError, preset: str, given: Collection[str]) -> InputError:
    """Return an error in which the preset stands for fields that it alone has set."""
    implied = [each for each in error.fields if each in PRESETS[preset] and each not in given]
    message = str(error)
    for name in implied:
        message = re.sub(rf"(?<!\S){name}(?!\S)", f"--preset {preset}", message)
    return InputError(message, fields=tuple(each for each in error.fields if each not in implied))


def _describe_presets() -> str:
    parts = []
    for name, values in PRESETS.items():
        texts = [f"{option_of(field)}{_text(value)}" for field, value in values.items()]
        parts.append(f"{name}: {' '.join(texts) or 'the defaults'}")
    return "; ".join(parts) + "."


_TYPES = {
    "bottleneck": options.Whole(1, LARGEST_LAYER),
    "hidden": options.Parsed("units", _units),
    "filters": options.Parsed("filters", _filters),
}

_SHOWN = {
    "bottleneck": f"{BOTTLENECK}; with --conv, the pooled maps; with --residual, "
    f"{RESIDUAL_BOTTLENECK}",
    "hidden": "none",
    "filters": ",".join(map(str, AutoencodeConfig.filters)),
    "learning_rate": f"{DENSE_RATE}; with --conv, {CONVOLUTIONAL_RATE}; with --residual, "
    f"{RESIDUAL_RATE}",
    "output_activation": "sigmoid; with --residual, identity",
}


@click.command("train", cls=OptionalValueCommand, short_help="Train a network.")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@training_options(output="autoencoder", epochs=100, epochs_help="Passes over all pictures.")
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="DATA",
    show_default="a tenth of DATA",
    help="Held-out pictures, for the test loss and the frames.",
)
@click.option(
    "--size",
    type=options.SIZE,
    metavar="WxH",
    show_default="64x64 for picture files; else that of the data",
    help="Width and height to which pictures are scaled and cropped.",
)
@click.option(
    "--channels",
    type=options.Word(["grey", "rgb"]),
    show_default="those of the data",
    help="Channels of the pictures to learn.",
)
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="article",
    show_default=True,
    help="Values of other options that work well together; options given override them. "
    f"{_describe_presets()}",
)
@config_options(AutoencodeConfig, _TYPES, _SHOWN)
@session_options
@click.pass_context
def command(ctx: click.Context, /, data: Path, output: Path, **given: Any) -> None:
    """Train a network to redraw the pictures in DATA from a code of a few numbers.

    DATA is a folder of pictures, or of folders of pictures, or a zip file of such; an npz file with
    an array 'images' or 'x_train', or an npy file; an IDX file, or a folder of such; or a CIFAR-10
    binary file (.bin), or a folder of such. A tenth of the pictures, chosen at random, is held out
    for the test loss and the frames.
    """
    AutoencodeTrainCommand(ctx, data, output, given).run()


class AutoencodeTrainCommand(DataTrainCommand):
    """Trains an auto-encoder."""

    words = ("autoencode", "train")
    kind = "autoencoder"
    config_type = AutoencodeConfig
    remedy = "try a smaller --lr, with --overwrite or another -o"

    def config(self, earlier: AutoencodeConfig | None) -> AutoencodeConfig:
        """Return the configuration asked for; a preset gives what is not given by itself."""
        if not is_given(self.ctx, "preset"):
            config: AutoencodeConfig = super().config(earlier)
            return config
        if self.options["like"]:
            raise click.UsageError("--preset and --like exclude each other: both give all options.")
        names = [each.name for each in fields(AutoencodeConfig)]
        given = {name: self.options[name] for name in names if is_given(self.ctx, name)}
        preset = self.options["preset"]
        try:
            if earlier is None:
                return preset_config(preset, **given)
            decided = {name for values in PRESETS.values() for name in values}
            values = {name: getattr(AutoencodeConfig, name) for name in decided}
            return replace(earlier, **(values | PRESETS[preset] | given))
        except InputError as error:
            raise _naming_preset(error, preset, given) from error

    def read(
        self, config: AutoencodeConfig, earlier: AutoencoderSource | None
    ) -> tuple[AutoencoderSource, Callable[[], AutoencoderTrainer]]:
        from fit_image.apps.autoencode.train_test_split import load_split
        from fit_image.apps.autoencode.trainer import AutoencoderTrainer

        given = self.options
        size, test, channels = given["size"], given["test"], self.option("channels", earlier)
        if earlier:
            size = size or (earlier.width, earlier.height)
            test = Path(earlier.test) if test is None and earlier.test is not None else test
        on_file = reading(self.display)
        split = load_split(self.data, test, config.seed, size, channels, on_file)

        def make_trainer() -> AutoencoderTrainer:
            begins = not self._has_checkpoint
            if config.residual and begins:
                self.display.step(ProgressStep(0.0, ("finding principal components",)))
            trainer = AutoencoderTrainer(
                split.pictures, split.held_out, config, threads=given["threads"], begins=begins
            )
            self._describe(split, trainer)
            return trainer

        return split.source, make_trainer

    @property
    def _has_checkpoint(self) -> bool:
        """Whether the run goes on with weights that are known."""
        kind = self.directory_type
        goes_on = self.options["resume"] and kind.holds_run(self.output)
        return goes_on and kind.open(self.output).checkpoint.exists()

    def step_parts(self, metrics: float) -> list[str]:
        return [f"loss {metrics:.5f}"]

    def _describe(self, split: TrainTestSplit, trainer: AutoencoderTrainer) -> None:
        source, autoencoder = split.source, trainer.autoencoder
        self.note(*notes_about(split, self.data))
        if split.duplicates:
            self.display.message(
                f"{split.duplicates:,} of the {source.held_out:,} pictures of --test are also "
                "training pictures"
            )
        if split.rescaled:
            self.display.message(
                f"{split.rescaled:,} of {source.pictures + source.held_out:,} pictures are scaled "
                f"and cropped to {source.width}x{source.height}"
            )
        code, shape = counted(autoencoder.code_size, "number"), autoencoder.code_shape
        if len(shape) > 1:
            code += f" ({'x'.join(map(str, shape))})"
        self.display.message(
            f"{counted(source.pictures, 'picture')} of {source.width}x{source.height} in "
            f"{source.channels}, {source.held_out:,} held out; "
            f"a code of {code} for the {trainer.mean.size:,} of a picture; "
            f"{autoencoder.network.num_params:,} parameters"
        )
