"""The options of ``fit-image IMAGE``."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli import options
from fit_image.components import (
    ACTIVATIONS,
    CHANNELS,
    INITS,
    LOSSES,
    OPTIMIZERS,
    OUTPUT_ACTIVATIONS,
    SAMPLINGS,
    SCHEDULES,
    activations_with,
)
from fit_image.config import MOST_EPOCHS
from fit_image.notation import LARGEST_RATE
from fit_image.presets import PRESETS

# In the order of the help.
_OPTIONS = (
    click.argument("image", metavar="IMAGE", type=click.Path(path_type=Path)),
    click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        default="classic",
        show_default=True,
        help="Values of the options below that go well together, by the picture's size; those "
        f"given override them. {options.describe_presets()}",
    ),
    click.option(
        "--layers",
        type=options.Layers(),
        default="4x300",
        show_default=True,
        metavar="SPEC",
        help="Hidden layers: 4x300, 300,200,100 or 2x300,64; 2x256:sine,64:tanh names activations; "
        "residual:24x4x6 are 24 blocks of 4 layers, 6 wide, each added to its input.",
    ),
    click.option(
        "--encoding",
        type=options.Encoding(),
        default="none",
        show_default=True,
        metavar="SPEC",
        help="What a place becomes before the first layer: none, positional:8 (octaves), "
        "fourier:128@10 (waves, deviation of their frequencies), grid (learned), or "
        "grid:levels=8,features=2,entries=2^16,coarsest=16,finest=512.",
    ),
    click.option(
        "--epochs",
        type=click.IntRange(min=1, max=MOST_EPOCHS),
        default=500,
        show_default=True,
        metavar="N",
        help="Passes over all pixels.",
    ),
    click.option(
        "--target-psnr",
        type=options.Decibels(),
        show_default="none",
        metavar="DB|none",
        help="Stop when a frame has this PSNR in dB.",
    ),
    click.option(
        "--time-limit",
        type=options.Duration(),
        show_default="none",
        metavar="TIME|none",
        help="Stop after so much training: 90, 60s, 2m or 1h30m.",
    ),
    click.option(
        "--lr",
        "learning_rate",
        type=options.Real(min=0, min_open=True, max=LARGEST_RATE),
        show_default=options.by_optimizer("learning_rate"),
        metavar="RATE",
        help="Learning rate; each layer divides it by sqrt(fan-in + 1), except with adam and "
        "adamw. The default is less for sine, finer, gabor and gauss.",
    ),
    click.option(
        "--optimizer",
        type=click.Choice(list(OPTIMIZERS)),
        show_default="sgd, adam with a grid",
        help="What a step does with the gradient: plain descent, with momentum, Adam, or Adam with "
        "weights that decay.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        show_default=options.by_optimizer("batch_size"),
        metavar="N",
        help="Pixels a step learns from at once; more than there are means the whole picture.",
    ),
    click.option(
        "--init-scale",
        type=options.Real(min=0, max=LARGEST_RATE),
        default=0.3,
        show_default=True,
        metavar="SCALE",
        help="Standard deviation of the classic initial weights; each layer divides it by "
        "sqrt(fan-in + 1).",
    ),
    click.option(
        "--slope",
        type=options.Real(min=0, max=1),
        default=0.01,
        show_default=True,
        metavar="SLOPE",
        help="Slope of the leaky ReLU below zero.",
    ),
    click.option(
        "--activation",
        type=click.Choice(list(ACTIVATIONS)),
        metavar="NAME",
        default="leaky-relu",
        show_default=True,
        help=f"Of the hidden layers for which --layers names none: {', '.join(ACTIVATIONS)}.",
    ),
    click.option(
        "--omega",
        type=options.Real(min=0, min_open=True, max=LARGEST_RATE),
        default=30.0,
        show_default=True,
        metavar="OMEGA",
        help=f"Frequency of {activations_with('omega')}, and of --init siren.",
    ),
    click.option(
        "--scale",
        type=options.Real(min=0, min_open=True, max=LARGEST_RATE),
        default=10.0,
        show_default=True,
        metavar="SCALE",
        help=f"How narrow the bells of {activations_with('scale')} are: exp(-(SCALE s)^2).",
    ),
    click.option(
        "--output-activation",
        type=click.Choice(OUTPUT_ACTIVATIONS),
        default="identity",
        show_default=True,
        help="Of the output layer; sigmoid keeps colours in range.",
    ),
    click.option(
        "--init",
        type=options.Init(),
        default="auto",
        show_default=True,
        metavar="NAME",
        help=f"How weights begin: {', '.join(INITS)}; auto suits each layer's activation.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0, max=2**63 - 1),
        default=0,
        show_default=True,
        metavar="N",
        help="Of the initial weights and the order of the pixels.",
    ),
    click.option(
        "--loss",
        type=click.Choice(LOSSES),
        default="mse",
        show_default=True,
        help="What is made small: the squared error, the absolute one, or between them (huber).",
    ),
    click.option(
        "--lr-schedule",
        type=click.Choice(SCHEDULES),
        default="constant",
        show_default=True,
        help="What becomes of the learning rate over all epochs: falls to 0 along a cosine, or "
        "evenly by powers to a hundredth.",
    ),
    click.option(
        "--warmup",
        type=options.Real(min=0, max=MOST_EPOCHS),
        default=0.0,
        show_default=True,
        metavar="EPOCHS",
        help="Epochs, or a part of one, in which the learning rate grows from 0; at most all.",
    ),
    click.option(
        "--weight-decay",
        type=options.Real(min=0, max=LARGEST_RATE),
        show_default=options.by_optimizer("weight_decay"),
        metavar="DECAY",
        help="What a step takes off each weight, as a share of it, times the rate; adamw only.",
    ),
    click.option(
        "--sampling",
        type=click.Choice(SAMPLINGS),
        default="uniform",
        show_default=True,
        help="Show every pixel once an epoch, or those with a larger error more often.",
    ),
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="DIR",
        show_default="<IMAGE>-fit",
        help="Folder for all results.",
    ),
    click.option(
        "--frame-every",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Epochs from one frame to the next.",
    ),
    click.option(
        "--max-pixels",
        type=options.PixelLimit(),
        default=131_072,
        show_default=True,
        metavar="N|none",
        help="Scale larger pictures down to this many pixels.",
    ),
    click.option(
        "--background",
        default="white",
        show_default=True,
        metavar="COLOUR",
        help="Colour behind transparent pictures; with rgba, of hidden pixels and behind "
        "animations.",
    ),
    click.option(
        "--channels",
        type=click.Choice(list(CHANNELS)),
        default="rgb",
        show_default=True,
        help="What is learned: colours, their grey (luma), or colours and transparency.",
    ),
    click.option(
        "--animation",
        "animations",
        multiple=True,
        metavar="FILE",
        show_default="animation.gif",
        help="Animation to make: .gif, .webp, .png, .mp4 or .webm; repeat for several, 'none' for "
        "none. A bare name lies in the output folder.",
    ),
    options.fps_option,
    options.with_target_option,
    options.pace_option,
    options.threads_option("the fastest, up to all cores"),
    click.option("--resume", is_flag=True, help="Go on with the run in the output folder."),
    click.option("--overwrite", is_flag=True, help="Replace the run in the output folder."),
    options.json_option,
    options.quiet_option,
)


def fit_options(command: options.Command) -> options.Command:
    """Add the argument IMAGE and all options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
