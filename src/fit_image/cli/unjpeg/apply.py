"""``fit-image unjpeg apply``: restore a picture."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fit_image.cli import options
from fit_image.cli.display import Step, make_display
from fit_image.cli.signals import Signals
from fit_image.cli.unjpeg.model_argument import network_and
from fit_image.errors import InputError


@click.command("apply", short_help="Restore a picture.")
@click.argument("paths", metavar="[RUN] PICTURE", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    show_default="<PICTURE>-restored.png",
    help="The restored picture; the suffix chooses the format.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="FILE",
    show_default="none",
    help="The picture as it was and restored, side by side.",
)
@options.threads_option("all cores")
@options.json_option
@options.quiet_option
@click.pass_obj
def command(
    signals: Signals,
    /,
    paths: tuple[Path, ...],
    output: Path | None,
    compare: Path | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Remove what JPEG compression has done to PICTURE.

    RUN is the folder of a training, or a model file; without one, it is the network that comes with
    the package. EXIF data, the colour profile and transparency stay as they are.
    """
    from fit_image.apps.unjpeg.model import Restorer
    from fit_image.apps.unjpeg.restoring import kept_of, restore_file
    from fit_image.atomic import check_destination
    from fit_image.image import check_image_suffix, save_image

    signals.act_at_once()
    model, picture = network_and(paths, "PICTURE")
    output = output or Path(f"{picture.stem}-restored.png")
    targets = [output, *([compare] if compare else [])]
    for target in targets:
        check_image_suffix(target)
        check_destination(target)
        if target.exists() and picture.exists() and target.samefile(picture):
            raise InputError(f"{target} is the picture itself: give another name")
    if compare and compare.absolute() == output.absolute():
        raise InputError("--compare and -o name the same file: give another name")
    restorer = Restorer.load(model)
    with make_display(quiet) as display:
        restored = restore_file(
            picture,
            restorer,
            threads=threads,
            on_rows=lambda done, total: display.step(Step(done / total, (picture.name,))),
        )
    save_image(output, restored.picture, **kept_of(restored.before))
    if compare:
        save_image(compare, restored.side_by_side())
    if as_json:
        width, height = restored.picture.size
        click.echo(json.dumps({"output": str(output), "width": width, "height": height}))
    else:
        for target in targets:
            click.echo(target)
