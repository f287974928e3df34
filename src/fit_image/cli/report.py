"""``fit-image report``: what a sweep found, as tables, an animation and a page."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli import options
from fit_image.cli.display import Step, make_display
from fit_image.cli.signals import Signals
from fit_image.errors import InputError


@click.command("report", short_help="Show what a sweep found, as a page and tables.")
@click.argument("path", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--by",
    type=click.Choice(["epochs", "seconds"]),
    default="epochs",
    show_default=True,
    help="What the networks of comparison.gif learn in step by.",
)
@options.quiet_option
@click.pass_obj
def command(signals: Signals, /, path: Path, by: str, quiet: bool) -> None:
    """Show what a sweep found, finished or not: report.html, comparison.gif, and results.

    DIR is the folder of a sweep. The page opens in any browser, without a network.
    """
    from fit_image.apps.sweep.comparison import write_comparison
    from fit_image.apps.sweep.folder import SweepFolder
    from fit_image.apps.sweep.outcome import read_outcome
    from fit_image.apps.sweep.report import check_drawn, check_extra, write_report
    from fit_image.apps.sweep.results import write_results

    signals.act_at_once()
    folder = SweepFolder.open(path)
    outcomes = [read_outcome(folder, trial) for trial in folder.trials]
    check_drawn(folder, outcomes)
    write_results(folder, outcomes)
    with make_display(quiet) as display:

        def shown(name: str, done: int, total: int, what: str) -> None:
            display.step(Step(done / total, (f"making {name}", f"{what} {done}/{total}")))

        write_comparison(
            folder,
            outcomes,
            by=by,
            on_frame=lambda done, total: shown(folder.comparison.name, done, total, "frame"),
        )
        try:
            check_extra()
        except InputError as error:
            # Without the page, what has been written is still worth having.
            display.clear()
            click.echo(f"fit-image: {error}", err=True)
            return
        write_report(
            folder,
            outcomes,
            on_step=lambda done, total: shown(folder.report.name, done, total, "trial"),
        )
    click.echo(folder.report)
