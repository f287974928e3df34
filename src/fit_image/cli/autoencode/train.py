"""``fit-image autoencode train DATA``: train a network, record it, animate it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.apps.autoencode.recipe import (
    ACTIVATIONS,
    BOTTLENECK,
    CONVOLUTIONAL_RATE,
    DENSE_RATE,
    LARGEST_LAYER,
    LIMITS,
    RULES,
    Recipe,
)
from fit_image.cli import options
from fit_image.cli.autoencode.data import reading, report_left_out
from fit_image.cli.display import counted, make_display
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

if TYPE_CHECKING:
    from fit_image.apps.autoencode.pictures import Lesson
    from fit_image.apps.autoencode.trainer import AutoencoderTrainer, Figures
    from fit_image.cli.display import Display

_HELPS = {
    "bottleneck": "Numbers of the code that a picture is squeezed into.",
    "hidden": "Units of the layers before the code, such as 512,256; those after it mirror them.",
    "tied": "Give the decoder the encoder's weights, turned round.",
    "conv": "A convolutional network: 3x3 filters and pooling, twice, and the mirror of that.",
    "filters": "Filters of each of its convolutions.",
    "activation": "Of the hidden layers and convolutions.",
    "code_activation": "Of the units of the code.",
    "raw": "Show the network pictures as they are, without subtracting the mean of all.",
    "batch_size": "Pictures of a step; the last batch of an epoch has what remains.",
    "learning_rate": "Learning rate of Adam.",
    "weight_decay": "Share of the weights, times the learning rate, that a step takes off (AdamW).",
    "mirror": "Turn pictures left to right by chance.",
    "shift": "Shift pictures by chance, by so many pixels at most.",
    "seed": "Of the first weights, of the pictures that are held out, and of all that is left to "
    "chance.",
}


class Units(click.ParamType):
    """Units of layers, such as ``512,256``."""

    name = "units"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Convert each."""
        if isinstance(value, tuple):
            return value
        if value.strip().lower() == "none":
            return ()
        try:
            units = tuple(int(text) for text in value.split(","))
        except ValueError:
            units = (0,)
        if min(units) < 1:
            self.fail(f"{value!r} is not numbers of units, such as 512,256, or none", param, ctx)
        return units


_TYPES = {
    "bottleneck": click.IntRange(1, LARGEST_LAYER),
    "hidden": Units(),
    "activation": click.Choice(ACTIVATIONS),
    "code_activation": click.Choice(ACTIVATIONS),
}

_SHOWN = {
    "bottleneck": f"{BOTTLENECK}; with --conv, the pooled maps",
    "hidden": "none",
    "learning_rate": f"{DENSE_RATE}; with --conv, {CONVOLUTIONAL_RATE}",
}


@click.command("train", short_help="Train a network.")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@training_options(output="autoencoder", epochs=100, epochs_help="Passes over all pictures.")
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    metavar="DATA",
    show_default="a tenth of DATA",
    help="Pictures that figures and frames are made of, and nothing is learned from.",
)
@click.option(
    "--size",
    type=options.Size(),
    metavar="WxH",
    show_default="64x64 of files of pictures; else as the data are",
    help="Width and height that pictures are scaled and cropped to.",
)
@click.option(
    "--channels",
    type=click.Choice(["grey", "rgb"]),
    show_default="as the data are",
    help="What is learned of a picture.",
)
@recipe_options(Recipe, _HELPS, _TYPES, _SHOWN, RULES, LIMITS)
@session_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    data: Path,
    output: Path,
    epochs: int,
    test: Path | None,
    size: tuple[int, int] | None,
    channels: str | None,
    fps: float,
    resume: bool,
    overwrite: bool,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Train a network to redraw the pictures in DATA from a code of a few numbers.

    DATA is a folder of pictures, or of folders of pictures; an npz file with an array 'images'; an
    IDX file, or a folder of such; or a CIFAR-10 binary file (.bin), or a folder of such. A tenth of
    the pictures, chosen by chance, is held out: figures and frames are made of these.
    """
    signals: Signals = ctx.obj
    display = make_display(quiet)

    from fit_image.apps.autoencode.folder import AutoencoderFolder
    from fit_image.apps.autoencode.pictures import load_lesson
    from fit_image.apps.autoencode.record import AutoencoderRecording
    from fit_image.apps.autoencode.trainer import AutoencoderTrainer
    from fit_image.recipe_folder import Stage

    earlier = earlier_folder(AutoencoderFolder, output, data, resume=resume, overwrite=overwrite)
    recipe = recipe_of(ctx, Recipe, given, earlier.recipe if earlier else None)
    if earlier:
        old = earlier.source
        epochs = epochs if is_given(ctx, "epochs") else earlier.epochs
        size = size or (old.width, old.height)
        channels = channels or old.channels
        test = Path(old.test) if test is None and old.test is not None else test
    with signals.acting_at_once(), display:
        lesson = load_lesson(data, test, recipe.seed, size, channels, reading(display))
    source = lesson.source
    if earlier:
        earlier.check_resumable(source, recipe)
    with signals.acting_at_once(), announcing_compilation(display):
        trainer = AutoencoderTrainer(lesson.pictures, lesson.held_out, recipe, threads=threads)
        trainer.warm_up()
    _describe(display, data, lesson, trainer)
    folder = earlier or AutoencoderFolder(output, source, [Stage(0, 0, recipe)], epochs)
    folder.epochs = epochs
    record(
        ctx,
        AutoencoderRecording,
        folder,
        trainer,
        source,
        display,
        command=("autoencode", "train"),
        data=data,
        earlier=earlier is not None,
        overwrite=overwrite,
        fps=fps,
        as_json=as_json,
        parts=_parts,
        advice="try a smaller --lr, with --overwrite or another -o",
    )


def _describe(display: Display, data: Path, lesson: Lesson, trainer: AutoencoderTrainer) -> None:
    source, network = lesson.source, trainer.network
    report_left_out(display, lesson, data)
    if lesson.known:
        display.message(
            f"{lesson.known:,} of the {source.held_out:,} pictures of --test are learned from, too"
        )
    if lesson.fitted:
        display.message(
            f"{lesson.fitted:,} of {source.pictures + source.held_out:,} pictures are scaled and "
            f"cropped to {source.width}x{source.height}"
        )
    shape = "x".join(str(side) for side in network.code_shape)
    code = counted(network.code_size, "number") + f" ({shape})" * (len(network.code_shape) > 1)
    display.message(
        f"{counted(source.pictures, 'picture')} of {source.width}x{source.height} in "
        f"{source.channels}, {source.held_out:,} held out; "
        f"a code of {code} for the {trainer.mean.size:,} of a picture; "
        f"{network.chain.num_params:,} parameters"
    )


def _parts(figures: Figures) -> tuple[str, ...]:
    return (f"loss {figures.loss:.5f}",)
