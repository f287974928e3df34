"""``fit-image report``: results of a sweep as tables, an animation and a page."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.display import make_display
from fit_image.cli.common.signals import Signals
from fit_image.cli.sweep.options import BY_OPTION
from fit_image.cli.sweep.results import write_all


@click.command("report", params=[BY_OPTION])
@options.path_argument("DIR")
@options.quiet_option
@click.pass_obj
def command(signals: Signals, /, path: Path, by: str, quiet: bool) -> None:
    """Write the results of a sweep, finished or not: report.html, comparison.gif and tables.

    DIR is the folder of a sweep. The page opens in any browser, without an internet connection.
    """
    from fit_image.apps.run_kinds import check_kind
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.results.outcome import read_outcomes
    from fit_image.apps.sweep.results.report import check_drawn

    signals.act_at_once()
    check_kind(path, None)
    folder = SweepDirectory.open(path)
    outcomes = read_outcomes(folder)
    check_drawn(folder, outcomes)
    with make_display(quiet) as display:
        page = write_all(folder, outcomes, by, display, limited=False)
    if page:
        click.echo(page)
