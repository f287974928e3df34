"""The options of ``fit-image sweep``."""

from __future__ import annotations

from pathlib import Path

import click

from fit_image.cli import options
from fit_image.cli.axes import MOST_SEEDS, axis_options
from fit_image.cli.fit import command as fit_command

_FITTING = {option.name: option for option in fit_command.params}

BY_OPTION = click.Option(
    ["--by"],
    type=click.Choice(["epochs", "seconds"]),
    default="epochs",
    show_default=True,
    help="What the trials of comparison.gif are in step by.",
)

# In the order of the help.
SWEEP_OPTIONS: list[click.Parameter] = [
    click.Argument(["images"], metavar="[IMAGE]...", nargs=-1, type=click.Path(path_type=Path)),
    *axis_options(),
    click.Option(
        ["--seeds"],
        type=click.IntRange(min=1, max=MOST_SEEDS),
        metavar="N",
        show_default="1",
        help="Seeds 0 to N - 1, to see what is chance.",
    ),
    click.Option(
        ["--match-params"],
        type=options.Layers(),
        metavar="SPEC",
        help="Change the widths of all --layers so that each network has as many parameters as "
        "one with these layers, within 1%.",
    ),
    click.Option(
        ["--from-csv"],
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Take the trials from the rows of a table, whose columns are named like options.",
    ),
    click.Option(
        ["--from-toml"],
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Take the trials from [[trial]] tables, whose keys are named like options.",
    ),
    # The same for all trials.
    *(_FITTING[name] for name in ("frame_every", "animations", "fps", "with_target", "pace")),
    BY_OPTION,
    click.Option(
        ["-o", "--output"],
        type=click.Path(path_type=Path),
        metavar="DIR",
        show_default="<IMAGE>-sweep",
        help="Folder for all trials and results; what is finished there is not done again.",
    ),
    click.Option(
        ["-j", "--jobs"],
        type=click.IntRange(min=1, max=1024),
        metavar="N",
        show_default="all cores",
        help="Trials at a time, with one thread each.",
    ),
    click.Option(
        ["--scheduler"],
        metavar="ADDRESS",
        help="Train on the workers of a dask scheduler, such as tcp://HOST:8786.",
    ),
    click.Option(["--plan"], is_flag=True, help="List the trials, and run nothing."),
    click.Option(
        ["--resume"],
        is_flag=True,
        help="Finish all trials of the folder, also those asked for before; IMAGE may be left out.",
    ),
    click.Option(["--yes"], is_flag=True, help="Allow more than 10,000 trials."),
    *(_FITTING[name] for name in ("as_json", "quiet")),
]
