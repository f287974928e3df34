"""``fit-image report``: what a sweep found, as tables, an animation and a page."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.display import make_display
from fit_image.cli.common.signals import Signals
from fit_image.cli.sweep.options import BY_OPTION
from fit_image.cli.sweep.results import write_all


@click.command(
    "report", short_help="Show what a sweep found, as a page and tables.", params=[BY_OPTION]
)
@options.path_argument("DIR")
@options.quiet_option
@click.pass_obj
def command(signals: Signals, /, path: Path, by: str, quiet: bool) -> None:
    """Show what a sweep found, finished or not: report.html, comparison.gif, and results.

    DIR is the folder of a sweep. The page opens in any browser, without a network.
    """
    from fit_image.apps.sweep.execution.run_sweep import read_outcomes
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.results.report import check_drawn

    signals.act_at_once()
    folder = SweepDirectory.open(path)
    outcomes = read_outcomes(folder)
    check_drawn(folder, outcomes)
    with make_display(quiet) as display:
        page = write_all(folder, outcomes, by, display)
    if page:
        click.echo(page)
