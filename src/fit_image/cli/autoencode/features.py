"""``fit-image autoencode features``: the codes of many pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fit_image.cli.autoencode.data import notes_about, reading
from fit_image.cli.common import options
from fit_image.cli.common.picture_options import check_network, check_target, output_option
from fit_image.cli.common.signals import Signals
from fit_image.cli.display.displays import make_display
from fit_image.errors import InputError


@click.command("features", short_help="Write the codes of many pictures.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@output_option(Path("features.npz"), "File to write, .npz.")
@options.threads_option("all cores")
@options.quiet_option
@click.pass_obj
def command(
    signals: Signals, /, run: Path, data: Path, output: Path, threads: int | None, quiet: bool
) -> None:
    """Write the codes of all pictures in DATA: an array 'codes' (float32, one row per picture).

    RUN is the folder of a training run, or its model.npz. DATA is of any kind that 'train' reads;
    pictures are scaled and cropped to the size of the training pictures. If DATA has classes, they
    are written as 'labels' and 'names'.
    """
    import numpy as np

    from fit_image.apps.autoencode.directory import AutoencoderDirectory
    from fit_image.apps.autoencode.model import AutoencoderModel
    from fit_image.datasets.arrays import load_picture_data
    from fit_image.storage.atomic import atomic_path

    signals.act_at_once()
    check_network(run, AutoencoderDirectory)
    if output.suffix != ".npz":
        raise InputError(f"cannot write {output}: the suffix must be .npz")
    check_target(AutoencoderDirectory, run, output, data)
    model = AutoencoderModel.load(run)
    with make_display(quiet) as display:
        loaded = load_picture_data(
            data, size=model.size, channels=model.channels, on_file=reading(display)
        )
    for line in notes_about(loaded, data):
        display.message(line)
    arrays: dict[str, Any] = {"codes": model.encode(loaded.pictures, threads=threads)}
    if loaded.labels is not None:
        arrays["labels"] = loaded.labels
    if loaded.names:
        arrays["names"] = np.array(loaded.names)
    with atomic_path(output) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
    click.echo(output)
