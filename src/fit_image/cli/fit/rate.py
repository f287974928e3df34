"""``--find-lr``, ``--lr auto`` and ``--plot``: the learning rate, found before the training."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli.common.config_options import is_given
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import Display, ProgressStep
from fit_image.config.registry import AUTO_RATE

if TYPE_CHECKING:
    import numpy.typing as npt

    from fit_image.apps.lr_finder.find_lr import RateCurve
    from fit_image.config.fit import FitConfig

_EXCLUDED = ("resume", "overwrite", "watch", "serve")


def check_rate_options(ctx: click.Context, given: dict[str, Any]) -> None:
    """Raise a usage error if the options that find the learning rate contradict others."""
    if given["find_lr"]:
        if is_given(ctx, "learning_rate"):
            raise click.UsageError("--find-lr finds what --lr gives: leave one of them out.")
        for name in _EXCLUDED:
            if is_given(ctx, name):
                raise click.UsageError(f"--find-lr trains no run: it excludes --{name}.")
    elif given["plot"] is not None:
        if given["learning_rate"] != AUTO_RATE:
            raise click.UsageError("--plot draws what --find-lr or --lr auto tries: give one.")
        if given["resume"]:
            raise click.UsageError("--resume goes on with the --lr of its run: --plot has nothing.")


def check_plot(plot: Path | None, picture: Path, output: Path, animations: Iterable[str]) -> None:
    """Raise `InputError` if the chart cannot be written, or would replace something else.

    Parameters
    ----------
    plot : Path, optional
    picture : Path
        The one that is learned.
    output : Path
        The folder of the run.
    animations : iterable of str
        Names in that folder, or paths.
    """
    if plot is None:
        return
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.images.io import check_image_suffix
    from fit_image.storage.atomic import check_destination

    check_image_suffix(plot)
    check_destination(plot)
    if plot.exists() and picture.exists() and plot.samefile(picture):
        raise click.UsageError(f"--plot {plot} would replace the picture: give another name.")
    folder = plot.absolute().parent
    runs = [each for each in (folder, folder.parent) if FitDirectory.holds_run(each)]
    for run in (output, *runs):
        FitDirectory.check_output(run, plot)
    if plot.absolute() in [(output / name).absolute() for name in animations]:
        raise click.UsageError(f"--plot {plot} is an animation, too: give another name.")


def find_rate(
    levels: npt.NDArray[Any], fit: FitConfig, threads: int | None, display: Display
) -> RateCurve:
    """Find the learning rate for a picture, with progress."""
    from fit_image.apps.lr_finder.find_lr import curve_of
    from fit_image.apps.lr_finder.range_test import RangeTest

    def show(share: float) -> None:
        display.step(ProgressStep(share, ("finding the learning rate",)))

    with announcing_compilation(display) as compilation:
        test = RangeTest(levels, fit, threads=threads)
        compilation.total = test.kernels
        curve = curve_of(test, show)
    display.clear()
    return curve


def print_rate(curve: RateCurve, plot: Path | None, *, as_json: bool) -> None:
    """Print the rate as the option to paste, or all that was found as JSON."""
    if as_json:
        facts = {
            "learning_rate": curve.suggestion,
            "samples": curve.samples,
            "rates": curve.rates.tolist(),
            # JSON has no infinity.
            "losses": [loss if loss < float("inf") else None for loss in curve.losses.tolist()],
            "plot": None if plot is None else str(plot),
        }
        click.echo(json.dumps(facts))
    else:
        click.echo(f"--lr {curve.suggestion:g}")
