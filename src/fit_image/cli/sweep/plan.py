"""The sweep specification from the command line, and ``--plan``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli.common.texts import format_duration
from fit_image.cli.sweep.axes import given_axes, read_csv, read_grids, read_toml
from fit_image.config.fit import RecordConfig
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.apps.sweep.plan.plan import SweepSpec
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.plan.trial import Trial
    from fit_image.apps.sweep.results.outcome import Outcome

_MAX_TRIALS = 10_000


def make_spec(
    images: tuple[Path, ...], given: dict[str, Any], record: RecordConfig, allow_many: bool
) -> SweepSpec:
    """Return the sweep specification of the command line."""
    axes = given_axes(given, given["seeds"])
    files = (read_csv, given["from_csv"]), (read_toml, given["from_toml"])
    tables = [(read, path) for read, path in files if path]
    if len(tables) > 1:
        raise click.UsageError("--from-csv and --from-toml exclude each other.")

    from fit_image.apps.sweep.plan.plan import SweepSpec

    grids = read_grids(*tables[0], axes) if tables else (axes,)
    if given["match_params"] and not all("layers" in grid for grid in grids):
        raise click.UsageError("--match-params needs --layers to scale.")
    spec = SweepSpec(images, grids, record, given["match_params"])
    if len(spec) > _MAX_TRIALS and not allow_many:
        raise InputError(f"{len(spec):,} trials; --yes allows more than {_MAX_TRIALS:,}")
    return spec


def show_plan(
    folder: SweepDirectory,
    outcomes: Sequence[Outcome],
    remaining: Sequence[Trial],
    workers: int,
    as_json: bool,
) -> None:
    """Print the trials with their parameters, work and estimated time."""
    from fit_image.apps.sweep.execution.cost import expected_seconds, measured_factor
    from fit_image.apps.sweep.results.halving import contests
    from fit_image.apps.sweep.results.seed_group import trial_labels

    labels = trial_labels(folder.trials)
    factor = measured_factor(outcomes)
    waiting = {trial.key for trial in remaining}
    found = contests(outcomes, folder.halving) if folder.halving else []
    shares = {key: share for each in found for key, share in each.expected_shares.items()}
    rows: list[dict[str, Any]] = [
        {
            "key": trial.key,
            "label": labels[trial.key],
            "picture": trial.manifest.picture.path,
            "parameters": trial.parameters,
            "work": trial.samples * trial.work,
            "seconds": expected_seconds(trial, factor) * shares.get(trial.key, 1.0)
            if trial.key in waiting
            else 0.0,
            "status": outcome.status,
        }
        for trial, outcome in zip(folder.trials, outcomes, strict=True)
    ]
    total = sum(row["seconds"] for row in rows)
    longest = max((row["seconds"] for row in rows), default=0.0)
    seconds = max(total / workers, longest)
    if as_json:
        facts = {"trials": rows, "workers": workers, "seconds": seconds}
        if found:
            facts["halving"] = [asdict(each.rungs) for each in found]
        click.echo(json.dumps(facts))
        return
    table = [("trial", "parameters", "work", "time", "status")]
    table += [
        (
            row["label"],
            f"{row['parameters']:,}",
            format_work(row["work"]),
            f"about {format_duration(row['seconds'])}" if row["key"] in waiting else "",
            row["status"],
        )
        for row in rows
    ]
    for line in align_columns(table, "lrrrl"):
        click.echo(line)
    for rungs in dict.fromkeys(each.rungs for each in found):
        share = f"{rungs.expected_share():.0%} of the epochs"
        click.echo(f"halving {folder.halving}: {rungs}: {share}")
    at_once = f"{workers} at a time" if workers > 1 else "one at a time"
    click.echo(f"{len(remaining)} to train, {at_once}: about {format_duration(seconds)}")


def align_columns(table: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Return the lines of a table with columns aligned left (l) or right (r)."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if side == "l" else cell.rjust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in table
    ]


def format_work(flops: float) -> str:
    """Format FLOPs with a unit prefix, such as ``3.2 TFLOP``."""
    for prefix in ("", "k", "M", "G", "T"):
        if flops < 999.5:
            return f"{flops:.3g} {prefix}FLOP"
        flops /= 1000
    return f"{flops:,.3g} PFLOP"
