"""``fit-image sheet``: frames of runs on a labelled contact sheet."""

from __future__ import annotations

import re
from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.picture_files import output_file, written
from fit_image.cli.common.picture_options import output_option
from fit_image.cli.common.signals import Signals
from fit_image.errors import InputError


def _epochs(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(re.fullmatch("[0-9]{1,9}", word) for word in words):
        raise InputError(f"{text!a} is not a list of epochs such as 1,5,20,100.")
    return tuple(dict.fromkeys(map(int, words)))


@click.command("sheet")
@click.argument("paths", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--epochs",
    type=options.Parsed("epochs", _epochs),
    metavar="N,...",
    show_default="four, in equal ratios from 1 to the last",
    help="Epochs to show, separated by commas; 0 is the untrained network.",
)
@output_option(
    Path("sheet.png"),
    "Picture to write; the suffix chooses the format; - for a PNG on standard output.",
)
@click.pass_obj
def command(
    signals: Signals, /, paths: tuple[Path, ...], epochs: tuple[int, ...] | None, output: Path
) -> None:
    """Lay out the frames of runs after some epochs on a labelled contact sheet.

    RUN is the folder of a run, of any command that trains, or a folder of frames; of a sweep, all
    its trials are shown. Runs are columns and epochs rows; of a single run, epochs are columns.
    """
    from fit_image.apps.frame_sheet import FrameSheet, check_epochs, read_runs, usual_epochs
    from fit_image.apps.run_kinds import kind_of
    from fit_image.images.io import check_image_target, save_image
    from fit_image.storage.atomic import check_destination

    signals.act_at_once()
    file = output_file(output)
    check_destination(file)
    runs = read_runs(paths)
    for path in paths:
        kind = kind_of(path) if path.is_dir() else None
        if kind:
            kind.check_output(path, file)
    if any(file.exists() and file.samefile(frame) for run in runs for frame in run.frames.values()):
        raise InputError(f"{file} is one of the frames: give another name")
    if epochs:
        check_epochs(runs, epochs)
    sheet = FrameSheet(runs, epochs or usual_epochs(runs))
    check_image_target(file, *sheet.size)
    save_image(file, sheet.draw())
    written(output, file)
