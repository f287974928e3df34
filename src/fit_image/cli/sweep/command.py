"""``fit-image sweep``: many trials, compared."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fit_image.cli.common.headings import HeadedCommand
from fit_image.cli.common.left_out import with_remarks
from fit_image.cli.common.picture_files import STREAM
from fit_image.cli.common.signals import Signals
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import Display, ProgressStep, make_display
from fit_image.cli.display.table import Table
from fit_image.cli.fit.configuration import record_of_trials
from fit_image.cli.live.serve import serving
from fit_image.cli.sweep.options import SWEEP_OPTIONS
from fit_image.cli.sweep.plan import make_spec, show_plan
from fit_image.cli.sweep.progress import SweepProgress
from fit_image.cli.sweep.results import show_groups, write_all
from fit_image.errors import FitImageError, InputError, one_line, some_of

if TYPE_CHECKING:
    from fit_image.apps.sweep.execution.executor import Executor
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.plan.trial import Trial
    from fit_image.live.board import Board


@click.command(
    "sweep",
    cls=HeadedCommand,
    params=SWEEP_OPTIONS,
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    images: tuple[Path, ...],
    output: Path | None,
    jobs: int | None,
    scheduler: str | None,
    by: str,
    plan: bool,
    resume: bool,
    yes: bool,
    serve: int | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train every combination of the given values, and compare the results.

    Options of fit-image IMAGE take several values, separated by commas; those whose values contain
    commas, such as --layers, are repeated instead.
    """
    signals: Signals = ctx.obj
    if jobs is not None and scheduler is not None:
        raise click.UsageError("-j and --scheduler exclude each other.")
    if not images and not (resume and output):
        raise click.UsageError("Missing argument 'IMAGE'; only --resume -o DIR needs none.")
    if STREAM in images:
        raise click.UsageError("every trial reads its picture anew: give a file in place of -.")
    record = record_of_trials(given)
    for option in SWEEP_OPTIONS:
        default = ctx.get_parameter_source(str(option.name)) is ParameterSource.DEFAULT
        if option.name in given and not default and not images:
            raise click.UsageError(
                f"{option.opts[0]} needs an IMAGE: without one, --resume changes nothing."
            )
    spec = make_spec(images, given, record, yes) if images else None
    output = output or Path(f"{images[0].stem}-sweep")
    display = make_display(quiet, Table)

    # Heavy imports come after the command line has been understood.
    from fit_image.apps.sweep.plan.plan import plan_trials
    from fit_image.apps.sweep.plan.rates import RateFinder
    from fit_image.apps.sweep.plan.trial import check_pictures
    from fit_image.apps.sweep.results.outcome import count_stalled, read_outcomes, unfinished
    from fit_image.apps.sweep.results.tables import write_results
    from fit_image.nn.runtime.machine import usable_cores
    from fit_image.runs.discarding import discarded_if_empty, missing_folders

    planned = []
    if spec:
        with signals.acting_at_once(), display, announcing_compilation(display):
            planned = plan_trials(spec, RateFinder(partial(_show_rate, display)))
    signals.check()

    def open_folder(may_create: bool) -> SweepDirectory:
        folder = _folder(output, may_create)
        return folder.extended(planned, given["halving"]) if spec else folder

    folder = open_folder(spec is not None)
    outcomes = read_outcomes(folder)
    remaining = unfinished(outcomes, folder.trials if resume or folder.halving else planned)
    new = {trial.key for trial in planned}
    check_pictures([trial for trial in remaining if trial.key not in new])
    remarks = _remarks(folder.trials)
    for remark in remarks:
        display.message(remark)
    if plan:
        # The number of workers of a cluster is unknown.
        workers = 1 if scheduler else jobs or usable_cores()
        show_plan(folder, outcomes, remaining, workers, as_json)
        return

    signals.check()
    made = missing_folders(output)
    # The executor first: it checks its requirements before anything is written.
    with (
        display,
        _executor(folder, remaining, jobs, scheduler) as executor,
        serving(serve, ("fit-image", "sweep"), _title(folder)) as board,
        folder.locked(),
        discarded_if_empty(output, made),
    ):
        folder = open_folder(True)  # again, under the lock
        stopped = _train(folder, executor, remaining, display, signals, board)
        outcomes = read_outcomes(folder)
        if stopped:
            left = len(unfinished(outcomes, folder.trials))
            again = shlex.join(["fit-image", "sweep", "--resume", "-o", str(output)])
            display.message(f"stopped; {left} trials are left; to go on: {again}")
        if signals.received is not None:
            # Without the units that never answer: counting them takes a while in every trial.
            write_results(folder, [replace(outcome, path=None) for outcome in outcomes])
            ctx.exit(128 + signals.received)
        signals.at_once = True
        write_all(folder, outcomes, by, display, limited=True)
    show_groups(outcomes, display)
    counts = Counter(outcome.status for outcome in outcomes)
    if as_json:
        facts = {"output": str(output), "trials": len(outcomes), **counts}
        facts |= count_stalled(outcomes)
        click.echo(json.dumps(with_remarks(facts, remarks)))
    else:
        click.echo(output)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        raise FitImageError(
            f"{len(failed)} of {len(outcomes)} trials failed ({failed[0].message}); "
            "--resume repeats them"
        )


def _show_rate(display: Display, number: int, share: float) -> None:
    display.step(ProgressStep(share, (f"finding learning rate {number}",)))


def _title(folder: SweepDirectory) -> str:
    """Return the names of a sweep's pictures."""
    names = dict.fromkeys(Path(trial.manifest.picture.path).name for trial in folder.trials)
    return some_of([one_line(name) for name in names], most=3)


def _remarks(trials: Sequence[Trial]) -> list[str]:
    """Return the remarks on the pictures of a sweep, each once."""
    pictures = dict.fromkeys(trial.manifest.picture for trial in trials)
    texts = (f"{Path(each.path).name}: {text}" for each in pictures for text in each.remarks)
    return list(dict.fromkeys(texts))


def _folder(output: Path, may_create: bool) -> SweepDirectory:
    """Return the sweep in a folder, or a new one if allowed."""
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.runs.directory import RunDirectory

    if SweepDirectory.holds_sweep(output) or not may_create:
        return SweepDirectory.open(output)
    RunDirectory.check_folder(output)
    if output.is_dir() and any(file.name != ".lock" for file in output.iterdir()):
        raise InputError(f"{output} is not empty and holds no sweep: choose another folder with -o")
    return SweepDirectory(output)


def _executor(
    folder: SweepDirectory, trials: Sequence[Trial], jobs: int | None, scheduler: str | None
) -> Executor:
    from fit_image.apps.sweep.execution.local import LocalExecutor
    from fit_image.nn.runtime.machine import usable_cores

    if scheduler is not None and trials:
        from fit_image.apps.sweep.execution.cluster import ClusterExecutor
        from fit_image.apps.sweep.plan.trial import TrialPictures

        return ClusterExecutor(folder, TrialPictures(), scheduler)
    return LocalExecutor(folder, jobs or usable_cores())


def _train(
    folder: SweepDirectory,
    executor: Executor,
    trials: Sequence[Trial],
    display: Display,
    signals: Signals,
    board: Board | None,
) -> bool:
    """Train the trials, and return whether the user has stopped that."""
    from fit_image.apps.sweep.execution.cost import expected_seconds
    from fit_image.apps.sweep.execution.rounds import run_sweep
    from fit_image.apps.sweep.results.outcome import read_outcomes
    from fit_image.apps.sweep.results.seed_group import trial_labels

    costs = {trial.key: expected_seconds(trial) for trial in trials}
    outcomes, labels = read_outcomes(folder), trial_labels(folder.trials)
    progress = SweepProgress(folder, outcomes, labels, costs)
    page = None
    if board:
        from fit_image.live.sweep_page import SweepPage

        page = SweepPage(board, folder, labels, outcomes)
    stopping = False
    for event in run_sweep(folder, executor, trials):
        progress.show(event, display)
        if page:
            page.update(event, progress.ended, progress.done)
        asked = signals.received is not None or (page is not None and page.stop_asked)
        if asked and not stopping:
            stopping = True
            display.message("stopping: running trials are saved")
            executor.stop()
    if page:
        page.end("interrupted" if stopping else "done")
    return stopping
