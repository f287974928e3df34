"""``fit-image digits encode``: the latent vector of a picture, and the drawing of it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.left_out import with_remarks
from fit_image.cli.common.picture_files import (
    STREAM,
    input_file,
    output_file,
    shown_stem,
    written,
)
from fit_image.cli.common.picture_options import (
    check_network,
    check_target,
    output_option,
    size_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.digits.drawing_options import paper_option
from fit_image.cli.display.displays import make_display


@click.command("encode", short_help="Draw a digit like one in a picture.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("picture", metavar="PICTURE", type=click.Path(path_type=Path))
@output_option("<PICTURE>-drawn.png", "Drawing to write; its suffix sets the format.")
@size_option("1080x1080")
@paper_option
@options.json_option
@click.pass_obj
def command(
    signals: Signals,
    /,
    run: Path,
    picture: Path,
    output: Path | None,
    size: tuple[int, int],
    paper: str,
    as_json: bool,
) -> None:
    """Encode a picture as the latent vector of a generator, and draw it.

    RUN is the folder of a training run. PICTURE is scaled to the size of the training pictures, and
    inverted if its background is the opposite of theirs.
    """
    from fit_image.apps.digits.directory import DigitsDirectory
    from fit_image.apps.digits.encoding import encode_picture
    from fit_image.images.io import check_image_target, save_image

    signals.act_at_once()
    check_network(run, DigitsDirectory)
    output = output or Path(f"{shown_stem(picture)}-drawn.png")
    file = output_file(output)
    width, height = size
    check_image_target(file, width, height)
    check_target(DigitsDirectory, run, file, picture)
    with input_file(picture) as source:
        encoded = encode_picture(run, source)
    display = make_display(quiet=False)
    for remark in encoded.remarks:
        display.message(f"{picture}: {remark}")
    drawn = encoded.model.draw_sheet([encoded.latents[None]], width, height, paper=paper)
    save_image(file, drawn)
    if output == STREAM or not as_json:
        written(output, file)
    if as_json:
        facts = {
            "output": str(output),
            "nearest": encoded.nearest,
            "latents": [round(float(number), 6) for number in encoded.latents],
            "deviations": [round(float(number), 6) for number in encoded.deviations],
        }
        click.echo(json.dumps(with_remarks(facts, encoded.remarks)), err=output == STREAM)
