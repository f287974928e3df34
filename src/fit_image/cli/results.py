"""The results of a sweep, in files and in a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fit_image.cli.display import Display, Step, describe_animation, format_duration
from fit_image.cli.sweep_plan import aligned

if TYPE_CHECKING:
    from fit_image.apps.sweep.folder import SweepFolder
    from fit_image.apps.sweep.outcome import Outcome, Spread

_MOST_GROUPS = 20


def write_all(folder: SweepFolder, outcomes: Sequence[Outcome], by: str, display: Display) -> None:
    """Write all that shows the answer: tables, comparison.gif and, if it can be made, the page."""
    from fit_image.apps.sweep.comparison import write_comparison
    from fit_image.apps.sweep.results import write_results

    def show(done: int, total: int) -> None:
        display.step(Step(done / total, (f"making {folder.comparison.name}",)))

    write_results(folder, outcomes)
    report = write_comparison(folder, outcomes, by=by, on_frame=show)
    if report:
        display.message(describe_animation(report))


def show_groups(outcomes: Sequence[Outcome], display: Display) -> None:
    """Show a line for each network, the best first."""
    from fit_image.apps.sweep.outcome import Spread, group_outcomes

    table = [("network", "parameters", "PSNR", "time", "")]
    rows = []
    for group in group_outcomes(outcomes):
        psnr = Spread.of([outcome.psnr for outcome in group.done])
        seconds = Spread.of([outcome.seconds for outcome in group.done])
        missing = len(group.outcomes) - len(group.done)
        rows.append(
            (
                psnr.mean if psnr else 0.0,
                (
                    group.label,
                    f"{group.trial.parameters:,}",
                    f"{_with_spread(psnr)} dB" if psnr else "",
                    format_duration(seconds.mean) if seconds else "",
                    f"{missing} of {len(group.outcomes)} not done" if missing else "",
                ),
            )
        )
    rows.sort(key=lambda row: -row[0])
    table += [row for _, row in rows[:_MOST_GROUPS]]
    for line in aligned(table, "lrrrl"):
        display.message(line)
    if len(rows) > _MOST_GROUPS:
        display.message(f"and {len(rows) - _MOST_GROUPS} more, in results.csv")


def _with_spread(psnr: Spread) -> str:
    return f"{psnr.mean:.2f}" + (f" ± {psnr.deviation:.2f}" if psnr.deviation else "")
