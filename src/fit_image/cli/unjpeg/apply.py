"""``fit-image unjpeg apply``: restore a picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.display import Step, make_display
from fit_image.cli.common.output_guard import check_apart, check_spared
from fit_image.cli.common.signals import Signals
from fit_image.cli.unjpeg.model_argument import network_and
from fit_image.errors import InputError

_QUALITY = 85
"""Of a picture that is no JPEG, and may have been one."""


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
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    metavar="N",
    show_default="as the file says, or 85",
    help="Of the JPEG: chooses between the networks that come with the package.",
)
@click.option(
    "--strength",
    type=options.Real(0, 1),
    metavar="X",
    show_default="1, less for a quality above 92",
    help="Which share of what the network would change is changed, 0 to 1.",
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
    quality: int | None,
    strength: float | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Remove what JPEG compression has done to PICTURE.

    RUN is the folder of a training, or a model file; without one, it is a network that comes with
    the package, one for a quality from 65 on, one for a lower one. EXIF data (of JPEG, PNG and
    WebP files), the colour profile and transparency stay as they are.
    """
    from fit_image.apps.unjpeg.folder import UnjpegFolder
    from fit_image.apps.unjpeg.model import SHIPPED_SUBSAMPLING, Restorer
    from fit_image.apps.unjpeg.restoring import (
        check_side_by_side,
        kept_of,
        read_picture,
        restore,
        side_by_side,
    )
    from fit_image.atomic import check_destination
    from fit_image.image import check_image_suffix, check_image_target, save_image

    signals.act_at_once()
    model, picture = network_and(paths, "PICTURE")
    output = output or Path(f"{picture.stem}-restored.png")
    targets = [output, *([compare] if compare else [])]
    for target in targets:
        check_image_suffix(target)
        check_destination(target)
        check_spared(UnjpegFolder, model, target, picture)
    check_apart(output, compare, "--compare")
    damaged = read_picture(picture)
    if model is None:
        if damaged.subsampling not in (None, SHIPPED_SUBSAMPLING) and strength is None:
            raise InputError(
                f"{picture} has colours of {damaged.subsampling}, and the networks that come with "
                f"the package know {SHIPPED_SUBSAMPLING} only: train one with --subsampling, or "
                "give --strength to use them all the same"
            )
        restorer = Restorer.shipped(
            quality or damaged.quality or _QUALITY, grey=damaged.image.mode == "L"
        )
    elif quality is None:
        restorer = Restorer.load(model)
    else:
        raise click.UsageError("--quality chooses between the networks that come with the package.")
    kept = kept_of(damaged.image, output)
    check_image_target(output, *damaged.image.size, len(damaged.image.getbands()))
    if compare:
        check_side_by_side(damaged.image, compare)
    if strength is not None:
        restorer = replace(restorer, strength=strength)
    with make_display(quiet) as display:
        restored = restore(
            damaged.image,
            restorer,
            threads=threads,
            on_rows=lambda done, total: display.step(Step(done / total, (picture.name,))),
        )
    save_image(output, restored, **kept)
    if compare:
        save_image(compare, side_by_side(damaged.image, restored))
    if as_json:
        width, height = restored.size
        click.echo(json.dumps({"output": str(output), "width": width, "height": height}))
    else:
        for target in targets:
            click.echo(target)
