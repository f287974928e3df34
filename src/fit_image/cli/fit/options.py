"""The options of ``fit-image IMAGE``."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.headings import headed_option
from fit_image.config.fit import MOST_EPOCHS
from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.config.presets import PRESETS
from fit_image.config.registry import (
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

# In the order of the help.
_OPTIONS = (
    click.argument("image", metavar="IMAGE", type=click.Path(path_type=Path)),
    headed_option(
        "Network",
        "--preset",
        type=click.Choice(list(PRESETS)),
        default="classic",
        show_default=True,
        help="Values of other options that work well together, chosen by the picture's size; "
        f"options given override them. {options.describe_presets()}",
    ),
    headed_option(
        "Network",
        "--layers",
        type=options.LAYERS,
        default="4x300",
        show_default=True,
        metavar="SPEC",
        help="Hidden layers: 4x300, 300,200,100 or 2x300,64. 2x256:sine,64:tanh sets activations; "
        "residual:24x4x6 is 24 residual blocks of 4 layers with 6 units.",
    ),
    headed_option(
        "Network",
        "--encoding",
        type=options.ENCODING,
        default="none",
        show_default=True,
        metavar="SPEC",
        help="Encoding of the coordinates: none, positional:8 (octaves), fourier:128@10 (features "
        "and the standard deviation of their frequencies), grid (learned hash grid), or "
        "grid:levels=8,features=2,entries=2^16,coarsest=16,finest=512.",
    ),
    headed_option(
        "Stopping",
        "--epochs",
        type=click.IntRange(min=1, max=MOST_EPOCHS),
        default=500,
        show_default=True,
        metavar="N",
        help="Epochs: passes over all pixels.",
    ),
    headed_option(
        "Stopping",
        "--target-psnr",
        type=options.DECIBELS,
        show_default="none",
        metavar="DB|none",
        help="Stop as soon as a frame reaches this PSNR in dB.",
    ),
    headed_option(
        "Stopping",
        "--time-limit",
        type=options.DURATION,
        show_default="none",
        metavar="TIME|none",
        help="Stop after this much training time: 90, 60s, 2m or 1h30m.",
    ),
    headed_option(
        "Learning",
        "--lr",
        "learning_rate",
        type=options.POSITIVE,
        show_default=options.by_optimizer("learning_rate"),
        metavar="RATE",
        help="Learning rate, divided by sqrt(fan_in + 1) in each layer unless the optimizer is "
        "adam or adamw. The default is lower for sine, finer, gabor and gauss.",
    ),
    headed_option(
        "Learning",
        "--optimizer",
        type=click.Choice(list(OPTIMIZERS)),
        show_default="sgd, adam with a grid",
        help="Optimizer: gradient descent, the same with momentum, Adam, or Adam with decoupled "
        "weight decay.",
    ),
    headed_option(
        "Learning",
        "--batch-size",
        type=click.IntRange(min=1),
        show_default=options.by_optimizer("batch_size"),
        metavar="N",
        help="Pixels in a batch; more than the picture has means all of them.",
    ),
    headed_option(
        "Network",
        "--init-scale",
        type=options.Real(min=0, max=LARGEST_RATE),
        default=0.3,
        show_default=True,
        metavar="SCALE",
        help="Standard deviation of the classic initial weights, divided by sqrt(fan_in + 1) in "
        "each layer.",
    ),
    headed_option(
        "Network",
        "--slope",
        type=options.Real(min=0, max=1),
        default=0.01,
        show_default=True,
        metavar="SLOPE",
        help="Slope of the leaky ReLU below zero.",
    ),
    headed_option(
        "Network",
        "--activation",
        type=click.Choice(list(ACTIVATIONS)),
        metavar="NAME",
        default="leaky-relu",
        show_default=True,
        help=f"Activation of hidden layers without one in --layers: {', '.join(ACTIVATIONS)}.",
    ),
    headed_option(
        "Network",
        "--omega",
        type=options.POSITIVE,
        default=30.0,
        show_default=True,
        metavar="OMEGA",
        help=f"Frequency of {activations_with('omega')}, and of --init siren.",
    ),
    headed_option(
        "Network",
        "--scale",
        type=options.POSITIVE,
        default=10.0,
        show_default=True,
        metavar="SCALE",
        help=f"Width of {activations_with('scale')}: exp(-(SCALE s)^2).",
    ),
    headed_option(
        "Network",
        "--output-activation",
        type=click.Choice(OUTPUT_ACTIVATIONS),
        default="identity",
        show_default=True,
        help="Activation of the output layer; sigmoid keeps colours in range.",
    ),
    headed_option(
        "Network",
        "--init",
        type=options.INIT,
        default="auto",
        show_default=True,
        metavar="NAME",
        help=f"Initialisation of the weights: {', '.join(INITS)}; auto suits each layer's "
        "activation.",
    ),
    headed_option(
        "Learning",
        "--seed",
        type=click.IntRange(min=0, max=2**63 - 1),
        default=0,
        show_default=True,
        metavar="N",
        help="Seed of the initial weights and of the order of the pixels.",
    ),
    headed_option(
        "Learning",
        "--loss",
        type=click.Choice(LOSSES),
        default="mse",
        show_default=True,
        help="Loss to minimise: mean squared error, absolute error, or Huber loss.",
    ),
    headed_option(
        "Learning",
        "--lr-schedule",
        type=click.Choice(SCHEDULES),
        default="constant",
        show_default=True,
        help="Learning rate over all epochs: constant, cosine decay to 0, or exponential decay to "
        "a hundredth.",
    ),
    headed_option(
        "Learning",
        "--warmup",
        type=options.Real(min=0, max=MOST_EPOCHS),
        default=0.0,
        show_default=True,
        metavar="EPOCHS",
        help="Epochs, or a fraction of one, over which the learning rate rises from 0.",
    ),
    headed_option(
        "Learning",
        "--weight-decay",
        type=options.Real(min=0, max=LARGEST_RATE),
        show_default=options.by_optimizer("weight_decay"),
        metavar="DECAY",
        help="Decoupled weight decay, multiplied by the learning rate; adamw only.",
    ),
    headed_option(
        "Learning",
        "--sampling",
        type=click.Choice(SAMPLINGS),
        default="uniform",
        show_default=True,
        help="Sample every pixel once an epoch, or pixels with a larger error more often.",
    ),
    headed_option(
        "Recording",
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="DIR",
        show_default="<IMAGE>-fit",
        help="Folder for all results.",
    ),
    headed_option(
        "Recording",
        "--frame-every",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Epochs between frames.",
    ),
    headed_option(
        "Picture",
        "--max-pixels",
        type=options.PIXEL_LIMIT,
        default=131_072,
        show_default=True,
        metavar="N|none",
        help="Scale larger pictures down to at most this many pixels.",
    ),
    headed_option(
        "Picture",
        "--background",
        default="white",
        show_default=True,
        metavar="COLOUR",
        help="Colour behind transparent pixels; with --channels rgba, of fully transparent pixels "
        "and behind animations.",
    ),
    headed_option(
        "Picture",
        "--channels",
        type=click.Choice(list(CHANNELS)),
        default="rgb",
        show_default=True,
        help="Channels to learn: colour, grey (luma), or colour with alpha.",
    ),
    headed_option(
        "Recording",
        "--animation",
        "animations",
        multiple=True,
        metavar="FILE",
        show_default="animation.gif",
        help="Animation to write: .gif, .webp, .png, .mp4 or .webm; may be repeated; 'none' for "
        "none. A bare name is put in the output folder.",
    ),
    options.fps_option,
    options.with_target_option,
    options.pace_option,
    options.threads_option("the fastest, up to all cores"),
    headed_option("Run", "--resume", is_flag=True, help="Continue the run in the output folder."),
    headed_option("Run", "--overwrite", is_flag=True, help="Replace the run in the output folder."),
    options.json_option,
    options.quiet_option,
)


def fit_options(command: options.Command) -> options.Command:
    """Add the argument IMAGE and all options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
