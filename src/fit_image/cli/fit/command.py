"""``fit-image IMAGE``: teach a network, record it, animate it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli.common.drawing import showing_frames
from fit_image.cli.common.picture_files import STREAM, input_file, shown_stem
from fit_image.cli.common.signals import Interrupted
from fit_image.cli.common.texts import counted, describe_animation, format_duration
from fit_image.cli.common.train_command import Prepared, TrainCommand
from fit_image.cli.fit.configuration import animation_names, check_used, configuration
from fit_image.cli.fit.options import fit_options
from fit_image.cli.fit.rate import check_plot, check_rate_options, find_rate, print_rate
from fit_image.cli.fit.single_values import SingleValuesCommand
from fit_image.config.fit import is_elsewhere
from fit_image.config.hold_out import UNSEEN
from fit_image.config.registry import AUTO_RATE, CHANNELS
from fit_image.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.fit.drawing import Fidelity
    from fit_image.apps.fit.manifest import FitResult
    from fit_image.apps.fit.trainer import FitTrainer
    from fit_image.apps.lr_finder.find_lr import RateCurve
    from fit_image.config.fit import FitConfig, RecordConfig
    from fit_image.runs.progress import Status

# What to say of a run that had not all its epochs.
_ENDINGS = {"target-psnr": "; reached --target-psnr", "time-limit": "; reached --time-limit"}


@click.command("fit", cls=SingleValuesCommand)
@fit_options
@click.pass_context
def command(ctx: click.Context, /, image: Path, output: Path | None, **given: Any) -> None:
    """Teach a network to paint IMAGE, record every epoch, and animate them.

    As IMAGE, - is standard input.
    """
    check_rate_options(ctx, given)
    training = FitCommand(ctx, image, output or Path(f"{shown_stem(image)}-fit"), given)
    if given["find_lr"]:
        training.find_lr()
    else:
        training.run()


class FitCommand(TrainCommand):
    """Teaches a network to paint a picture."""

    words = ()
    kind = "model"
    beginning = "drawing the untrained network"

    _marks: list[tuple[float, float]]
    _curve: RateCurve | None = None

    def find_lr(self) -> None:
        """Find the learning rate, print it, and train nothing."""
        with self.signals.acting_at_once(), self.display:
            self.prepare(self._open_like())
        assert self._curve is not None
        print_rate(self._curve, self.options["plot"], as_json=self.options["as_json"])

    def prepare(self, earlier: Any) -> Prepared:
        self._marks = []
        given = self.options
        given["animations"] = animation_names(given["animations"])

        # Heavy imports come after the command line has been understood.
        from fit_image.apps.fit.architecture import sized
        from fit_image.apps.fit.manifest import FitManifest
        from fit_image.apps.fit.metrics import row_type
        from fit_image.apps.fit.picture_source import load_source
        from fit_image.apps.fit.trainer import FitTrainer
        from fit_image.apps.run_kinds import check_picture
        from fit_image.images.decoding import parse_background
        from fit_image.runs.animate import check_animation_size, check_caption

        decide, prepare, record = configuration(self.ctx, given, earlier)
        asked = decide(1, 1)  # mistakes are found before the picture is read
        check_used(self.ctx, asked)
        try:
            parse_background(prepare.background)
        except InputError as error:
            raise InputError(f"--background: {error}") from error
        self._check_animations(record)
        check_plot(given["plot"], self.data, self.output, record.animations)
        check_caption(record, row_type(asked).columns())
        check_picture(self.data)
        with input_file(self.data) as file:
            source = load_source(file, prepare)
        picture = replace(source.picture, path="-") if self.data == STREAM else source.picture
        height, width = source.image.levels.shape[:2]
        for remark in source.picture.remarks:
            self.note(f"{self.data}: {remark}")
        if source.image.scaled:
            original = "x".join(map(str, source.image.original_size))
            self.display.message(
                f"scaled from {original} to {width}x{height} to keep to --max-pixels "
                f"{prepare.max_pixels} ('none' keeps it whole)"
            )
        for name in record.animations:
            check_animation_size(self.output / name, width, height, record)
        fit = sized(decide(width, height), (width, height), CHANNELS[prepare.channels])
        check_used(self.ctx, fit)
        if given["find_lr"] or given["learning_rate"] == AUTO_RATE:
            fit = self._with_rate(fit, source.image.levels, resuming=given["resume"] and earlier)

        def make_trainer() -> FitTrainer:
            return FitTrainer(source.image.levels, fit, threads=given["threads"])

        return FitManifest(picture, fit, prepare, record, given["preset"]), make_trainer

    def _with_rate(self, fit: FitConfig, levels: npt.NDArray[Any], *, resuming: Any) -> FitConfig:
        """Return a configuration with the rate that is found, or that of the run that goes on."""
        if resuming:
            self.display.message(f"going on with --lr {fit.learning_rate:g}")
            return fit
        from fit_image.images.io import save_image

        given = self.options
        self._curve = find_rate(levels, fit, given["threads"], self.display)
        if given["plot"]:
            save_image(given["plot"], self._curve.chart())
        found = self._curve.suggestion
        if not given["find_lr"]:
            self.display.message(f"--lr auto is --lr {found:g}")
        return replace(fit, learning_rate=found)

    def check_replaced(self) -> None:
        # Not even with --overwrite is the picture itself replaced.
        kind, output, image = self.directory_type, self.output, self.data
        if self.options["overwrite"] or not kind.holds_run(output):
            for file in kind.replaced_by_run(output):
                if image.exists() and file.samefile(image):
                    raise InputError(
                        f"a run in {output} would replace {image}: choose another with -o"
                    )
        super().check_replaced()

    def parts(self, status: Status, left: list[str]) -> list[str]:
        if not self._marks or status.seconds - self._marks[-1][0] > 0.5:
            self._marks.append((status.seconds, status.epochs))
            del self._marks[:-10]
        seconds, before = self._marks[0]
        parts = _decibels(status.metrics, self.options["target_psnr"]) if status.metrics else []
        if status.seconds > seconds:
            rate = (status.epochs - before) * status.epoch_size / (status.seconds - seconds)
            parts.append(f"{rate:,.0f} px/s")
        return [*parts, *left]

    def advice(self, trainer: FitTrainer) -> str:
        from fit_image.config.layer_spec import parse_init
        from fit_image.nn.initializers import rules

        config = trainer.config
        if trainer.progress.begun_epochs == 0:
            if "classic" not in rules(config.activations, parse_init(config.init)[0]):
                return "try another --init, with --overwrite"
            return f"try a lower --init-scale than {config.init_scale:g}, with --overwrite"
        rate = float(f"{config.learning_rate / 3:.1g}")
        return f"try a lower --lr than {config.learning_rate:g}, such as {rate:g}, with --overwrite"

    def animations(self, directory: FitDirectory) -> list[Path]:
        return [directory.path / name for name in directory.manifest.record.animations]

    def animate(self, directory: FitDirectory, file: Path) -> None:
        from fit_image.runs.animate import animate

        shown = showing_frames(self.display, file)
        try:
            report = animate(directory, file, directory.manifest.record, on_frame=shown)
        except Interrupted:
            again = shlex.join(["fit-image", "animate", str(directory.path), "-o", str(file)])
            self.display.message(f"{file} is not made; to make it: {again}")
            raise
        self.display.message(describe_animation(report))

    def given_again(self, directory: FitDirectory) -> list[str]:
        names = directory.manifest.record.animations
        return [f"--animation={name}" for name in names] if any(map(is_elsewhere, names)) else []

    def describe(self, result: FitResult) -> str:
        psnr = "" if result.psnr is None else f"{result.psnr:.2f} dB, "
        if result.unseen_psnr is not None:
            psnr += f"{result.unseen_psnr:.2f} dB of pixels never shown, "
        training = f"{psnr}{format_duration(result.seconds)} of training"
        network = counted(result.parameters, "parameter")
        ended = _ENDINGS.get(result.ended or "", "")
        return f"{counted(result.epochs, 'epoch')}, {training} ({network}){ended}"

    def summary(self, directory: FitDirectory) -> dict[str, Any]:
        names: tuple[str, ...] = ("ended", "epochs", "psnr", "loss", "parameters", "seconds")
        picture = directory.manifest.picture
        if directory.manifest.fit.hold_out is not None:
            names += ("unseen_psnr",)
        if directory.result and directory.result.stalled is not None:
            names += ("stalled",)
        facts = {name: getattr(directory.result, name) for name in names}
        if self.options["learning_rate"] == AUTO_RATE:
            facts["learning_rate"] = directory.manifest.fit.learning_rate
        return {**facts, "width": picture.width, "height": picture.height}

    def _check_animations(self, record: RecordConfig) -> None:
        """Refuse animations that cannot be written, or would replace something else."""
        from fit_image.animation.writers import check_suffix
        from fit_image.storage.atomic import check_destination

        for name in record.animations:
            file = self.output / name
            check_suffix(file)
            if file.parent != self.output:
                check_destination(file)
            self.directory_type.check_output(self.output, file, self.data)


def _decibels(fidelity: Fidelity, target: float | str | None) -> list[str]:
    """Return the parts of the line of progress about the newest picture, with their target."""
    parts = []
    for psnr, start, of in ((fidelity.psnr, "", ""), (fidelity.unseen_psnr, UNSEEN, " unseen")):
        if psnr is not None:
            wanted = isinstance(target, str) == bool(start)
            goal = f"/{float(str(target).removeprefix(start)):g}" if target and wanted else ""
            parts.append(f"{psnr:.2f}{goal} dB{of}")
    return parts
