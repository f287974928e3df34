"""Options of ``fit-image sweep``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from fit_image.cli.common import options
from fit_image.cli.common.headings import HeadedOption
from fit_image.cli.fit.command import command as fit_command
from fit_image.cli.sweep.axes import MAX_SEEDS, axis_options
from fit_image.config.fit import RecordConfig
from fit_image.config.registry import HALVING_FACTORS

_FIT_OPTIONS = {option.name: option for option in fit_command.params}

BY_OPTION = HeadedOption(
    ["--by"],
    heading="Recording",
    type=click.Choice(["epochs", "seconds"]),
    default="epochs",
    show_default=True,
    help="Synchronise the trials in comparison.gif by epochs or by training time.",
)

# In the order of the help.
SWEEP_OPTIONS: list[click.Parameter] = [
    click.Argument(["images"], metavar="[IMAGE]...", nargs=-1, type=click.Path(path_type=Path)),
    *axis_options(),
    HeadedOption(
        ["--seeds"],
        heading="Learning",
        type=options.Whole(min=1, max=MAX_SEEDS),
        metavar="N",
        show_default="1",
        help="Train each trial with seeds 0 to N - 1, to separate differences from chance.",
    ),
    HeadedOption(
        ["--match-params"],
        heading="Network",
        type=options.LAYERS,
        metavar="SPEC",
        help="Scale the widths of all --layers to the parameter count of a network with these "
        "layers, within 1%.",
    ),
    HeadedOption(
        ["--from-csv"],
        heading="Trials",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="CSV table of trials: a row per trial, a column per option.",
    ),
    HeadedOption(
        ["--from-toml"],
        heading="Trials",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="TOML file of trials: a [[trial]] table per trial, a key per option.",
    ),
    HeadedOption(
        ["--halving"],
        heading="Trials",
        type=options.Whole(*HALVING_FACTORS),
        metavar="K",
        show_default="none",
        help="Successive halving: after a part of the epochs, K times as long each time, only the "
        "better 1/K of the networks of a picture go on.",
    ),
    # One value for all trials.
    *(_FIT_OPTIONS[each.name] for each in fields(RecordConfig)),
    BY_OPTION,
    HeadedOption(
        ["-o", "--output"],
        heading="Recording",
        type=click.Path(path_type=Path),
        metavar="DIR",
        show_default="<IMAGE>-sweep",
        help="Folder for all trials and results; finished trials in it are not repeated.",
    ),
    HeadedOption(
        ["-j", "--jobs"],
        heading="Run",
        type=options.Whole(min=1, max=1024),
        metavar="N",
        show_default="all cores",
        help="Trials to train in parallel, each with one thread.",
    ),
    HeadedOption(
        ["--scheduler"],
        heading="Run",
        metavar="ADDRESS",
        help="Train on the workers of a dask scheduler, such as tcp://HOST:8786.",
    ),
    HeadedOption(["--plan"], heading="Run", is_flag=True, help="List the trials; train nothing."),
    HeadedOption(
        ["--resume"],
        heading="Run",
        is_flag=True,
        help="Finish all trials in the folder, including those of earlier calls; needs no IMAGE.",
    ),
    HeadedOption(["--yes"], heading="Run", is_flag=True, help="Allow more than 10,000 trials."),
    *(_FIT_OPTIONS[name] for name in ("serve", "as_json", "quiet")),
]
