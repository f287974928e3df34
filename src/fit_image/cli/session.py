"""The part of fitting that a person watches: compile, train until done or stopped, animate."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fit_image.cli.display import (
    Display,
    Step,
    TimeLeft,
    counted,
    describe_animation,
    format_duration,
)
from fit_image.cli.signals import Interrupted, Signals
from fit_image.errors import DivergenceError, FitImageError

if TYPE_CHECKING:
    from fit_image.apps.record import Recording, Status
    from fit_image.apps.trainer import Trainer
    from fit_image.config import FitConfig
    from fit_image.manifest import Result
    from fit_image.run import RunFolder


@contextlib.contextmanager
def announcing_compilation(display: Display) -> Iterator[None]:
    """Say so if kernels are compiled inside the block, and how long the block took."""
    from fit_image.nn.runtime.jit import on_compile

    began: list[float] = []

    def announce() -> None:
        display.message("compiling for this machine; this is needed once")
        began.append(time.perf_counter())

    with on_compile(announce):
        yield
    if began:
        display.message(f"compiled in {time.perf_counter() - began[0]:.1f} s")


def compile_kernels(config: FitConfig, display: Display) -> None:
    """Compile the kernels, or load them; say so if it takes compiling."""
    from fit_image.apps.compiling import warm_up

    with announcing_compilation(display):
        warm_up(config)


def train(recording: Recording, display: Display, signals: Signals, image: Path) -> Result:
    """Train until done, diverged or stopped by a signal, and write the results.

    The first signal must only be noted while this runs.

    Raises
    ------
    DivergenceError
        If training diverged; the last good state is written.
    """
    run, trainer = recording.run, recording.trainer
    meter = _Meter(trainer.config)
    # A bare name could be taken for a command, or for an option.
    name = str(image) if image.is_absolute() else f"./{image}"
    resume = shlex.join(["fit-image", name, "-o", str(run.path), "--resume"])
    try:
        for status in recording.steps():
            if signals.received is not None:
                break
            display.step(meter.step(status))
    except DivergenceError as error:
        advice = _advice(trainer)
        recording.return_to_good()
        result = recording.conclude("diverged")
        kept = f". {run.path} keeps the last good epoch, {result.epochs}" * (result.epochs > 0)
        raise DivergenceError(f"{error}; {advice}, with --overwrite{kept}") from None
    result = recording.conclude("done" if signals.received is None else "interrupted")
    if signals.received is not None:
        display.message(
            f"stopped in epoch {min(result.epochs + 1, trainer.config.epochs)} of "
            f"{trainer.config.epochs}; to go on: {resume}"
        )
    return result


def _advice(trainer: Trainer) -> str:
    from fit_image.nn.initializers import rules
    from fit_image.notation import parse_init

    config = trainer.config
    if trainer.learned_epochs == 0 and trainer.progress.position == 0:
        if "classic" not in rules(config.activations, parse_init(config.init)[0]):
            return "try another --init"
        return f"try a lower --init-scale than {config.init_scale:g}"
    rate = float(f"{config.learning_rate / 3:.1g}")
    return f"try a lower --lr than {config.learning_rate:g}, such as {rate:g}"


def animate(run: RunFolder, display: Display, signals: Signals) -> None:
    """Make the animations that the run asks for; of an interrupted run, as far as it goes."""
    from fit_image.apps.animate import animate as make

    signals.at_once = True
    for name in run.manifest.record.animations:
        file = run.path / name

        def show(done: int, total: int, file: Path = file) -> None:
            display.step(Step(done / total, (f"making {file.name}", f"frame {done}/{total}")))

        try:
            report = make(run, file, run.manifest.record, on_frame=show)
        except Interrupted:
            again = shlex.join(["fit-image", "animate", str(run.path), "-o", str(file)])
            display.message(f"{file} is not made; to make it: {again}")
            raise
        except FitImageError as error:
            if signals.received is None:
                raise
            display.message(str(error))
            continue
        display.message(describe_animation(report))


def animate_frames(
    file: Path, frames: Sequence[Path], display: Display, *, fps: float, hold: float = 1.0
) -> None:
    """Make an animation of frames, and say what became of it.

    ``hold`` are the seconds that the last frame stays.
    """
    from fit_image.animation import write_animation

    report = write_animation(
        file,
        frames,
        fps=fps,
        hold=hold,
        on_frame=lambda done, total: display.step(
            Step(done / total, (f"making {file.name}", f"frame {done}/{total}"))
        ),
    )
    display.message(describe_animation(report))


# What to say of a run that had not all its epochs.
_ENDINGS = {"target-psnr": "; reached --target-psnr", "time-limit": "; reached --time-limit"}


class _Meter:
    """Turns the statuses of a recording into steps of the display."""

    def __init__(self, config: FitConfig) -> None:
        self._config = config
        self._time_left = TimeLeft()
        self._marks: list[tuple[float, float]] = []

    def step(self, status: Status) -> Step:
        learned = max(status.epoch - 1, 0) + status.position / status.pixels
        if status.epoch == 0:
            return Step(0.0, ("drawing the untrained network",))
        if not self._marks or status.seconds - self._marks[-1][0] > 0.5:
            self._marks.append((status.seconds, learned))
            del self._marks[:-10]
        seconds, before = self._marks[0]
        epochs, target, limit = (
            self._config.epochs,
            self._config.target_psnr,
            self._config.time_limit,
        )
        parts = [f"epoch {status.epoch}/{epochs}"]
        if status.psnr is not None:
            parts.append(f"{status.psnr:.2f}{f'/{target:g}' if target else ''} dB")
        if status.seconds > seconds:
            rate = (learned - before) * status.pixels / (status.seconds - seconds)
            parts.append(f"{rate:,.0f} px/s")
        # What will end it first, as far as anybody knows: no one can tell when a target is reached.
        done = max(learned / epochs, status.seconds / limit if limit else 0.0)
        left = self._time_left.seconds_left(done)
        if left is not None:
            parts.append(f"{format_duration(left)} left")
        return Step(min(done, 1.0), tuple(parts))


def describe(result: Result) -> str:
    """Return a run's result in a line."""
    epochs = counted(result.epochs, "epoch")
    psnr = "" if result.psnr is None else f", {result.psnr:.2f} dB"
    ended = _ENDINGS.get(result.ended or "", "")
    return (
        f"{epochs}{psnr}, {format_duration(result.seconds)} of training "
        f"({result.parameters:,} parameters){ended}"
    )
