"""``fit-image autoencode apply``: redrawn pictures."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.display import make_display
from fit_image.cli.common.picture_options import check_output, output_option
from fit_image.cli.common.signals import Signals
from fit_image.errors import InputError


@click.command("apply", short_help="Redraw pictures.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument(
    "pictures", metavar="PICTURES...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@output_option(
    Path(),
    "Folder for <PICTURE>-redrawn.png; for a single picture also a file, whose suffix sets the "
    "format.",
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

    RUN is the folder of a training run, or its model.npz. Pictures are scaled and cropped to the
    size of the training pictures.
    """
    import numpy as np

    from fit_image.apps.autoencode.directory import AutoencoderDirectory
    from fit_image.apps.autoencode.model import AutoencoderModel
    from fit_image.images.io import check_image_suffix, load_image, save_image, to_uint8
    from fit_image.images.scaling import crop_and_resize
    from fit_image.storage.atomic import check_destination

    signals.act_at_once()
    targets = _targets(pictures, output)
    for target in targets:
        check_image_suffix(target)
        if target.parent != output or output.is_dir():
            check_destination(target)
        check_output(AutoencoderDirectory, run, target, *pictures)
    model = AutoencoderModel.load(run)
    width, height = model.size
    display = make_display(quiet)
    inputs, notes = [], []
    for picture in pictures:
        levels = to_uint8(load_image(picture, channels=model.channels).levels)
        inputs.append(crop_and_resize(levels, width, height))
        rows, columns, _ = levels.shape
        if (columns, rows) != (width, height):
            scaled = f"scaled and cropped from {columns}x{rows} to {width}x{height}"
            notes.append(f"{picture}: {scaled}")
    drawn = to_uint8(model.redraw(np.stack(inputs), threads=threads))
    for note in notes:
        display.message(note)
    if targets[0].parent == output:
        if output.exists() and not output.is_dir():
            raise InputError(f"cannot use {output}: it is not a folder")
        output.mkdir(parents=True, exist_ok=True)
    for target, picture in zip(targets, drawn, strict=True):
        save_image(target, picture)
        click.echo(target)


def _targets(pictures: tuple[Path, ...], output: Path) -> list[Path]:
    if output.suffix and not output.is_dir():
        if len(pictures) > 1:
            raise InputError(f"{len(pictures)} pictures do not fit in {output}: choose a folder")
        return [output]
    targets = [output / f"{picture.stem}-redrawn.png" for picture in pictures]
    for index, target in enumerate(targets):
        if target in targets[:index]:
            raise InputError(f"two pictures would be {target}: redraw one at a time")
    return targets
