"""Output of a sweep's results: files, and a table on the terminal."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fit_image.cli.common.texts import describe_animation, format_duration
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import Display, ProgressStep
from fit_image.cli.sweep.plan import align_columns

if TYPE_CHECKING:
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.results.outcome import Outcome
    from fit_image.apps.sweep.results.seed_group import SeedGroup, Statistics

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
    from fit_image.apps.bits_per_pixel import format_bits
    from fit_image.apps.sweep.results.seed_group import Statistics, group_by_seed

    rows = []
    groups = group_by_seed(outcomes)
    held_out = any(group.trial.manifest.fit.hold_out is not None for group in groups)
    for group in groups:
        psnrs = [outcome.psnr for outcome in group.compared if outcome.psnr is not None]
        psnr = Statistics.of(psnrs)
        seconds = Statistics.of([outcome.seconds for outcome in group.compared])
        cells = (
            group.label,
            f"{group.trial.parameters:,}",
            format_bits(group.trial.bits_per_pixel),
            f"{_format_psnr(psnr)} dB" if psnr else "exact" if psnrs else "",
            *([_format_unseen(group)] if held_out else []),
            format_duration(seconds.mean) if seconds else "",
            _remark(group),
        )
        mean = statistics.fmean(psnrs) if psnrs else -math.inf
        rows.append(((group.stopped_at or math.inf, mean), cells))
    rows.sort(key=lambda row: row[0], reverse=True)
    unseen = ["unseen"] if held_out else []
    heads = ("network", "parameters", "bits a pixel", "PSNR", *unseen, "time", "")
    table = [heads, *(cells for _, cells in rows)]
    for line in align_columns(table[: _MAX_GROUPS + 1], f"l{'r' * (len(heads) - 2)}l"):
        display.message(line)
    if len(rows) > _MAX_GROUPS:
        display.message(f"and {len(rows) - _MAX_GROUPS} more, in results.csv")


def _remark(group: SeedGroup) -> str:
    """Return how many trials are not done, or learned nothing, and where halving stopped them."""
    total = len(group.outcomes)
    counts = {"not done": total - len(group.compared), "learned nothing": len(group.stalled)}
    notes = [f"{count} of {total} {what}" for what, count in counts.items() if count]
    if group.stopped_at:
        notes.append(f"stopped at epoch {group.stopped_at} of {group.trial.manifest.epochs}")
    return ", ".join(notes)


def _format_unseen(group: SeedGroup) -> str:
    figure = group.statistics("unseen_psnr")
    return f"{_format_psnr(figure)} dB" if figure else ""


def _format_psnr(psnr: Statistics) -> str:
    return f"{psnr.mean:.2f}" + (f" ± {psnr.deviation:.2f}" if psnr.deviation else "")
