"""``fit-image autoencode grid``: held-out pictures above their reconstructions."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.picture_files import output_file, written
from fit_image.cli.common.picture_options import (
    check_network,
    check_target,
    columns_option,
    output_option,
    seed_option,
)
from fit_image.cli.common.signals import Signals


@click.command("grid", short_help="Draw held-out pictures above their reconstructions.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@output_option(Path("grid.png"))
@columns_option(16, "Number of pictures, at most those held out.")
@seed_option(None, "that of RUN, as in its frames", "Seed of the choice of held-out pictures.")
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
    from fit_image.apps.autoencode.directory import AutoencoderDirectory
    from fit_image.apps.autoencode.model import AutoencoderModel
    from fit_image.apps.autoencode.train_test_split import choose, load_held_out
    from fit_image.images.io import check_image_suffix, save_image

    signals.act_at_once()
    check_network(run, AutoencoderDirectory)
    file = output_file(output)
    check_image_suffix(file)
    check_target(AutoencoderDirectory, run, file)
    folder = AutoencoderDirectory.open(run)
    model = AutoencoderModel.load(run)
    held_out = load_held_out(folder)
    chosen = choose(held_out, columns, folder.manifest.config.seed if seed is None else seed)
    save_image(file, model.draw_sheet(chosen, threads=threads))
    written(output, file)
