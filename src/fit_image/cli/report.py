"""``fit-image report``: results of a run as a page, or of a sweep as tables, too."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.config_options import is_given
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import Display, ProgressStep, make_display
from fit_image.cli.sweep.options import BY_OPTION
from fit_image.cli.sweep.results import write_all
from fit_image.errors import InputError, one_line

_PARTS = ("spectra", "frames", "units")  # of the page of a run


@click.command("report", params=[BY_OPTION])
@options.path_argument("DIR")
@options.quiet_option
@click.pass_context
def command(ctx: click.Context, /, path: Path, by: str, quiet: bool) -> None:
    """Write the results of a run or a sweep as a page, report.html.

    Of a sweep, comparison.gif and tables are written, too.
    DIR is the folder of a run that learns a picture, or of a sweep, finished or not. The page opens
    in any browser, without an internet connection.
    """
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.run_kinds import check_kind, kind_of
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.results.outcome import read_outcomes
    from fit_image.apps.sweep.results.report import check_drawn

    ctx.obj.act_at_once()
    is_run = kind_of(path) is not None
    if is_run:
        check_kind(path, FitDirectory)
    if is_run and path.is_dir():
        if is_given(ctx, "by"):
            raise click.UsageError("--by is for sweeps, whose trials it synchronises.")
        with make_display(quiet) as display:
            page: Path | None = _write_run(path, display)
    else:
        check_kind(path, None)
        if not SweepDirectory.holds_sweep(path):
            raise InputError(
                f"{one_line(path)} is not the folder of a run that learns a picture, or of a "
                "sweep: it has no run.json and no sweep.json"
            )
        folder = SweepDirectory.open(path)
        outcomes = read_outcomes(folder)
        check_drawn(folder, outcomes)
        with make_display(quiet) as display:
            page = write_all(folder, outcomes, by, display, limited=False)
    if page:
        click.echo(page)


def _write_run(path: Path, display: Display) -> Path:
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.report.run.report import write_run_report

    def show(part: str) -> None:
        done = _PARTS.index(part) / len(_PARTS)
        display.step(ProgressStep(done, ("making report.html", part)))

    with announcing_compilation(display):
        return write_run_report(FitDirectory.open(path), on_part=show)
