"""The commands that train: until done or stopped, then animate, then sum up."""

from __future__ import annotations

import contextlib
import json
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from fit_image.cli.common.left_out import with_remarks
from fit_image.cli.common.picture_files import STREAM
from fit_image.cli.common.signals import Signals
from fit_image.cli.common.texts import counted, format_duration
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import Bar, ProgressStep, make_display
from fit_image.cli.display.picture_bar import PictureBar
from fit_image.cli.display.time_left import TimeLeft
from fit_image.cli.live.serve import serving
from fit_image.errors import DivergenceError, FitImageError, one_line
from fit_image.runs.observer import Observer, Observers

if TYPE_CHECKING:
    from fit_image.live.board import Board
    from fit_image.runs.directory import RunDirectory
    from fit_image.runs.manifest import Manifest
    from fit_image.runs.progress import Status
    from fit_image.runs.recorder import RunRecorder
    from fit_image.runs.trainer import Trainer

Prepared = tuple["Manifest", Callable[[], "Trainer"]]


class TrainCommand(ABC):
    """Trains in a directory; a subclass for every command.

    Parameters
    ----------
    ctx : click.Context
        With the `Signals` as its object.
    data : Path
        The training data, as the user gave them.
    output : Path
        The directory of the run.
    options : dict
        All other options by their names, ``resume``, ``overwrite``, ``watch``, ``serve``,
        ``as_json`` and ``quiet`` among them.

    Attributes
    ----------
    words : tuple of str
        The words of the command, such as ``("digits", "train")``.
    kind : str
        `RunDirectory.model_kind` of its runs.
    beginning : str
        Progress that is shown until the first step is taken.
    """

    words: ClassVar[tuple[str, ...]]
    kind: ClassVar[str]
    beginning: ClassVar[str]

    def __init__(
        self, ctx: click.Context, data: Path, output: Path, options: dict[str, Any]
    ) -> None:
        if options["resume"] and options["overwrite"]:
            raise click.UsageError("--resume and --overwrite exclude each other.")
        if options["resume"] and options["like"]:
            raise click.UsageError("--resume goes on with the options of its run, not --like.")
        self.ctx, self.data, self.output, self.options = ctx, data, output, options
        self.signals: Signals = ctx.obj
        self.display = make_display(options["quiet"], PictureBar if options["watch"] else Bar)
        self.time_left = TimeLeft()
        self.notes: list[str] = []
        self._observers = Observers()
        self._page = contextlib.ExitStack()
        self._board: Board | None = None

    @property
    def directory_type(self) -> type[RunDirectory]:
        """The kind of run."""
        from fit_image.apps.run_kinds import KINDS

        return next(kind for kind in KINDS if kind.model_kind == self.kind)

    @abstractmethod
    def prepare(self, earlier: RunDirectory | None) -> Prepared:
        """Read the data, and find all mistakes of the user that can be found.

        Returns
        -------
        asked : Manifest
            With the options given; those not given are of the ``earlier`` run that goes on, or of
            ``--like``, if any.
        make_trainer : callable
        """

    @abstractmethod
    def parts(self, status: Status, left: list[str]) -> list[str]:
        """Return the line of progress after the epoch, with the time ``left`` in its place."""

    @abstractmethod
    def advice(self, trainer: Any) -> str:
        """Return advice if training diverges."""

    @abstractmethod
    def animations(self, directory: Any) -> list[Path]:
        """Return the animations to make of a run."""

    @abstractmethod
    def animate(self, directory: Any, file: Path) -> None:
        """Make one of them, and report it."""

    def note(self, *lines: str) -> None:
        """Show lines about the data, and remember them for ``--json``."""
        self.notes += lines
        for line in lines:
            self.display.message(line)

    def check_replaced(self) -> None:
        """Raise `InputError` if a new run would replace files without ``--overwrite``."""
        self.directory_type.check_replaced(self.output, overwrite=self.options["overwrite"])

    def describe(self, result: Any) -> str:
        """Return the result of a run in a line."""
        epochs = counted(result.epochs, "epoch")
        return f"{epochs}, {format_duration(result.seconds)} of training"

    def summary(self, directory: Any) -> dict[str, Any]:
        """Return the JSON values of ``--json`` besides the directory."""
        return {"epochs": directory.result.epochs, "seconds": directory.result.seconds}

    def given_again(self, directory: Any) -> list[str]:
        """Return the options that a run that goes on does not take from its document."""
        return []

    def observers(self) -> list[Observer]:
        """Return those that follow the training."""
        observers: list[Observer] = []
        if isinstance(self.display, PictureBar):  # something is shown, and on a terminal
            from fit_image.cli.live.watch import Watch

            observers.append(Watch(self.display, self.options["watch"]))
        if self._board is not None:
            from fit_image.live.run_page import RunPage

            observers.append(RunPage(self._board))
        return observers

    def close(self) -> None:  # noqa: B027  # not every command has something to do
        """Do what remains to be done, whatever happened."""

    def run(self) -> None:
        """Train until done or stopped by a signal, animate the frames, and report the result.

        After divergence the last good state is written, and the error raised again.
        """
        try:
            with self._page:
                self._run()
        finally:
            self.close()

    def _run(self) -> None:
        from fit_image.runs.discarding import discarded_if_untrained, missing_folders

        kind = self.directory_type
        kind.check_folder(self.output)
        resuming = self.options["resume"] and kind.holds_run(self.output)
        earlier = kind.open(self.output) if resuming else None
        like = self._open_like()
        if earlier is None:
            self.check_replaced()
        with self.signals.acting_at_once(), self.display:
            asked, make_trainer = self.prepare(earlier or like)
            if earlier:
                earlier.check_resumable(asked)
            self._serve()
            with announcing_compilation(self.display) as compilation:
                trainer = make_trainer()
                compilation.total = trainer.kernels
                trainer.warm_up()
        del make_trainer
        directory = earlier or kind(self.output, asked)
        made = missing_folders(self.output)
        with directory.locked(), self.display:
            if earlier:
                directory = kind.open(self.output)  # again, now that no other process can write
                self._train(directory, trainer, asked)
            else:
                self.check_replaced()  # again, for the same reason
                with discarded_if_untrained(directory, trainer, made):
                    self._train(directory, trainer, None)
            del trainer  # animating large pictures needs its memory
            self._animate(directory)
        if self.signals.received is not None:
            self.ctx.exit(128 + self.signals.received)
        self.display.message(self.describe(directory.result))
        if self.options["as_json"]:
            facts = {"output": str(self.output), **self.summary(directory)}
            click.echo(json.dumps(with_remarks(facts, self.notes)))
        else:
            click.echo(self.output)

    def _open_like(self) -> RunDirectory | None:
        from fit_image.apps.run_kinds import check_kind

        path = self.options["like"]
        if path is None:
            return None
        check_kind(path, self.directory_type)
        return self.directory_type.open(path)

    def _serve(self) -> None:
        name = "standard input" if self.data == STREAM else one_line(self.data.absolute().name)
        page = serving(self.options["serve"], ("fit-image", *self.words), name)
        self._board = self._page.enter_context(page)

    @property
    def _is_stopped(self) -> bool:
        """Whether a signal or an observer has asked to stop, and to keep what is learned."""
        return self.signals.received is not None or self._observers.stop_asked

    def _train(self, directory: RunDirectory, trainer: Trainer, resumed: Manifest | None) -> None:
        self._observers = Observers(self.observers())
        with self._observers as observers:
            self._train_observed(directory, trainer, resumed, observers)
        for failure in observers.failures:
            self.display.message(f"the training was not followed to its end: {failure!r}")

    def _train_observed(
        self,
        directory: RunDirectory,
        trainer: Trainer,
        resumed: Manifest | None,
        observers: Observers,
    ) -> None:
        from fit_image.runs.recorder import RunRecorder

        if resumed is None:
            recorder = RunRecorder.begin(directory, trainer, observers)
        else:
            recorder = RunRecorder.resume(directory, trainer, resumed, observers)
            begun = trainer.progress.begun_epochs > 0
            self.display.message(
                f"going on from epoch {trainer.progress.epoch}"
                if begun
                else "nothing learned yet: starting from the beginning"
            )
        try:
            self._take_steps(recorder)
        except DivergenceError as error:
            advice = self.advice(trainer)
            recorder.rollback()
            epochs = recorder.conclude("diverged").epochs
            kept = f"; {directory.path} keeps the last good epoch, {epochs}" * (epochs > 0)
            raise DivergenceError(f"{error}{kept}; {advice}") from None
        interrupted = self._is_stopped
        result = recorder.conclude("interrupted" if interrupted else "done")
        if interrupted:
            epochs = directory.manifest.epochs
            # A bare name could be taken for a command, or for an option.
            name = str(self.data) if self.data.is_absolute() else f"./{self.data}"
            piped = ""
            if self.data == STREAM:
                name, piped = str(STREAM), " < IMAGE"
            again = ["fit-image", *self.words, name, "-o", str(directory.path), "--resume"]
            again += self.given_again(directory)
            self.display.message(
                f"stopped in epoch {min(result.epochs + 1, epochs)} of {epochs}; "
                f"to go on: {shlex.join(again)}{piped}"
            )

    def _take_steps(self, recorder: RunRecorder[Trainer]) -> None:
        manifest = recorder.directory.manifest
        latest = ProgressStep(0.0, (self.beginning,))

        def should_continue() -> bool:
            self.display.step(latest)
            return not self._is_stopped

        told = recorder.trainer.stalled
        for status in recorder.steps(should_continue):
            if status.stalled is not None and status.stalled != told:
                told = status.stalled
                self.note(told)
            if self._is_stopped:
                break
            latest = self._step(manifest, status)
            self.display.step(latest)

    def _step(self, manifest: Manifest, status: Status) -> ProgressStep:
        if status.epoch == 0:
            return ProgressStep(0.0, (self.beginning,))
        done = manifest.share_done(status)
        left = self.time_left.seconds_left(done)
        parts = self.parts(status, [] if left is None else [f"{format_duration(left)} left"])
        return ProgressStep(done, (f"epoch {status.epoch}/{manifest.epochs}", *parts))

    def _animate(self, directory: RunDirectory) -> None:
        self.signals.at_once = True
        for file in self.animations(directory):
            try:
                self.animate(directory, file)
            except FitImageError as error:
                # Of an interrupted training, the way to go on is what matters.
                if not self._is_stopped:
                    raise
                self.display.message(str(error))
