"""The options of ``fit-image IMAGE``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fit_image.cli.common import options
from fit_image.cli.common.headings import headed_option
from fit_image.cli.fit import option_types
from fit_image.config.fit import MOST_EPOCHS, FitConfig, ImageConfig, RecordConfig
from fit_image.config.layer_spec import LARGEST_RATE
from fit_image.config.presets import PRESETS
from fit_image.config.settings import SEED


def _field(
    heading: str, name: str, kind: Any = None, metavar: str | None = None, shown: str | None = None
) -> Callable[[Any], Any]:
    """Return a decorator that adds the option of a field of `FitConfig`."""
    return options.field_option(
        FitConfig, name, heading=heading, kind=kind, metavar=metavar, shown=shown
    )


def _image_field(name: str, kind: Any = None, metavar: str | None = None) -> Callable[[Any], Any]:
    return options.field_option(ImageConfig, name, heading="Picture", kind=kind, metavar=metavar)


# In the order of the help, and of the trials of a sweep.
_OPTIONS = (
    click.argument("image", metavar="IMAGE", type=click.Path(path_type=Path)),
    headed_option(
        "Network",
        "--preset",
        type=click.Choice(list(PRESETS)),
        default="classic",
        show_default=True,
        help="Values of other options that work well together, adjusted to the picture's size; "
        f"options given override them. {options.describe_presets()}",
    ),
    _field("Network", "layers", options.LAYERS, "SPEC"),
    _field("Network", "encoding", option_types.ENCODING, "SPEC"),
    _field("Network", "max_parameters", option_types.PARAMETER_LIMIT, "N|none", "none"),
    _field("Stopping", "epochs", options.Whole(1, MOST_EPOCHS)),
    _field("Stopping", "target_psnr", option_types.TARGET_PSNR, "DB|unseen:DB|none", "none"),
    _field("Stopping", "time_limit", option_types.DURATION, "TIME|none", "none"),
    _field(
        "Learning",
        "learning_rate",
        option_types.RATE,
        "RATE|auto",
        option_types.by_optimizer("learning_rate"),
    ),
    headed_option(
        "Learning",
        "--find-lr",
        is_flag=True,
        help="Learn some thousand pixels while the learning rate rises, print the --lr that suits "
        "this network and picture, and write nothing. --lr auto takes it at once.",
    ),
    headed_option(
        "Learning",
        "--plot",
        type=click.Path(path_type=Path),
        metavar="FILE",
        show_default="none",
        help="Picture of the losses at the rates that --find-lr or --lr auto tries.",
    ),
    _field("Learning", "optimizer", shown="sgd, adam with a grid"),
    _field(
        "Learning",
        "batch_size",
        options.Whole(min=1),
        shown=option_types.by_optimizer("batch_size"),
    ),
    _field("Network", "init_scale", metavar="SCALE"),
    _field("Network", "slope", metavar="SLOPE"),
    _field("Network", "activation", options.ACTIVATION, "NAME"),
    _field("Network", "omega", metavar="OMEGA"),
    _field("Network", "first_omega", options.POSITIVE, "OMEGA", "as --omega"),
    _field("Network", "scale", metavar="SCALE"),
    _field("Network", "output_activation"),
    _field("Network", "init", option_types.INIT, "NAME"),
    _field("Learning", "seed", options.Whole(*SEED)),
    _field("Learning", "loss"),
    _field("Learning", "table_rate", metavar="FACTOR"),
    _field("Learning", "lr_schedule"),
    _field("Learning", "schedule_by"),
    _field("Learning", "warmup", metavar="EPOCHS"),
    _field(
        "Learning",
        "weight_decay",
        options.Real(0, LARGEST_RATE),
        "DECAY",
        option_types.by_optimizer("weight_decay"),
    ),
    _field("Learning", "sampling"),
    _field("Learning", "hold_out", option_types.HOLD_OUT, "even|SHARE|none", "none"),
    headed_option(
        "Recording",
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="DIR",
        show_default="<IMAGE>-fit",
        help="Folder for all results.",
    ),
    options.field_option(RecordConfig, "frame_every", heading="Recording"),
    options.field_option(RecordConfig, "spectrum", heading="Recording"),
    _image_field("max_pixels", option_types.PIXEL_LIMIT, "N|none"),
    _image_field("background", metavar="COLOUR"),
    _image_field("channels"),
    _image_field("frame"),
    headed_option(
        "Recording",
        "--animation",
        "animations",
        multiple=True,
        metavar="FILE",
        show_default="animation.gif",
        help="Animation to write: .gif, .avif, .webp, .png, .mp4 or .webm; may be repeated; 'none' "
        "for none. A bare name is put in the output folder.",
    ),
    *options.animation_options(),
    options.threads_option("the fastest, up to all cores"),
    options.like_option,
    headed_option("Run", "--resume", is_flag=True, help="Continue the run in the output folder."),
    headed_option("Run", "--overwrite", is_flag=True, help="Replace the run in the output folder."),
    options.watch_option,
    options.serve_option,
    options.json_option,
    options.quiet_option,
)


def fit_options(command: options.Command) -> options.Command:
    """Add the argument IMAGE and all options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
