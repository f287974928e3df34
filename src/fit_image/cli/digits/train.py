"""``fit-image digits train DATA``: train a generator, record it, animate it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.apps.digits.config import DigitsConfig
from fit_image.cli.common import options
from fit_image.cli.common.config_options import (
    config_options,
    session_options,
    training_options,
)
from fit_image.cli.common.data_train_command import DataTrainCommand
from fit_image.cli.common.headings import OptionalValueCommand
from fit_image.cli.common.left_out import left_out, remark_lines
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.apps.digits.directory import DigitsSource, RoundMetrics
    from fit_image.apps.digits.trainer import DigitTrainer
    from fit_image.datasets.labelled import LabelledPictures


@click.command("train", cls=OptionalValueCommand, short_help="Train a generator.")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@training_options(output="digits", epochs=6, epochs_help="Passes over all pictures.")
@click.option(
    "--limit",
    type=options.Whole(min=1),
    metavar="N",
    show_default="all",
    help="Train on at most this many pictures, chosen at random.",
)
@click.option(
    "--channels",
    type=options.Word(["grey", "rgb"]),
    default="grey",
    show_default=True,
    help="Channels of the pictures to learn.",
)
@config_options(DigitsConfig)
@session_options
@click.pass_context
def command(ctx: click.Context, /, data: Path, output: Path, **given: Any) -> None:
    """Train a network to draw pictures like those in DATA, of every class.

    DATA is a folder with IDX files, the format of MNIST, or with one folder of pictures per class,
    or a zip file of either; or an npz file with arrays 'images' and 'labels', or 'x_train' and
    'y_train'.
    The generator is trained against a discriminator, which learns to tell real pictures from
    generated ones.
    """
    DigitsTrainCommand(ctx, data, output, given).run()


class DigitsTrainCommand(DataTrainCommand):
    """Trains a generator."""

    words = ("digits", "train")
    kind = "digits"
    config_type = DigitsConfig
    remedy = "try another --seed, with --overwrite or another -o"

    def read(
        self, config: DigitsConfig, earlier: DigitsSource | None
    ) -> tuple[DigitsSource, Callable[[], DigitTrainer]]:
        from fit_image.apps.digits.directory import DigitsSource
        from fit_image.apps.digits.trainer import DigitTrainer
        from fit_image.datasets.labelled import load_labelled

        limit, channels = self.option("limit", earlier), self.option("channels", earlier)
        labelled = _limited(load_labelled(self.data, channels=channels), limit, config.seed)
        self.note(*left_out(labelled.skipped, self.data))
        self.note(*remark_lines(labelled.remarks, self.data))
        count, height, width, _ = labelled.pictures.shape
        path, names = str(self.data.absolute()), labelled.names
        source = DigitsSource(path, labelled.sha256, count, width, height, names, channels, limit)
        threads = self.options["threads"]
        return source, lambda: DigitTrainer(labelled, config, threads=threads)

    def step_parts(self, metrics: RoundMetrics) -> list[str]:
        return [
            f"{metrics.generator_accuracy:.0%} pass",
            f"{metrics.fake_accuracy:.0%} found out",
        ]


def _limited(labelled: LabelledPictures, limit: int | None, seed: int) -> LabelledPictures:
    import numpy as np

    count = len(labelled.labels)
    if limit is None or limit >= count:
        return labelled
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:limit])
    labels = labelled.labels[chosen]
    missing = set(range(len(labelled.names))) - set(labels.tolist())
    if missing:
        raise InputError(
            f"--limit {limit} leaves no picture of class {labelled.names[missing.pop()]}: give more"
        )
    return replace(labelled, pictures=labelled.pictures[chosen], labels=labels)
