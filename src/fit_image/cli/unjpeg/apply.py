"""``fit-image unjpeg apply``: restoration of a picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fit_image.cli.common import options
from fit_image.cli.common.display import ProgressStep, make_display
from fit_image.cli.common.picture_options import (
    check_distinct,
    check_target,
    output_option,
    quality_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.unjpeg.model_argument import split_model
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.apps.unjpeg.restoring import DamagedPicture

_DEFAULT_QUALITY = 85
"""Assumed for pictures that are not JPEG files, but may have been."""


@click.command("apply", short_help="Restore a picture.")
@click.argument("paths", metavar="[RUN] PICTURE", nargs=-1, type=click.Path(path_type=Path))
@output_option("<PICTURE>-restored.png", "Restored picture to write; its suffix sets the format.")
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="FILE",
    show_default="none",
    help="Picture to write with the input and the restored picture side by side.",
)
@quality_option(
    None,
    "that of the file, or 85",
    "JPEG quality, which selects one of the networks that come with fit-image.",
)
@click.option(
    "--strength",
    type=options.Real(0, 1),
    metavar="X",
    show_default="1, less for a quality above 92",
    help="Strength of the restoration, 0 (none) to 1 (full).",
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
    """Remove JPEG artefacts from PICTURE.

    RUN is the folder of a training run, or a model file. Default: one of two networks that come
    with fit-image, for qualities below 65 and from 65 on. EXIF and XMP data, comment, colour
    profile, resolution and transparency are kept.
    """
    from fit_image.apps.unjpeg.directory import UnjpegDirectory
    from fit_image.apps.unjpeg.model import SHIPPED_SUBSAMPLING, Restorer
    from fit_image.apps.unjpeg.restoring import (
        check_restored,
        check_side_by_side,
        read_picture,
        restore,
        save_restored,
        side_by_side,
    )
    from fit_image.images.io import check_image_suffix, save_image

    signals.act_at_once()
    model, picture = split_model(paths, "PICTURE")
    output = output or Path(f"{picture.stem}-restored.png")
    targets = [output, *([compare] if compare else [])]
    for target in targets:
        check_image_suffix(target)
        check_target(UnjpegDirectory, model, target, picture)
    check_distinct(output, compare, "--compare")
    damaged = read_picture(picture)
    if model is None:
        if damaged.subsampling not in (None, SHIPPED_SUBSAMPLING) and strength is None:
            raise InputError(
                f"{picture} has {damaged.subsampling} chroma subsampling, but the networks that "
                f"come with fit-image are for {SHIPPED_SUBSAMPLING}: train one with --subsampling, "
                "or give --strength to use them anyway"
            )
        restorer = Restorer.shipped(
            quality or damaged.quality or _DEFAULT_QUALITY, grey=damaged.image.mode == "L"
        )
    elif quality is None:
        restorer = Restorer.load(model)
    else:
        raise click.UsageError("--quality selects a network of fit-image: it excludes RUN.")
    check_restored(damaged, output)
    if compare:
        check_side_by_side(damaged, compare)
    if strength is not None:
        restorer = replace(restorer, strength=strength)
    with make_display(quiet) as display:
        if remark := _remark(picture, damaged, model, quality):
            display.message(remark)
        restored = restore(
            damaged.image,
            restorer,
            threads=threads,
            on_rows=lambda done, total: display.step(ProgressStep(done / total, (picture.name,))),
        )
    width, height = save_restored(output, damaged, restored)
    if compare:
        save_image(compare, side_by_side(damaged, restored))
    if as_json:
        click.echo(json.dumps({"output": str(output), "width": width, "height": height}))
    else:
        for target in targets:
            click.echo(target)


def _remark(
    picture: Path, damaged: DamagedPicture, model: Path | None, quality: int | None
) -> str | None:
    """Return a line about a picture unlike those that the network was trained on, if known."""
    if damaged.quality is None:
        changed = f"{picture} is not a JPEG file: it is changed as if it had been"
        if model:
            return changed
        return f"{changed} one of quality {quality or f'{_DEFAULT_QUALITY} (--quality)'}"
    known = _run_subsampling(model) if model and damaged.subsampling else None
    if known and known != damaged.subsampling:
        return (
            f"{picture} has {damaged.subsampling} chroma subsampling, but {model} was trained on "
            f"{known}: it may get worse"
        )
    return None


def _run_subsampling(model: Path) -> str | None:
    """Return the chroma subsampling that a network was trained on, if it is in its run's folder."""
    from fit_image.apps.unjpeg.directory import UnjpegDirectory

    folder = model if model.is_dir() else model.parent
    if not UnjpegDirectory.holds_run(folder):
        return None
    return UnjpegDirectory.open(folder).manifest.config.subsampling
