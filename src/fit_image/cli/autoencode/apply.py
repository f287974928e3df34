"""``fit-image autoencode apply``: redrawn pictures."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.autoencode.data import reading
from fit_image.cli.common import options
from fit_image.cli.common.picture_files import (
    STREAM,
    LeftOut,
    input_file,
    make_parent,
    output_file,
    picture_jobs,
    written,
)
from fit_image.cli.common.picture_options import check_network, check_target, output_option
from fit_image.cli.common.signals import Signals
from fit_image.cli.display.displays import make_display
from fit_image.errors import InputError


@click.command("apply", short_help="Redraw pictures.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument(
    "pictures", metavar="PICTURES...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@output_option(
    Path(),
    "Folder for <PICTURE>-redrawn.png; for a single picture also a file, whose suffix sets the "
    "format, or - for standard output.",
    "DIR|FILE",
)
@options.threads_option("all cores")
@options.quiet_option
@click.pass_obj
def command(
    signals: Signals,
    /,
    run: Path,
    pictures: tuple[Path, ...],
    output: Path,
    threads: int | None,
    quiet: bool,
) -> None:
    """Encode pictures, and redraw them from their codes.

    RUN is the folder of a training run, or its model.npz. PICTURES are files, folders, or - for
    standard input; they are scaled and cropped to the size of the training pictures. Damaged ones
    among several are left out, and the exit code is 1.
    """
    import numpy as np

    from fit_image.apps.autoencode.directory import AutoencoderDirectory
    from fit_image.apps.autoencode.model import AutoencoderModel
    from fit_image.images.colours import to_uint8
    from fit_image.images.io import check_image_suffix, load_image, save_image
    from fit_image.images.scaling import crop_and_resize

    signals.act_at_once()
    check_network(run, AutoencoderDirectory)
    several = len(pictures) > 1 or pictures[0].is_dir()
    jobs = picture_jobs(pictures, output, "redrawn")
    for target in (job.target for job in jobs if job.target != STREAM):
        check_image_suffix(target)
        if target.parent.is_dir() or target == output:  # else it will be made
            check_target(AutoencoderDirectory, run, target, *(() if several else pictures))
    model = AutoencoderModel.load(run)
    width, height = model.size
    inputs, targets = [], []
    with make_display(quiet) as display:
        show, left_out = reading(display), LeftOut(display)
        for index, job in enumerate(jobs):
            picture = job.source
            show(index, len(jobs))
            try:
                with input_file(picture) as file:
                    loaded = load_image(file, channels=model.channels)
            except InputError as error:
                if not several:
                    raise
                left_out.add(job, error)
                continue
            for remark in loaded.remarks:
                display.message(f"{picture}: {remark.text}")
            levels = to_uint8(loaded.levels)
            inputs.append(crop_and_resize(levels, width, height))
            targets.append(job.target)
            rows, columns, _ = levels.shape
            if (columns, rows) != (width, height):
                scaled = f"scaled and cropped from {columns}x{rows} to {width}x{height}"
                display.message(f"{picture}: {scaled}")
        drawn = to_uint8(model.redraw(np.stack(inputs), threads=threads)) if inputs else ()
        for target, levels in zip(targets, drawn, strict=True):
            make_parent(target)
            file = output_file(target)
            save_image(file, levels)
            written(target, file)
    left_out.finish(len(targets) + len(left_out.reasons))
