"""The commands that train on a set of pictures."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fit_image.cli.common.config_options import config_of, is_given
from fit_image.cli.common.drawing import showing_frames
from fit_image.cli.common.texts import describe_animation
from fit_image.cli.common.train_command import Prepared, TrainCommand
from fit_image.config.animation import AnimationConfig
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.runs.directory import RunDirectory
    from fit_image.runs.progress import Status
    from fit_image.runs.trainer import Trainer


class DataTrainCommand(TrainCommand):
    """Trains on a set of pictures.

    Attributes
    ----------
    config_type : type
    remedy : str
        Advice if training diverges.
    """

    config_type: ClassVar[type[Any]]
    remedy: ClassVar[str]
    beginning = "the first round"

    @abstractmethod
    def read(self, config: Any, earlier: Any) -> tuple[Any, Callable[[], Trainer]]:
        """Read the data: return their source, and a function that makes the trainer.

        ``earlier`` is the source of the run that goes on, if one does.
        """

    @abstractmethod
    def step_parts(self, metrics: Any) -> list[str]:
        """Return a step's metrics for the line of progress."""

    def option(self, name: str, earlier: Any) -> Any:
        """Return an option's value or, where it is not given and a run goes on, the earlier one."""
        if earlier is None or is_given(self.ctx, name):
            return self.options[name]
        return getattr(earlier, name)

    def config(self, earlier: Any) -> Any:
        """Return the configuration asked for; ``earlier`` is that of the run that goes on."""
        return config_of(self.ctx, self.config_type, self.options, earlier)

    def prepare(self, earlier: RunDirectory | None) -> Prepared:
        from fit_image.apps.run_kinds import check_data
        from fit_image.runs.animate import check_caption

        check_data(self.data, "pictures")
        manifest = earlier.manifest if earlier else None
        animation = config_of(
            self.ctx, AnimationConfig, self.options, manifest.animation if manifest else None
        )
        check_caption(animation, self.directory_type.metrics_type.columns())
        config = self.config(manifest.config if manifest else None)
        source, make_trainer = self.read(config, manifest.source if manifest else None)
        epochs = self.option("epochs", manifest)
        manifest_type: Any = self.directory_type.manifest_type
        return manifest_type.of(source, config, epochs, animation), make_trainer

    def check_replaced(self) -> None:
        # The data are not to be mixed with results.
        output = Path(os.path.realpath(self.output))
        if Path(os.path.realpath(self.data)) in (output, *output.parents):
            raise InputError(f"{self.output} is in the folder of the data: choose another with -o")
        super().check_replaced()

    def parts(self, status: Status, left: list[str]) -> list[str]:
        done = f"round {status.position}/{status.epoch_size}"
        return [done, *left, *self.step_parts(status.metrics)]

    def advice(self, trainer: Trainer) -> str:
        return self.remedy

    def animations(self, directory: RunDirectory) -> list[Path]:
        return [directory.path / "animation.gif"]

    def animate(self, directory: RunDirectory, file: Path) -> None:
        from fit_image.runs.animate import animate

        shown = showing_frames(self.display, file)
        report = animate(directory, file, directory.manifest.animation, on_frame=shown)
        self.display.message(describe_animation(report))

    def summary(self, directory: RunDirectory) -> dict[str, Any]:
        rows = directory.metrics.read()
        return directory.metrics_type.newest(rows) | super().summary(directory)
