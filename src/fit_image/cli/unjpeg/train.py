"""``fit-image unjpeg train FOLDER``: train a network, record it, animate it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.apps.unjpeg.config import LEARNING_RATES, UnjpegConfig
from fit_image.cli.common import options
from fit_image.cli.common.config_options import (
    config_options,
    session_options,
    training_options,
)
from fit_image.cli.common.data_train_command import DataTrainCommand
from fit_image.cli.common.headings import OptionalValueCommand
from fit_image.cli.common.left_out import left_out, remark_lines

if TYPE_CHECKING:
    from fit_image.apps.unjpeg.directory import UnjpegSource
    from fit_image.apps.unjpeg.patches.pictures import PictureFolder
    from fit_image.apps.unjpeg.trainer import BatchMetrics, PatchTrainer
    from fit_image.runs.directory import RunDirectory

_TYPES = {
    "layers": options.LAYERS,
    "quality": options.QUALITIES,
}

_SHOWN = {
    "layers": "4x2047",
    "learning_rate": ", ".join(f"{rate} with {name}" for name, rate in LEARNING_RATES.items()),
}


@click.command("train", cls=OptionalValueCommand, short_help="Train a network to restore pictures.")
@click.argument("data", metavar="FOLDER", type=click.Path(path_type=Path))
@training_options(output="unjpeg", epochs=100, epochs_help="Epochs at most; see --patience.")
@config_options(UnjpegConfig, _TYPES, _SHOWN)
@session_options
@click.pass_context
def command(ctx: click.Context, /, data: Path, output: Path, **given: Any) -> None:
    """Train a network to remove JPEG artefacts from pictures like those in FOLDER.

    FOLDER holds clean pictures, perhaps in subfolders; each is compressed in memory. A quarter of
    them is kept for validation, which tells when to stop.
    """
    UnjpegTrainCommand(ctx, data, output, given).run()


class UnjpegTrainCommand(DataTrainCommand):
    """Trains a network that removes JPEG artefacts."""

    words = ("unjpeg", "train")
    kind = "unjpeg"
    config_type = UnjpegConfig
    remedy = "go on with --resume and a lower --lr"

    _pictures: PictureFolder | None = None
    _trainer: PatchTrainer | None = None

    def read(
        self, config: UnjpegConfig, earlier: UnjpegSource | None
    ) -> tuple[UnjpegSource, Callable[[], PatchTrainer]]:
        from fit_image.apps.unjpeg.directory import UnjpegSource
        from fit_image.apps.unjpeg.patches.pictures import split_folder
        from fit_image.apps.unjpeg.trainer import PatchTrainer

        self._pictures = pictures = split_folder(self.data, config)
        self.note(*left_out(pictures.skipped, self.data, "not pictures, or too small"))
        counts = len(pictures.training), len(pictures.validation)
        source = UnjpegSource(str(self.data.absolute()), pictures.sha256, *counts)

        def make_trainer() -> PatchTrainer:
            self.display.message(
                "{} training pictures, {} for validation; measuring them".format(*counts)
            )
            self._trainer = PatchTrainer(pictures, config, threads=self.options["threads"])
            return self._trainer

        return source, make_trainer

    def close(self) -> None:
        """End the loader's thread, and report the pictures that it could not read, and remarks."""
        if not self._trainer or not self._pictures:
            return
        from fit_image.apps.unjpeg.patches.pictures import count_remarks

        self._trainer.close()
        # Copies: another thread may still be reading.
        self.note(*left_out(self._pictures.damaged.copy(), self.data, "damaged"))
        self.note(*remark_lines(count_remarks(self._pictures.remarks), self.data))
        self._trainer = None

    def summary(self, directory: RunDirectory) -> dict[str, Any]:
        self.close()
        return super().summary(directory)

    def step_parts(self, metrics: BatchMetrics) -> list[str]:
        from fit_image.apps.unjpeg.directory import gain

        exact = not metrics.error or not metrics.jpeg_error
        return [] if exact else [f"{gain(metrics.error, metrics.jpeg_error):+.2f} dB over JPEG"]
