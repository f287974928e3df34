"""The part of a training by a recipe that a person watches: train until done, animate, sum up."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fit_image.cli.common.display import Display, Step, TimeLeft, counted, format_duration
from fit_image.cli.common.signals import Signals
from fit_image.cli.session import animate_frames
from fit_image.errors import DivergenceError, FitImageError, InputError

if TYPE_CHECKING:
    from fit_image.apps.recipe_recording import RecipeRecording, Status
    from fit_image.apps.recipe_trainer import RecipeTrainer
    from fit_image.recipe_folder import AnySource, RecipeFolder, Result

FolderType = TypeVar("FolderType", bound="RecipeFolder[Any, Any]")


def earlier_folder(
    folder_type: type[FolderType], output: Path, data: Path, *, resume: bool, overwrite: bool
) -> FolderType | None:
    """Return the training to go on with, or None if a new one begins.

    Raises
    ------
    InputError
        If the folder cannot be used, or holds what the user has not offered to replace.
    """
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other.")
    folder_type.check_folder(output)
    where = Path(os.path.realpath(output))
    if Path(os.path.realpath(data)) in (where, *where.parents):
        raise InputError(f"{output} is in the folder of the data: choose another with -o")
    if resume and folder_type.holds_run(output):
        return folder_type.open(output)
    folder_type.check_replaced(output, overwrite=overwrite)
    return None


def record(
    ctx: click.Context,
    recording_type: type[RecipeRecording[Any, Any]],
    folder: RecipeFolder[Any, Any],
    trainer: RecipeTrainer[Any, Any],
    source: AnySource,
    display: Display,
    *,
    command: Sequence[str],
    data: Path,
    earlier: bool,
    overwrite: bool,
    fps: float,
    as_json: bool,
    parts: Callable[[Any], Sequence[str]],
    advice: str,
) -> None:
    """Train in a folder until done or stopped by a signal, animate the frames, and say what came.

    Parameters
    ----------
    ctx : click.Context
        Whose object is the `Signals`.
    recording_type : type
    folder : RecipeFolder
        With the epochs asked for; of a resumed training, as it was before it was locked.
    trainer : RecipeTrainer
        As it begins.
    source : dataclass
    display : Display
    command : sequence of str
        The words of the command that trains, such as ``("digits", "train")``.
    data : Path
        As the user gave it.
    earlier : bool
        Whether the folder's training goes on.
    overwrite : bool
        Whether what is in the folder may be replaced.
    fps : float
        Of the animation.
    as_json : bool
    parts : callable
        Returns what the progress shows of a round's figures.
    advice : str
        What to do if it diverges.

    Raises
    ------
    DivergenceError
        If it diverged; the last good state is written.
    """
    signals: Signals = ctx.obj
    signals.check()
    with folder.locked(), display:
        if earlier:
            epochs = folder.epochs
            folder = type(folder).open(folder.path)  # again, now that no other process can write
            folder.epochs = epochs
            recording = recording_type.resume(folder, trainer, source)
            display.message(f"going on from epoch {trainer.standing.epoch}")
        else:
            folder.check_replaced(folder.path, overwrite=overwrite)  # again, for the same reason
            recording = recording_type.begin(folder, trainer)
        # A bare name could be taken for an option.
        name = str(data) if data.is_absolute() else f"./{data}"
        again = ["fit-image", *command, name, "-o", str(folder.path), "--resume"]
        result = _train(recording, display, signals, _Meter(folder.epochs, parts), again, advice)
        _animate(folder, fps, display, signals)
    if signals.received is not None:
        ctx.exit(128 + signals.received)
    epochs_text = counted(result.epochs, "epoch")
    display.message(f"{epochs_text}, {format_duration(result.seconds)} of training")
    if as_json:
        rows = folder.metrics.read()
        figures = rows[-1].to_json() if rows else {}
        figures |= {"epochs": result.epochs, "seconds": result.seconds}
        figures.pop("epoch", None)
        click.echo(json.dumps({"output": str(folder.path), **figures}))
    else:
        click.echo(folder.path)


def _train(
    recording: RecipeRecording[Any, Any],
    display: Display,
    signals: Signals,
    meter: _Meter,
    again: Sequence[str],
    advice: str,
) -> Result:
    folder = recording.folder

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
        raise DivergenceError(f"{error}{kept}; {advice}") from None
    result = recording.conclude("done" if signals.received is None else "interrupted")
    if signals.received is not None:
        display.message(
            f"stopped in epoch {min(result.epochs + 1, folder.epochs)} of {folder.epochs}; "
            f"to go on: {shlex.join(again)}"
        )
    return result


def _animate(
    folder: RecipeFolder[Any, Any], fps: float, display: Display, signals: Signals
) -> None:
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

    def __init__(self, epochs: int, parts: Callable[[Any], Sequence[str]]) -> None:
        self._epochs = epochs
        self._parts = parts
        self._time_left = TimeLeft()
        self.latest = Step(0.0, ("the first round",))

    def update(self, status: Status) -> None:
        """Note where the training stands."""
        done = (status.epoch - 1 + status.rounds / status.of_rounds) / self._epochs
        parts = [
            f"epoch {status.epoch}/{self._epochs}",
            f"round {status.rounds}/{status.of_rounds}",
        ]
        left = self._time_left.seconds_left(done)
        if left is not None:
            parts.append(f"{format_duration(left)} left")
        self.latest = Step(done, (*parts, *self._parts(status.figures)))
