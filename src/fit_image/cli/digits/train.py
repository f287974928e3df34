"""``fit-image digits train DATA``: train a generator, record it, animate it."""

from __future__ import annotations

import json
import shlex
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fit_image.apps.digits.recipe import Recipe
from fit_image.cli import options
from fit_image.cli.digits.recipe_options import recipe_options
from fit_image.cli.display import (
    Display,
    Step,
    TimeLeft,
    format_duration,
    make_display,
)
from fit_image.cli.session import animate_frames, announcing_compilation
from fit_image.cli.signals import Signals
from fit_image.errors import DivergenceError, FitImageError, InputError

if TYPE_CHECKING:
    from fit_image.apps.digits.folder import DigitFolder, Result, Source
    from fit_image.apps.digits.record import DigitRecording, Status
    from fit_image.labelled import Labelled

_EPOCHS = 6


@click.command("train", short_help="Train a generator.")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("digits"),
    show_default=True,
    metavar="DIR",
    help="Folder for all results.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1, max=1_000_000),
    default=_EPOCHS,
    show_default=True,
    metavar="N",
    help="Passes over all pictures.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="all",
    help="Train on so many pictures, chosen by chance.",
)
@click.option(
    "--channels",
    type=click.Choice(["grey", "rgb"]),
    default="grey",
    show_default=True,
    help="What is learned of a picture.",
)
@recipe_options
@options.fps_option
@click.option("--resume", is_flag=True, help="Go on with the training in the folder.")
@click.option("--overwrite", is_flag=True, help="Replace the training in the folder.")
@options.threads_option("all cores")
@options.json_option
@options.quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    data: Path,
    output: Path,
    epochs: int,
    limit: int | None,
    channels: str,
    fps: float,
    resume: bool,
    overwrite: bool,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train a network to draw pictures like those in DATA, of every class.

    DATA is a folder with IDX files, as MNIST comes in, or with one folder of pictures a class. The
    generator plays against a classifier, which learns to tell real pictures from generated ones.
    """
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other.")
    signals: Signals = ctx.obj
    display = make_display(quiet)

    from fit_image.apps.digits.folder import DigitFolder, Stage
    from fit_image.apps.digits.record import DigitRecording, check_resumable
    from fit_image.apps.digits.trainer import DigitTrainer
    from fit_image.labelled import load_labelled

    DigitFolder.check_folder(output)
    if data.resolve() in (output.resolve(), *output.resolve().parents):
        raise InputError(f"{output} is in the folder of the data: choose another with -o")
    earlier = DigitFolder.open(output) if resume and DigitFolder.holds_run(output) else None
    if not earlier:
        DigitFolder.check_replaced(output, overwrite=overwrite)
    recipe = _recipe(ctx, given, earlier)
    if earlier:
        default = ParameterSource.DEFAULT
        epochs = earlier.epochs if ctx.get_parameter_source("epochs") is default else epochs
        if ctx.get_parameter_source("limit") is default:
            limit = earlier.source.limit
        if ctx.get_parameter_source("channels") is default:
            channels = earlier.source.channels
    signals.check()
    labelled = _limited(load_labelled(data, channels=channels), limit, recipe.seed)
    if labelled.skipped:
        files = "1 file" if labelled.skipped == 1 else f"{labelled.skipped} files"
        are = "is no picture" if labelled.skipped == 1 else "are no pictures"
        display.message(f"{files} in {data} {are}: left out")
    signals.check()
    source = _source(data, labelled, channels, limit)
    if earlier:
        check_resumable(earlier, source, recipe)
    with announcing_compilation(display):
        trainer = DigitTrainer(labelled, recipe, threads=threads)
        trainer.warm_up()
    folder = earlier or DigitFolder(output, source, [Stage(0, 0, recipe)], epochs)
    folder.epochs = epochs
    signals.check()
    with folder.locked(), display:
        if earlier:
            folder = DigitFolder.open(output)  # again, now that no other process can write
            folder.epochs = epochs
            recording = DigitRecording.resume(folder, trainer, source)
            display.message(f"going on from epoch {trainer.standing.epoch}")
        else:
            DigitFolder.check_replaced(output, overwrite=overwrite)  # again, for the same reason
            recording = DigitRecording.begin(folder, trainer)
        result = _train(recording, display, signals, data)
        _animate(folder, fps, display, signals)
    if signals.received is not None:
        ctx.exit(128 + signals.received)
    epochs_text = "1 epoch" if result.epochs == 1 else f"{result.epochs} epochs"
    display.message(f"{epochs_text}, {format_duration(result.seconds)} of training")
    if as_json:
        summary = {"output": str(output), "epochs": result.epochs, "seconds": result.seconds}
        rows = folder.metrics.read()
        if rows:
            names = rows[-1].columns[1:-1]
            summary |= dict(zip(names, rows[-1].figures, strict=True))
        click.echo(json.dumps(summary))
    else:
        click.echo(output)


def _recipe(ctx: click.Context, given: dict[str, Any], earlier: DigitFolder | None) -> Recipe:
    """Return the recipe asked for; of a resumed training, what is not given is as before."""
    names = [field.name for field in fields(Recipe)]
    if not earlier:
        return Recipe(**{name: given[name] for name in names})
    explicit = {
        name: given[name]
        for name in names
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    return replace(earlier.recipe, **explicit)


def _limited(labelled: Labelled, limit: int | None, seed: int) -> Labelled:
    import numpy as np

    count = len(labelled.labels)
    if limit is None or limit >= count:
        return labelled
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:limit])
    labels = labelled.labels[chosen]
    missing = set(range(len(labelled.names))) - set(labels.tolist())
    if missing:
        raise InputError(
            f"--limit {limit} leaves no picture of {labelled.names[missing.pop()]}: give more"
        )
    return replace(labelled, pictures=labelled.pictures[chosen], labels=labels)


def _source(data: Path, labelled: Labelled, channels: str, limit: int | None) -> Source:
    from fit_image.apps.digits.folder import Source

    count, height, width, _ = labelled.pictures.shape
    path = str(data.absolute())
    names = labelled.names
    return Source(path, labelled.sha256, count, width, height, names, channels, limit)


def _train(recording: DigitRecording, display: Display, signals: Signals, data: Path) -> Result:
    """Train until done, diverged or stopped by a signal, and write the results."""
    folder = recording.folder
    meter = _Meter(folder.epochs)

    def go_on() -> bool:
        display.step(meter.latest)
        return signals.received is None

    try:
        for status in recording.steps(go_on):
            meter.update(status)
    except DivergenceError as error:
        recording.return_to_good()
        result = recording.conclude("diverged")
        kept = f"; {folder.path} keeps the last good epoch, {result.epochs}" * (result.epochs > 0)
        advice = "try another --seed, with --overwrite or another -o"
        raise DivergenceError(f"{error}{kept}; {advice}") from None
    result = recording.conclude("done" if signals.received is None else "interrupted")
    if signals.received is not None:
        # A bare name could be taken for an option.
        name = str(data) if data.is_absolute() else f"./{data}"
        again = ["fit-image", "digits", "train", name, "-o", str(folder.path), "--resume"]
        display.message(
            f"stopped in epoch {min(result.epochs + 1, folder.epochs)} of {folder.epochs}; "
            f"to go on: {shlex.join(again)}"
        )
    return result


def _animate(folder: DigitFolder, fps: float, display: Display, signals: Signals) -> None:
    from fit_image.frames import frame_paths

    signals.at_once = True
    frames = [path for _, path in frame_paths(folder.frames)]
    try:
        animate_frames(folder.path / "animation.gif", frames, display, fps=fps)
    except FitImageError as error:
        # Of an interrupted training, the way to go on is what matters.
        if signals.received is None:
            raise
        display.message(str(error))


class _Meter:
    """Turns the statuses of a recording into steps of the display."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._time_left = TimeLeft()
        self.latest = Step(0.0, ("the first round",))

    def update(self, status: Status) -> None:
        """Note where the training stands."""
        done = (status.epoch - 1 + status.rounds / status.of_rounds) / self._epochs
        figures = status.figures
        parts = [
            f"epoch {status.epoch}/{self._epochs}",
            f"round {status.rounds}/{status.of_rounds}",
            f"{figures.generator_accuracy:.0%} pass",
            f"{figures.fake_accuracy:.0%} found out",
        ]
        left = self._time_left.seconds_left(done)
        if left is not None:
            parts.insert(2, f"{format_duration(left)} left")
        self.latest = Step(done, tuple(parts))
