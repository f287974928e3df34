"""``fit-image unjpeg train FOLDER``: train a network, record it, animate it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.apps.unjpeg.recipe import LEARNING_RATES, LIMITS, Recipe
from fit_image.cli.common import options
from fit_image.cli.common.display import left_out, make_display
from fit_image.cli.common.signals import Signals
from fit_image.cli.recipe_options import (
    is_given,
    recipe_of,
    recipe_options,
    session_options,
    training_options,
)
from fit_image.cli.recipe_session import earlier_folder, record
from fit_image.cli.session import announcing_compilation
from fit_image.components import SUBSAMPLINGS

if TYPE_CHECKING:
    from fit_image.apps.unjpeg.trainer import Figures

_HELPS = {
    "block": "Rows and columns of a patch, a multiple of 8.",
    "layers": "Units of the hidden layers, such as 4x2047 or 500,300.",
    "quality": "Of the JPEG pictures, 1 to 100, or a range such as 30-90.",
    "subsampling": "How much coarser than luma their colours are.",
    "difference": "Learn what to add to the JPEG, instead of the whole.",
    "optimizer": "Plain gradient descent, or Adam.",
    "learning_rate": "Of Adam; or of descent, divided by a layer's inputs. 0 for the default.",
    "batch_size": "Patches of a batch.",
    "patches": "Patches of an epoch.",
    "patience": "Epochs without a better validation error that end the training; 0 for no end.",
    "oversample": "Draw patches by their JPEG's error to this power; 0 for all alike.",
    "whiten": "Decorrelate the inputs: learning is faster by far with Adam and --difference.",
    "average": "What to keep of the network's mean over the steps, such as 0.999, which then is "
    "what counts; 0 for none.",
    "seed": "Of the first weights, the order of patches, and all else that is left to chance.",
}

_TYPES = {
    "layers": options.Layers(),
    "quality": options.Qualities(),
    "subsampling": click.Choice(list(SUBSAMPLINGS)),
    "optimizer": click.Choice(list(LEARNING_RATES)),
}

_SHOWN = {
    "layers": "4x2047",
    "learning_rate": ", ".join(f"{rate} of {name}" for name, rate in LEARNING_RATES.items()),
}


@click.command("train", short_help="Train a network.")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@training_options(output="unjpeg", epochs=100, epochs_help="Epochs at most; see --patience.")
@recipe_options(Recipe, _HELPS, _TYPES, _SHOWN, limits=LIMITS)
@session_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    folder: Path,
    output: Path,
    epochs: int,
    fps: float,
    resume: bool,
    overwrite: bool,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train a network to undo what JPEG does to pictures like those in FOLDER.

    FOLDER holds clean pictures, in folders of its own if you like; each is compressed in memory. A
    quarter of them is not learned from, but tells when to stop.
    """
    signals: Signals = ctx.obj
    display = make_display(quiet)

    from fit_image.apps.unjpeg.folder import Source, UnjpegFolder
    from fit_image.apps.unjpeg.pictures import split_folder
    from fit_image.apps.unjpeg.record import UnjpegRecording
    from fit_image.apps.unjpeg.trainer import PatchTrainer
    from fit_image.recipe_folder import Stage

    earlier = earlier_folder(UnjpegFolder, output, folder, resume=resume, overwrite=overwrite)
    recipe = recipe_of(ctx, Recipe, given, earlier.recipe if earlier else None)
    if earlier and not is_given(ctx, "epochs"):
        epochs = earlier.epochs
    with signals.acting_at_once():
        pictures = split_folder(folder, recipe)
    if pictures.skipped:
        display.message(left_out(pictures.skipped, folder, "no pictures, or too small"))
    source = Source(
        str(folder.absolute()),
        pictures.sha256,
        len(pictures.training),
        len(pictures.validation),
    )
    if earlier:
        earlier.check_resumable(source, recipe)
    counts = f"{source.training} to learn from, {source.validation} to validate"
    display.message(f"{counts}; measuring them")
    with signals.acting_at_once(), announcing_compilation(display):
        trainer = PatchTrainer(pictures, recipe, threads=threads)
        trainer.warm_up()
    run = earlier or UnjpegFolder(output, source, [Stage(0, 0, recipe)], epochs)
    run.epochs = epochs
    try:
        record(
            ctx,
            UnjpegRecording,
            run,
            trainer,
            source,
            display,
            command=("unjpeg", "train"),
            data=folder,
            earlier=earlier is not None,
            overwrite=overwrite,
            fps=fps,
            as_json=as_json,
            parts=_parts,
            advice="go on with --resume and a lower --lr",
        )
    finally:
        trainer.close()
        if damaged := set(pictures.damaged):  # a copy: another thread may still be reading
            display.message(left_out(damaged, folder, "damaged"))


def _parts(figures: Figures) -> tuple[str, ...]:
    if not figures.error or not figures.damage:
        return ()
    return (f"{20 * math.log10(figures.damage / figures.error):+.2f} dB over JPEG",)
