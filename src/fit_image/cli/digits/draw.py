"""``fit-image digits draw``: one picture of a class, at any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fit_image.cli.common.config_options import is_given
from fit_image.cli.common.drawing import draw_strips
from fit_image.cli.common.options import quiet_option
from fit_image.cli.common.picture_files import output_file, written
from fit_image.cli.common.picture_options import (
    check_network,
    check_target,
    output_option,
    size_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.digits.drawing_options import drawing_options, load_model
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import make_display
from fit_image.cli.export import check_export, export_network, is_export


@click.command("draw", short_help="Draw a digit at any size.")
@click.option("--label", required=True, metavar="NAME", help="Class of the picture, such as 7.")
@size_option("1080x1080")
@output_option(
    "<LABEL>.png",
    "Picture to write; its suffix sets the format. Or the network, beginning with this digit, as "
    "fit-image export writes it: .html, .glsl, .onnx, .safetensors or .py.",
)
@drawing_options
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    run: Path | None,
    shipped: str | None,
    label: str,
    size: tuple[int, int],
    output: Path | None,
    spread: float,
    paper: str,
    seed: int,
    quiet: bool,
    **options: Any,
) -> None:
    """Draw a digit that nobody has written, at any size.

    RUN is the folder of a training run, or its model.npz. Default: a model that comes with
    fit-image.
    """
    import numpy as np

    from fit_image.apps.digits.directory import DigitsDirectory
    from fit_image.images.io import Canvas, check_image_target, save_image

    signals: Signals = ctx.obj
    signals.act_at_once()
    if output and is_export(output) and is_given(ctx, "size"):
        raise click.UsageError("--size is for pictures: a network has none.")
    check_network(run, DigitsDirectory)
    model = load_model(run, shipped)
    index = model.label(label)
    (latents,) = model.sample([index], np.random.default_rng(seed), spread)
    if output and is_export(output):
        from fit_image.apps.export.subject import digits_subject

        check_export(DigitsDirectory, run, output)
        subject = digits_subject(
            model,
            label,
            label=index,
            latents=latents,
            spread=spread,
            scale=options["scale"],
            paper=paper,
        )
        export_network(subject, output, quiet)
        return
    width, height = size
    output = output or Path(f"{label}.png")
    file = output_file(output)
    check_image_target(file, width, height, model.channels)
    check_target(DigitsDirectory, run, file)
    canvas = Canvas(width, height, model.channels)
    with make_display(quiet) as display, announcing_compilation(display):
        strips = model.render_strips(latents, width, height, **options)
        on_paper = ((top, model.on_paper(strip, paper)) for top, strip in strips)
        draw_strips(canvas, on_paper, display)
        save_image(file, canvas.image)
    written(output, file)
