"""``fit-image autoencode train DATA``: train a network, record it, animate it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.apps.autoencode.config import (
    ACTIVATIONS,
    BOTTLENECK,
    CONVOLUTIONAL_RATE,
    DENSE_RATE,
    LARGEST_LAYER,
    AutoencodeConfig,
)
from fit_image.cli.autoencode.data import reading, report_left_out
from fit_image.cli.common import options
from fit_image.cli.common.config_options import (
    config_options,
    session_options,
    training_options,
)
from fit_image.cli.common.data_train_command import DataTrainCommand
from fit_image.cli.common.display import counted

if TYPE_CHECKING:
    from fit_image.apps.autoencode.directory import AutoencoderSource
    from fit_image.apps.autoencode.train_test_split import TrainTestSplit
    from fit_image.apps.autoencode.trainer import AutoencoderTrainer, StepMetrics


class Units(click.ParamType):
    """Units of layers, such as ``512,256``."""

    name = "units"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Convert each."""
        if isinstance(value, tuple):
            return value
        if value.strip().lower() == "none":
            return ()
        try:
            units = tuple(int(text) for text in value.split(","))
        except ValueError:
            units = (0,)
        if min(units) < 1:
            self.fail(f"{value!r} is not numbers of units, such as 512,256, or none", param, ctx)
        return units


_TYPES = {
    "bottleneck": click.IntRange(1, LARGEST_LAYER),
    "hidden": Units(),
    "activation": click.Choice(ACTIVATIONS),
    "code_activation": click.Choice(ACTIVATIONS),
}

_SHOWN = {
    "bottleneck": f"{BOTTLENECK}; with --conv, the pooled maps",
    "hidden": "none",
    "learning_rate": f"{DENSE_RATE}; with --conv, {CONVOLUTIONAL_RATE}",
}


@click.command("train", short_help="Train a network.")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@training_options(output="autoencoder", epochs=100, epochs_help="Passes over all pictures.")
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="DATA",
    show_default="a tenth of DATA",
    help="Pictures that figures and frames are made of, and nothing is learned from.",
)
@click.option(
    "--size",
    type=options.SIZE,
    metavar="WxH",
    show_default="64x64 of files of pictures; else as the data are",
    help="Width and height that pictures are scaled and cropped to.",
)
@click.option(
    "--channels",
    type=click.Choice(["grey", "rgb"]),
    show_default="as the data are",
    help="What is learned of a picture.",
)
@config_options(AutoencodeConfig, _TYPES, _SHOWN)
@session_options
@click.pass_context
def command(ctx: click.Context, /, data: Path, output: Path, **given: Any) -> None:
    """Train a network to redraw the pictures in DATA from a code of a few numbers.

    DATA is a folder of pictures, or of folders of pictures; an npz file with an array 'images'; an
    IDX file, or a folder of such; or a CIFAR-10 binary file (.bin), or a folder of such. A tenth of
    the pictures, chosen by chance, is held out: figures and frames are made of these.
    """
    AutoencodeTrainCommand(ctx, data, output, given).run()


class AutoencodeTrainCommand(DataTrainCommand):
    """Trains an auto-encoder."""

    words = ("autoencode", "train")
    kind = "autoencoder"
    config_type = AutoencodeConfig
    remedy = "try a smaller --lr, with --overwrite or another -o"

    def read(
        self, config: AutoencodeConfig, earlier: AutoencoderSource | None
    ) -> tuple[AutoencoderSource, Callable[[], AutoencoderTrainer]]:
        """See `DataTrainCommand.read`."""
        from fit_image.apps.autoencode.train_test_split import load_split
        from fit_image.apps.autoencode.trainer import AutoencoderTrainer

        given = self.options
        size, test, channels = given["size"], given["test"], self.option("channels", earlier)
        if earlier:
            size = size or (earlier.width, earlier.height)
            test = Path(earlier.test) if test is None and earlier.test is not None else test
        shown = reading(self.display)
        lesson = load_split(self.data, test, config.seed, size, channels, shown)

        def make_trainer() -> AutoencoderTrainer:
            pictures, held_out = lesson.pictures, lesson.held_out
            trainer = AutoencoderTrainer(pictures, held_out, config, threads=given["threads"])
            self._describe(lesson, trainer)
            return trainer

        return lesson.source, make_trainer

    def step_parts(self, metrics: StepMetrics) -> list[str]:
        """See `DataTrainCommand.step_parts`."""
        return [f"loss {metrics.loss:.5f}"]

    def _describe(self, lesson: TrainTestSplit, trainer: AutoencoderTrainer) -> None:
        source, network = lesson.source, trainer.network
        report_left_out(self.display, lesson, self.data)
        if lesson.known:
            self.display.message(
                f"{lesson.known:,} of the {source.held_out:,} pictures of --test are learned from, "
                "too"
            )
        if lesson.fitted:
            self.display.message(
                f"{lesson.fitted:,} of {source.pictures + source.held_out:,} pictures are scaled "
                f"and cropped to {source.width}x{source.height}"
            )
        shape = "x".join(str(side) for side in network.code_shape)
        code = counted(network.code_size, "number") + f" ({shape})" * (len(network.code_shape) > 1)
        self.display.message(
            f"{counted(source.pictures, 'picture')} of {source.width}x{source.height} in "
            f"{source.channels}, {source.held_out:,} held out; "
            f"a code of {code} for the {trainer.mean.size:,} of a picture; "
            f"{network.chain.num_params:,} parameters"
        )
