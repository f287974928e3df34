"""``fit-image autoencode grid``: held-out pictures, and what a network makes of them."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.output_guard import check_spared
from fit_image.cli.common.signals import Signals


@click.command("grid", short_help="Draw held-out pictures, and redrawn below.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("grid.png"),
    show_default=True,
    metavar="FILE",
    help="File to write; the suffix chooses the format.",
)
@click.option(
    "--columns",
    type=click.IntRange(min=1, max=1000),
    default=16,
    show_default=True,
    metavar="N",
    help="Pictures; fewer if fewer were held out.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**63 - 1),
    metavar="N",
    show_default="that of the training, as in its frames",
    help="Chooses among the held-out pictures.",
)
@options.threads_option("all cores")
@click.pass_obj
def command(
    signals: Signals,
    /,
    run: Path,
    output: Path,
    columns: int,
    seed: int | None,
    threads: int | None,
) -> None:
    """Draw held-out pictures in a row, and below what the network makes of them.

    RUN is the folder of a training, whose pictures must still be where they were.
    """
    from fit_image.apps.autoencode.folder import AutoencoderFolder
    from fit_image.apps.autoencode.model import AutoencoderModel
    from fit_image.apps.autoencode.pictures import load_held_out
    from fit_image.apps.autoencode.sheet import choose, draw_sheet
    from fit_image.atomic import check_destination
    from fit_image.image import check_image_suffix, save_image

    signals.act_at_once()
    check_image_suffix(output)
    check_destination(output)
    check_spared(AutoencoderFolder, run, output)
    folder = AutoencoderFolder.open(run)
    model = AutoencoderModel.load(run)
    held_out = load_held_out(folder)
    chosen = choose(held_out, columns, folder.recipe.seed if seed is None else seed)
    save_image(output, draw_sheet(model, chosen, threads=threads))
    click.echo(output)
