"""``fit-image autoencode grid``: held-out pictures above their reconstructions."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.output_guard import check_output
from fit_image.cli.common.signals import Signals


@click.command("grid", short_help="Draw held-out pictures above their reconstructions.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("grid.png"),
    show_default=True,
    metavar="FILE",
    help="File to write; its suffix sets the format.",
)
@click.option(
    "--columns",
    type=click.IntRange(min=1, max=1000),
    default=16,
    show_default=True,
    metavar="N",
    help="Number of pictures, at most those held out.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**63 - 1),
    metavar="N",
    show_default="that of RUN, as in its frames",
    help="Seed of the choice of held-out pictures.",
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
    """Draw a row of held-out pictures above their reconstructions.

    RUN is the folder of a training run; its training pictures must not have moved.
    """
    from fit_image.apps.autoencode.contact_sheet import choose, draw_sheet
    from fit_image.apps.autoencode.directory import AutoencoderDirectory
    from fit_image.apps.autoencode.model import AutoencoderModel
    from fit_image.apps.autoencode.train_test_split import load_held_out
    from fit_image.images.io import check_image_suffix, save_image
    from fit_image.storage.atomic import check_destination

    signals.act_at_once()
    check_image_suffix(output)
    check_destination(output)
    check_output(AutoencoderDirectory, run, output)
    folder = AutoencoderDirectory.open(run)
    model = AutoencoderModel.load(run)
    held_out = load_held_out(folder)
    chosen = choose(held_out, columns, folder.manifest.config.seed if seed is None else seed)
    save_image(output, draw_sheet(model, chosen, threads=threads))
    click.echo(output)
