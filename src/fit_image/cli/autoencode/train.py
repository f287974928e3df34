"""``fit-image autoencode train DATA``: train a network, record it, animate it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.apps.autoencode.config import (
    BOTTLENECK,
    CONVOLUTIONAL_RATE,
    DENSE_RATE,
    LARGEST_LAYER,
    AutoencodeConfig,
)
from fit_image.cli.autoencode.data import notes_about, reading
from fit_image.cli.common import options
from fit_image.cli.common.config_options import (
    config_options,
    session_options,
    training_options,
)
from fit_image.cli.common.data_train_command import DataTrainCommand
from fit_image.cli.common.display import counted
from fit_image.cli.common.headings import OptionalValueCommand
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.apps.autoencode.directory import AutoencoderSource
    from fit_image.apps.autoencode.train_test_split import TrainTestSplit
    from fit_image.apps.autoencode.trainer import AutoencoderTrainer


def _units(text: str) -> tuple[int, ...]:
    if text.strip().lower() == "none":
        return ()
    try:
        units = tuple(int(part) for part in text.split(","))
    except ValueError:
        units = (0,)
    if min(units) < 1:
        raise InputError(f"{text!r} is not numbers of units, such as 512,256, or none")
    return units


_TYPES = {
    "bottleneck": options.Whole(1, LARGEST_LAYER),
    "hidden": options.Parsed("units", _units),
}

_SHOWN = {
    "bottleneck": f"{BOTTLENECK}; with --conv, the pooled maps",
    "hidden": "none",
    "learning_rate": f"{DENSE_RATE}; with --conv, {CONVOLUTIONAL_RATE}",
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
            pictures = split.pictures, split.held_out
            trainer = AutoencoderTrainer(*pictures, config, threads=given["threads"])
            self._describe(split, trainer)
            return trainer

        return split.source, make_trainer

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
