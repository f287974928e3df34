"""Output of a sweep's results: files, and a table on the terminal."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fit_image.cli.common.display import (
    Display,
    ProgressStep,
    announcing_compilation,
    describe_animation,
    format_duration,
)
from fit_image.cli.sweep.plan import align_columns

if TYPE_CHECKING:
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.results.outcome import Outcome, Statistics

_MAX_GROUPS = 20


def write_all(
    folder: SweepDirectory,
    outcomes: Sequence[Outcome],
    by: str,
    display: Display,
    *,
    limited: bool,
) -> Path | None:
    """Write the tables, comparison.gif and the page; return the page, or None after a message.

    ``limited`` is that of `describe_animation`.
    """
    from fit_image.apps.sweep.results.comparison import write_comparison
    from fit_image.apps.sweep.results.report import write_report
    from fit_image.apps.sweep.results.tables import write_results

    def show(name: str, done: int, total: int) -> None:
        display.step(ProgressStep(done / total, (f"making {name}", f"{done}/{total}")))

    with announcing_compilation(display):
        for number, outcome in enumerate(outcomes, start=1):
            if outcome.silent is not None:  # found now, which takes longest of all in the tables
                show(folder.results_csv.name, number, len(outcomes))
    write_results(folder, outcomes)
    animation = write_comparison(
        folder,
        outcomes,
        by=by,
        on_frame=lambda done, total: show(folder.comparison.name, done, total),
    )
    if animation:
        display.message(describe_animation(animation, limited=limited))
    if not any(outcome.drawn for outcome in outcomes):
        display.message(f"no trial has a frame after its first epoch: no {folder.report}")
        return None
    return write_report(
        folder, outcomes, on_step=lambda done, total: show(folder.report.name, done, total)
    )


def show_groups(outcomes: Sequence[Outcome], display: Display) -> None:
    """Show a row for each network, the best first."""
    from fit_image.apps.sweep.results.outcome import Statistics, group_by_seed

    rows = []
    for group in group_by_seed(outcomes):
        psnrs = [outcome.psnr for outcome in group.compared if outcome.psnr is not None]
        psnr = Statistics.of(psnrs)
        seconds = Statistics.of([outcome.seconds for outcome in group.compared])
        missing, stopped_at = len(group.outcomes) - len(group.compared), group.stopped_at
        notes = [f"{missing} of {len(group.outcomes)} not done"] if missing else []
        if stopped_at:
            notes.append(f"stopped at epoch {stopped_at} of {group.trial.manifest.epochs}")
        cells = (
            group.label,
            f"{group.trial.parameters:,}",
            f"{_format_psnr(psnr)} dB" if psnr else "exact" if psnrs else "",
            format_duration(seconds.mean) if seconds else "",
            ", ".join(notes),
        )
        mean = statistics.fmean(psnrs) if psnrs else -math.inf
        rows.append(((stopped_at or math.inf, mean), cells))
    rows.sort(key=lambda row: row[0], reverse=True)
    table = [("network", "parameters", "PSNR", "time", ""), *(cells for _, cells in rows)]
    for line in align_columns(table[: _MAX_GROUPS + 1], "lrrrl"):
        display.message(line)
    if len(rows) > _MAX_GROUPS:
        display.message(f"and {len(rows) - _MAX_GROUPS} more, in results.csv")


def _format_psnr(psnr: Statistics) -> str:
    return f"{psnr.mean:.2f}" + (f" ± {psnr.deviation:.2f}" if psnr.deviation else "")
