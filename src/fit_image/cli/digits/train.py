"""``fit-image digits train DATA``: train a generator, record it, animate it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.apps.digits.recipe import LIMITS, Recipe
from fit_image.cli.display import left_out, make_display
from fit_image.cli.recipe_options import (
    is_given,
    recipe_of,
    recipe_options,
    session_options,
    training_options,
)
from fit_image.cli.recipe_session import earlier_folder, record
from fit_image.cli.session import announcing_compilation
from fit_image.cli.signals import Signals
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.apps.digits.folder import Source
    from fit_image.apps.digits.game import Figures
    from fit_image.labelled import LabelledPictures

_HELPS = {
    "batch_size": "Pictures of a batch; all steps of a round learn from the same one.",
    "learning_rate": "Learning rate of Adam, for all networks.",
    "beta1": "What Adam keeps of the mean gradient at a step, 0 to 1.",
    "clip": "Norm of a gradient at most.",
    "latent": "Numbers from which a picture is drawn.",
    "units": "Units of a layer of the generator.",
    "blocks": "Residual blocks of the generator.",
    "block_layers": "ReLU layers in a block; a tanh layer follows.",
    "scale": "x and y run from minus to plus this; the latent numbers are multiplied by it.",
    "encoder_units": "Units of the encoder's two hidden layers.",
    "keep": "Share of these that dropout keeps.",
    "maps": "Maps of the classifier's first convolution; the next have twice and four times as "
    "many.",
    "crop": "Rows and columns that a random crop takes off a picture.",
    "real_weight": "Weight of the classifier's loss on real pictures.",
    "fake_weight": "Weight of its loss on generated ones.",
    "divergence_weight": "Weight of the Kullback-Leibler divergence a pixel.",
    "generator_steps": "Steps of the generator in a round, at most.",
    "generator_goal": "Share of its pictures taken for real ones of their class that ends them.",
    "good_generator": "Share from which on the classifier learns, if it is behind.",
    "classifier_steps": "Steps of the classifier in a round, at most.",
    "fake_behind": "It is behind if it recognises a smaller share of generated pictures.",
    "fake_goal": "Share of them that ends its steps.",
    "real_behind": "It learns from real pictures alone if it recognises a smaller share of them.",
    "real_goal": "Share of them that ends these steps.",
    "average": "What the networks that draw keep of their average over the steps, such as 0.999; 0 "
    "for none.",
    "seed": "Of the first weights, the order of pictures, and all else that is left to chance.",
}


@click.command("train", short_help="Train a generator.")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@training_options(output="digits", epochs=6, epochs_help="Passes over all pictures.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="all",
    help="Train on so many pictures, chosen by chance.",
)
@click.option(
    "--channels",
    type=click.Choice(["grey", "rgb"]),
    default="grey",
    show_default=True,
    help="What is learned of a picture.",
)
@recipe_options(Recipe, _HELPS, limits=LIMITS)
@session_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    data: Path,
    output: Path,
    epochs: int,
    limit: int | None,
    channels: str,
    fps: float,
    resume: bool,
    overwrite: bool,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train a network to draw pictures like those in DATA, of every class.

    DATA is a folder with IDX files, as MNIST comes in, or with one folder of pictures a class. The
    generator plays against a classifier, which learns to tell real pictures from generated ones.
    """
    signals: Signals = ctx.obj
    display = make_display(quiet)

    from fit_image.apps.digits.folder import DigitFolder
    from fit_image.apps.digits.record import DigitRecording
    from fit_image.apps.digits.trainer import DigitTrainer
    from fit_image.labelled import load_labelled
    from fit_image.recipe_folder import Stage

    earlier = earlier_folder(DigitFolder, output, data, resume=resume, overwrite=overwrite)
    recipe = recipe_of(ctx, Recipe, given, earlier.recipe if earlier else None)
    if earlier:
        epochs = epochs if is_given(ctx, "epochs") else earlier.epochs
        limit = limit if is_given(ctx, "limit") else earlier.source.limit
        channels = channels if is_given(ctx, "channels") else earlier.source.channels
    signals.check()
    labelled = _limited(load_labelled(data, channels=channels), limit, recipe.seed)
    if labelled.skipped:
        display.message(left_out(labelled.skipped, data))
    signals.check()
    source = _source(data, labelled, channels, limit)
    if earlier:
        earlier.check_resumable(source, recipe)
    with announcing_compilation(display):
        trainer = DigitTrainer(labelled, recipe, threads=threads)
        trainer.warm_up()
    folder = earlier or DigitFolder(output, source, [Stage(0, 0, recipe)], epochs)
    folder.epochs = epochs
    record(
        ctx,
        DigitRecording,
        folder,
        trainer,
        source,
        display,
        command=("digits", "train"),
        data=data,
        earlier=earlier is not None,
        overwrite=overwrite,
        fps=fps,
        as_json=as_json,
        parts=_parts,
        advice="try another --seed, with --overwrite or another -o",
    )


def _limited(labelled: LabelledPictures, limit: int | None, seed: int) -> LabelledPictures:
    import numpy as np

    count = len(labelled.labels)
    if limit is None or limit >= count:
        return labelled
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:limit])
    labels = labelled.labels[chosen]
    missing = set(range(len(labelled.names))) - set(labels.tolist())
    if missing:
        raise InputError(
            f"--limit {limit} leaves no picture of class {labelled.names[missing.pop()]}: give more"
        )
    return replace(labelled, pictures=labelled.pictures[chosen], labels=labels)


def _source(data: Path, labelled: LabelledPictures, channels: str, limit: int | None) -> Source:
    from fit_image.apps.digits.folder import Source

    count, height, width, _ = labelled.pictures.shape
    path = str(data.absolute())
    names = labelled.names
    return Source(path, labelled.sha256, count, width, height, names, channels, limit)


def _parts(figures: Figures) -> tuple[str, ...]:
    return (
        f"{figures.generator_accuracy:.0%} pass",
        f"{figures.fake_accuracy:.0%} found out",
    )
