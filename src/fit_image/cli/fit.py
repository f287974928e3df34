"""``fit-image IMAGE``: teach a network, record it, animate it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from fit_image.cli import options, session
from fit_image.cli.display import make_display
from fit_image.cli.signals import Signals
from fit_image.components import (
    ACTIVATIONS,
    CHANNELS,
    INITS,
    LOSSES,
    OPTIMIZERS,
    OUTPUT_ACTIVATIONS,
    SAMPLINGS,
    SCHEDULES,
)
from fit_image.config import MOST_EPOCHS, FitConfig, ImageConfig, RecordConfig
from fit_image.errors import InputError
from fit_image.notation import LARGEST_RATE, parse_init
from fit_image.presets import PRESETS, preset_config

if TYPE_CHECKING:
    from fit_image.apps.trainer import Trainer
    from fit_image.run import RunFolder

NO_ANIMATION = "none"

Config = TypeVar("Config", ImageConfig, RecordConfig)


@click.command("fit", short_help="Teach a network to paint IMAGE.")
@click.argument("image", metavar="IMAGE", type=click.Path(path_type=Path))
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="classic",
    show_default=True,
    help=f"Values of the options below that go well together, by the picture's size; those given "
    f"override them. {options.describe_presets()}",
)
@click.option(
    "--layers",
    type=options.Layers(),
    default="4x300",
    show_default=True,
    metavar="SPEC",
    help="Hidden layers: 4x300, 300,200,100 or 2x300,64; 2x256:sine,64:tanh names activations.",
)
@click.option(
    "--encoding",
    type=options.Encoding(),
    default="none",
    show_default=True,
    metavar="SPEC",
    help="What a place becomes before the first layer: none, positional:8 (octaves), "
    "fourier:128@10 (waves, deviation of their frequencies), grid (learned), or "
    "grid:levels=8,features=2,entries=2^16,coarsest=16,finest=512.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1, max=MOST_EPOCHS),
    default=500,
    show_default=True,
    metavar="N",
    help="Passes over all pixels.",
)
@click.option(
    "--target-psnr",
    type=options.Decibels(),
    show_default="none",
    metavar="DB|none",
    help="Stop when a frame has this PSNR in dB.",
)
@click.option(
    "--time-limit",
    type=options.Duration(),
    show_default="none",
    metavar="TIME|none",
    help="Stop after so much training: 90, 60s, 2m or 1h30m.",
)
@click.option(
    "--lr",
    "learning_rate",
    type=options.Real(min=0, min_open=True, max=LARGEST_RATE),
    show_default=options.by_optimizer("learning_rate"),
    metavar="RATE",
    help="Learning rate; each layer divides it by sqrt(fan-in + 1), except with adam and adamw. "
    "The default is less for sine, finer, gabor and gauss.",
)
@click.option(
    "--optimizer",
    type=click.Choice(list(OPTIMIZERS)),
    default="sgd",
    show_default=True,
    help="What a step does with the gradient: plain descent, with momentum, Adam, or Adam with "
    "weights that decay.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    show_default=options.by_optimizer("batch_size"),
    metavar="N",
    help="Pixels a step learns from at once; more than there are means the whole picture.",
)
@click.option(
    "--init-scale",
    type=options.Real(min=0, max=LARGEST_RATE),
    default=0.3,
    show_default=True,
    metavar="SCALE",
    help="Standard deviation of the classic initial weights; each layer divides it by "
    "sqrt(fan-in + 1).",
)
@click.option(
    "--slope",
    type=options.Real(min=0, max=1),
    default=0.01,
    show_default=True,
    metavar="SLOPE",
    help="Slope of the leaky ReLU below zero.",
)
@click.option(
    "--activation",
    type=click.Choice(list(ACTIVATIONS)),
    metavar="NAME",
    default="leaky-relu",
    show_default=True,
    help=f"Of the hidden layers for which --layers names none: {', '.join(ACTIVATIONS)}.",
)
@click.option(
    "--omega",
    type=options.Real(min=0, min_open=True, max=LARGEST_RATE),
    default=30.0,
    show_default=True,
    metavar="OMEGA",
    help=f"Frequency of {options.users('omega')}, and of --init siren.",
)
@click.option(
    "--scale",
    type=options.Real(min=0, min_open=True, max=LARGEST_RATE),
    default=10.0,
    show_default=True,
    metavar="SCALE",
    help=f"How narrow the bells of {options.users('scale')} are: exp(-(SCALE s)^2).",
)
@click.option(
    "--output-activation",
    type=click.Choice(OUTPUT_ACTIVATIONS),
    default="identity",
    show_default=True,
    help="Of the output layer; sigmoid keeps colours in range.",
)
@click.option(
    "--init",
    type=options.Init(),
    default="auto",
    show_default=True,
    metavar="NAME",
    help=f"How weights begin: {', '.join(INITS)}; auto suits each layer's activation.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**63 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Of the initial weights and the order of the pixels.",
)
@click.option(
    "--loss",
    type=click.Choice(LOSSES),
    default="mse",
    show_default=True,
    help="What is made small: the squared error, the absolute one, or between them (huber).",
)
@click.option(
    "--lr-schedule",
    type=click.Choice(SCHEDULES),
    default="constant",
    show_default=True,
    help="What becomes of the learning rate over all epochs: falls to 0 along a cosine, or "
    "evenly by powers to a hundredth.",
)
@click.option(
    "--warmup",
    type=options.Real(min=0, max=MOST_EPOCHS),
    default=0.0,
    show_default=True,
    metavar="EPOCHS",
    help="Epochs, or a part of one, in which the learning rate grows from 0; at most all.",
)
@click.option(
    "--weight-decay",
    type=options.Real(min=0, max=LARGEST_RATE),
    show_default=options.by_optimizer("weight_decay"),
    metavar="DECAY",
    help="What a step takes off each weight, as a share of it, times the rate; adamw only.",
)
@click.option(
    "--sampling",
    type=click.Choice(SAMPLINGS),
    default="uniform",
    show_default=True,
    help="Show every pixel once an epoch, or those with a larger error more often.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    show_default="<IMAGE>-fit",
    help="Folder for all results.",
)
@click.option(
    "--frame-every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Epochs from one frame to the next.",
)
@click.option(
    "--max-pixels",
    type=options.PixelLimit(),
    default=131_072,
    show_default=True,
    metavar="N|none",
    help="Scale larger pictures down to this many pixels.",
)
@click.option(
    "--background",
    default="white",
    show_default=True,
    metavar="COLOUR",
    help="Colour behind transparent pictures; with rgba, of hidden pixels and behind animations.",
)
@click.option(
    "--channels",
    type=click.Choice(list(CHANNELS)),
    default="rgb",
    show_default=True,
    help="What is learned: colours, their grey (luma), or colours and transparency.",
)
@click.option(
    "--animation",
    "animations",
    multiple=True,
    metavar="FILE",
    show_default="animation.gif",
    help="Animation to make: .gif, .webp, .png, .mp4 or .webm; repeat for several, 'none' for "
    "none. A bare name lies in the output folder.",
)
@options.fps_option
@options.with_target_option
@options.pace_option
@options.threads_option("the fastest, up to all cores")
@click.option("--resume", is_flag=True, help="Go on with the run in the output folder.")
@click.option("--overwrite", is_flag=True, help="Replace the run in the output folder.")
@options.json_option
@options.quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    image: Path,
    output: Path | None,
    threads: int | None,
    resume: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Teach a network to paint IMAGE, record every epoch, and animate them."""
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other.")
    display = make_display(quiet)
    signals: Signals = ctx.obj
    given["animations"] = _animation_names(given["animations"])

    # Heavy imports come after the command line has been understood.
    from fit_image.animation import check_size
    from fit_image.apps.record import Recording, check_resumable
    from fit_image.apps.source import load_source
    from fit_image.apps.trainer import Trainer
    from fit_image.image import parse_background
    from fit_image.run import Manifest, RunFolder

    output = output or Path(f"{image.stem}-fit")
    earlier = _earlier_run(output, image, resume, overwrite)
    decide, prepare, record = _configuration(ctx, given, earlier)
    _check_used(ctx, decide(1, 1))  # mistakes are found before the picture is read
    try:
        parse_background(prepare.background)
    except InputError as error:
        raise InputError(f"--background: {error}") from error
    _check_animations(output, image, record)

    signals.check()
    source = load_source(image, prepare)
    signals.check()
    height, width = source.image.levels.shape[:2]
    if source.image.scaled:
        original = "x".join(map(str, source.image.original_size))
        display.message(
            f"scaled from {original} to {width}x{height} to keep to --max-pixels "
            f"{prepare.max_pixels} ('none' keeps it whole)"
        )
    for name in record.animations:
        check_size(output / name, width, height, with_target=record.with_target)
    fit = decide(width, height)
    trainer = Trainer(source.image.levels, fit, threads=threads)
    if earlier:
        check_resumable(earlier, source, fit, prepare)
    session.compile_kernels(fit, display)

    run = earlier or RunFolder(
        output, Manifest(source.picture, fit, prepare, record, given["preset"])
    )
    signals.check()
    with run.locked(), display:
        if earlier:
            run = RunFolder.open(output)  # again, now that no other process can write
            recording = Recording.resume(run, source, trainer, prepare, record)
            display.message(_going_on(trainer))
        else:
            _check_replaced(output, image, overwrite)  # again, for the same reason
            recording = Recording.begin(run, trainer, source)
        result = session.train(recording, display, signals, image)
        del source, trainer, recording  # animating large pictures needs their memory
        session.animate(run, display, signals)
    if signals.received is not None:
        ctx.exit(128 + signals.received)

    display.message(session.describe(result))
    if as_json:
        summary = {
            "output": str(output),
            "ended": result.ended,
            "epochs": result.epochs,
            "psnr": result.psnr,
            "loss": result.loss,
            "parameters": result.parameters,
            "seconds": result.seconds,
            "width": width,
            "height": height,
        }
        click.echo(json.dumps(summary))
    else:
        click.echo(output)


def _animation_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return RecordConfig().animations
    if NO_ANIMATION in names:
        if len(names) > 1:
            raise click.UsageError(f"--animation {NO_ANIMATION} excludes other animations.")
        return ()
    # A name with a folder is the user's own path, and must not move with the output folder.
    return tuple(name if Path(name).name == name else str(Path(name).absolute()) for name in names)


def _earlier_run(output: Path, image: Path, resume: bool, overwrite: bool) -> RunFolder | None:
    from fit_image.run import RunFolder

    if output.is_symlink() and not output.exists():
        raise InputError(f"cannot use {output}: it is a link to nothing; choose another with -o")
    folder = next(folder for folder in (output, *output.absolute().parents) if folder.exists())
    if not folder.is_dir():
        raise InputError(f"cannot use {output}: {folder} is not a folder; choose another with -o")
    if resume and RunFolder.holds_run(output):
        return RunFolder.open(output)
    _check_replaced(output, image, overwrite)
    return None


def _check_replaced(output: Path, image: Path, overwrite: bool) -> None:
    """Refuse to replace what the user has not offered, and the picture itself in any case."""
    from fit_image.run import RunFolder

    if RunFolder.holds_run(output) and not overwrite:
        raise InputError(
            f"{output} already holds a run: --resume goes on with it, --overwrite replaces it, "
            "-o chooses another folder"
        )
    replaced = RunFolder.replaced_by_run(output)
    for file in replaced:
        if image.exists() and file.samefile(image):
            raise InputError(f"a run in {output} would replace {image}: choose another with -o")
    if replaced and not overwrite:
        raise InputError(
            f"{replaced[0]} would be replaced: --overwrite allows it, -o chooses another folder"
        )


def _check_animations(output: Path, image: Path, record: RecordConfig) -> None:
    """Refuse animations that cannot be written, or would replace something else."""
    from fit_image.animation import check_suffix
    from fit_image.atomic import check_destination
    from fit_image.run import RunFolder

    for name in record.animations:
        file = output / name
        check_suffix(file)
        if file.parent != output:
            check_destination(file)
        RunFolder.check_spared(output, file, image)


def _going_on(trainer: Trainer) -> str:
    if trainer.learned_epochs or trainer.progress.position:
        return f"going on from epoch {trainer.progress.epoch}"
    return "nothing learned yet: starting from the beginning"


def _configuration(
    ctx: click.Context, given: dict[str, Any], earlier: RunFolder | None
) -> tuple[Callable[[int, int], FitConfig], ImageConfig, RecordConfig]:
    """Return the options given; of a resumed run, those not given are the earlier ones.

    Those that a preset may decide come as a function of the picture's width and height.
    """
    explicit = {
        name: value
        for name, value in given.items()
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    manifest = earlier and earlier.manifest
    own = _fields(FitConfig, explicit)

    def decide(width: int, height: int) -> FitConfig:
        if manifest:
            fit, changes = manifest.fit, own
            if own.get("optimizer", fit.optimizer) != fit.optimizer:
                changes = {"weight_decay": None, **own}  # not the earlier one's
            return replace(fit, **changes).for_picture(width, height)
        return preset_config(given["preset"], width, height, **own)

    if earlier and manifest and explicit.get("preset", manifest.preset) != manifest.preset:
        raise InputError(
            f"cannot resume {earlier.path}: --preset (was {manifest.preset}, now "
            f"{given['preset']}) differs; choose another folder with -o, or --overwrite"
        )
    return (
        decide,
        _configured(ImageConfig, manifest.image if manifest else None, explicit),
        _configured(RecordConfig, manifest.record if manifest else None, explicit),
    )


def _check_used(ctx: click.Context, fit: FitConfig) -> None:
    """Refuse an option that was given, and that nothing in the network uses."""
    from fit_image.core.initialisation import rules

    names = rules(fit.activations, parse_init(fit.init)[0])
    used = {field for activation in fit.activations for field in ACTIVATIONS[activation].fields}
    if "siren" in names:
        used.add("omega")
    if "classic" in names:
        used.add("init_scale")
    if any(layer.activation is None for layer in fit.layers):
        used.add("activation")
    reasons = {
        "activation": "--layers names the activation of every layer",
        "omega": f"no layer is of {options.users('omega')}",
        "scale": f"no layer is of {options.users('scale')}",
        "slope": f"no layer is of {options.users('slope')}",
        "init_scale": "no layer begins with --init classic",
    }
    for name, reason in reasons.items():
        if name not in used and ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} would change nothing: {reason}")


def _configured(cls: type[Config], earlier: Config | None, values: dict[str, Any]) -> Config:
    own = _fields(cls, values)
    return replace(earlier, **own) if earlier else cls(**own)


def _fields(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(cls) if field.name in values}
