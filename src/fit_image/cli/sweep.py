"""``fit-image sweep``: many trials, compared."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fit_image.cli.board import Board, Watch
from fit_image.cli.configuration import record_of_trials
from fit_image.cli.display import Display, Table, make_display
from fit_image.cli.results import show_groups, write_all
from fit_image.cli.signals import Signals
from fit_image.cli.sweep_options import SWEEP_OPTIONS
from fit_image.cli.sweep_plan import ask, show_plan
from fit_image.errors import FitImageError, InputError

if TYPE_CHECKING:
    from fit_image.apps.sweep.execution import Executor
    from fit_image.apps.sweep.folder import SweepFolder
    from fit_image.apps.sweep.trial import Trial


@click.command(
    "sweep", short_help="Compare networks: train all combinations of values.", params=SWEEP_OPTIONS
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
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train every combination of the values given, and compare the results.

    Options of fitting may be repeated, and take several values with commas between them; those
    whose values have commas of their own, such as --layers, are repeated.
    """
    signals: Signals = ctx.obj
    if jobs is not None and scheduler is not None:
        raise click.UsageError("-j is for this machine, --scheduler for others: give one of them.")
    if not images and not (resume and output):
        raise click.UsageError("Missing argument 'IMAGE'; --resume -o DIR goes on without one.")
    record = record_of_trials(given)
    for option in SWEEP_OPTIONS:
        default = ctx.get_parameter_source(str(option.name)) is ParameterSource.DEFAULT
        if option.name in given and not default and not images:
            raise click.UsageError(
                f"{option.opts[0]} needs an IMAGE: --resume alone goes on as before."
            )
    question = ask(images, given, record, yes) if images else None
    output = output or Path(f"{images[0].stem}-sweep")
    display = make_display(quiet, Table)

    # Heavy imports come after the command line has been understood.
    from fit_image.apps.sweep.conduct import read_outcomes, unfinished
    from fit_image.apps.sweep.pictures import check_pictures
    from fit_image.apps.sweep.plan import plan_trials
    from fit_image.apps.sweep.results import write_results
    from fit_image.nn.runtime.machine import usable_cores

    asked = plan_trials(question) if question else []
    signals.check()
    folder = _folder(output, question is not None).extended(asked)
    outcomes = read_outcomes(folder)
    left = unfinished(outcomes, folder.trials if resume else asked)
    new = {trial.key for trial in asked}
    check_pictures([trial for trial in left if trial.key not in new])
    if plan:
        # How many workers a cluster will have, nobody knows.
        workers = 1 if scheduler else jobs or usable_cores()
        show_plan(folder, outcomes, left, workers, as_json)
        return

    signals.check()
    # The executor first: it finds out what is missing before anything is written.
    with display, _executor(folder, left, jobs, scheduler) as executor, folder.locked():
        folder = _folder(output, True).extended(asked)  # again, now that nobody else can write
        _train(folder, executor, left, display, signals)
        outcomes = read_outcomes(folder)
        if signals.received is not None:
            write_results(folder, outcomes)
            remaining = len(unfinished(outcomes, folder.trials))
            again = shlex.join(["fit-image", "sweep", "--resume", "-o", str(output)])
            display.message(f"stopped; {remaining} trials are left; to go on: {again}")
            ctx.exit(128 + signals.received)
        signals.at_once = True
        write_all(folder, outcomes, by, display)
    show_groups(outcomes, display)
    counts = Counter(outcome.status for outcome in outcomes)
    if as_json:
        click.echo(json.dumps({"output": str(output), "trials": len(outcomes), **counts}))
    else:
        click.echo(output)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        raise FitImageError(
            f"{len(failed)} of {len(outcomes)} trials failed ({failed[0].message}); "
            "--resume tries them again"
        )


def _folder(output: Path, may_begin: bool) -> SweepFolder:
    """Return the sweep in a folder, or a new one if that may begin there."""
    from fit_image.apps.sweep.folder import SweepFolder

    if SweepFolder.holds_sweep(output) or not may_begin:
        return SweepFolder.open(output)
    if output.is_symlink() and not output.exists():
        raise InputError(f"cannot use {output}: it is a link to nothing; choose another with -o")
    parent = next(folder for folder in (output, *output.absolute().parents) if folder.exists())
    if not parent.is_dir():
        raise InputError(f"cannot use {output}: {parent} is not a folder; choose another with -o")
    if output.is_dir() and any(file.name != ".lock" for file in output.iterdir()):
        raise InputError(
            f"{output} holds something else than a sweep: choose another folder with -o"
        )
    return SweepFolder(output)


def _executor(
    folder: SweepFolder, trials: Sequence[Trial], jobs: int | None, scheduler: str | None
) -> Executor:
    from fit_image.apps.sweep.cost import longest_first
    from fit_image.apps.sweep.local import Local
    from fit_image.nn.runtime.machine import usable_cores

    if scheduler is not None and trials:
        from fit_image.apps.sweep.cluster import Cluster
        from fit_image.apps.sweep.pictures import Pictures

        return Cluster(folder, longest_first(trials), Pictures(), scheduler)
    return Local(folder, longest_first(trials), jobs or usable_cores())


def _train(
    folder: SweepFolder,
    executor: Executor,
    trials: Sequence[Trial],
    display: Display,
    signals: Signals,
) -> None:
    from fit_image.apps.sweep.conduct import conduct, read_outcomes
    from fit_image.apps.sweep.cost import expected_seconds
    from fit_image.apps.sweep.outcome import trial_labels

    costs = {trial.key: expected_seconds(trial) for trial in trials}
    board = Board(folder, read_outcomes(folder), trial_labels(folder.trials), costs)
    watch = Watch(board, display)
    stopping = False
    for event in conduct(folder, executor, trials):
        watch.see(event)
        if signals.received is not None and not stopping:
            stopping = True
            display.message("stopping: trials under way are saved")
            executor.stop()
