"""``fit-image autoencode apply``: what a network makes of pictures."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli import options
from fit_image.cli.display import make_display
from fit_image.cli.signals import Signals
from fit_image.cli.sparing import check_spared
from fit_image.errors import InputError


@click.command("apply", short_help="Redraw pictures.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument(
    "pictures", metavar="PICTURES...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="the current folder",
    metavar="DIR|FILE",
    help="Folder to write <PICTURE>-redrawn.png to; of a single picture, also a file, whose suffix "
    "chooses the format.",
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
    """Squeeze pictures through a network's code, and draw what comes out.

    RUN is the folder of a training, or its model.npz. Pictures of another size than it has learned
    are scaled and cropped to that.
    """
    import numpy as np

    from fit_image.apps.autoencode.folder import AutoencoderFolder
    from fit_image.apps.autoencode.model import AutoencoderModel
    from fit_image.atomic import check_destination
    from fit_image.image import check_image_suffix, load_image, save_image, to_uint8
    from fit_image.scaling import crop_and_resize

    signals.act_at_once()
    targets = _targets(pictures, output)
    for target in targets:
        check_image_suffix(target)
        if target.parent != output:
            check_destination(target)
        check_spared(AutoencoderFolder, run, target, *pictures)
    model = AutoencoderModel.load(run)
    display = make_display(quiet)
    inputs, notes = [], []
    for picture in pictures:
        levels = to_uint8(load_image(picture, channels=model.channels).levels)
        inputs.append(crop_and_resize(levels, model.width, model.height))
        rows, columns, _ = levels.shape
        if (columns, rows) != (model.width, model.height):
            notes.append(
                f"{picture}: scaled and cropped from {columns}x{rows} to "
                f"{model.width}x{model.height}"
            )
    drawn = to_uint8(model.redraw(np.stack(inputs), threads=threads))
    for note in notes:
        display.message(note)
    if targets[0].parent == output:
        _make(output)
    for target, picture in zip(targets, drawn, strict=True):
        save_image(target, picture)
        click.echo(target)


def _targets(pictures: tuple[Path, ...], output: Path) -> list[Path]:
    if output.suffix and not output.is_dir():
        if len(pictures) > 1:
            raise InputError(f"{len(pictures)} pictures do not fit in {output}: give a folder")
        targets = [output]
    else:
        targets = [output / f"{picture.stem}-redrawn.png" for picture in pictures]
        for index, target in enumerate(targets):
            if target in targets[:index]:
                raise InputError(f"two pictures would be {target}: give one at a time")
    for target in targets:
        if target.is_dir():
            raise InputError(f"cannot write {target}: it is a folder")
    return targets


def _make(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"cannot use {folder}: it is not a folder")
    folder.mkdir(parents=True, exist_ok=True)
