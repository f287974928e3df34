"""Tables of results: one row per trial, and means over seeds."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.labels import trial_settings
from fit_image.apps.sweep.results.outcome import LEVELS, Outcome
from fit_image.apps.sweep.results.seed_group import SeedGroup, Statistics, group_by_seed
from fit_image.storage import atomic

FORMAT_VERSION = 1

MEASURED = (
    *("psnr", "best_psnr", "unseen_psnr", "best_unseen_psnr", "seconds"),
    *(f"seconds_to_{level}" for level in LEVELS),
    "never_answer",
)
"""Columns of which ``means.csv`` has statistics over seeds."""


def write_results(folder: SweepDirectory, outcomes: Sequence[Outcome]) -> None:
    """Write ``results.csv``, ``results.json`` and ``means.csv``.

    ``results.csv`` has a row per trial: ``key``, ``label`` (without the seed), ``picture`` (path),
    the configuration by field name, ``parameters``, ``bits_per_pixel_32`` and
    ``bits_per_pixel_16`` (of so many bits a parameter), ``work`` (FLOPs), ``epochs_learned``,
    ``psnr`` of the last frame and ``best_psnr`` (dB), ``unseen_psnr`` and ``best_unseen_psnr`` of
    pixels that were never shown, ``seconds`` of training, ``seconds_to_20`` and so on
    (dB), ``never_answer`` (hidden units), ``status`` (see `Outcome`), ``stalled`` (why nothing was
    learned), ``message`` (of a failure, or of being stopped) and ``run``, its folder relative to
    that of the sweep. ``means.csv`` has a row for all trials that differ only in the seed, with
    mean, deviation, least and most over those that are done; over all, if successive halving
    stopped them, then with the epoch as ``stopped_at``.

    Unknown values are empty in the CSV files, which are UTF-8 with commas, and null in the JSON
    file. The PSNR of a perfect copy is infinite: ``inf`` in CSV, null in JSON, where the times to
    lower PSNRs distinguish it from a missing one. Statistics are empty if one of the values is
    missing or infinite.

    Raises
    ------
    FitImageError
        If a file cannot be written.
    """
    groups = group_by_seed(outcomes)
    labels = {outcome.trial.key: group.label for group in groups for outcome in group.outcomes}
    rows = [_row(folder, each, labels[each.trial.key]) for each in outcomes]
    means = [_means(group) for group in groups]
    data = {"format": FORMAT_VERSION, "trials": list(map(_replace_infinite, rows)), "groups": means}
    text = json.dumps(data, indent=1, allow_nan=False)
    atomic.write_bytes(folder.results_csv, _table(rows))
    atomic.write_bytes(folder.results_json, f"{text}\n".encode())
    atomic.write_bytes(folder.means_csv, _table(map(_flatten, means)))


def _row(folder: SweepDirectory, outcome: Outcome, label: str) -> dict[str, Any]:
    trial = outcome.trial
    return {
        "key": trial.key,
        "label": label,
        **_settings(trial),
        "parameters": trial.parameters,
        **trial.bits_per_pixel,
        "work": round(outcome.work),
        **outcome.measured,
        "status": outcome.status,
        "stalled": outcome.stalled,
        "message": outcome.message,
        "run": folder.run_path(trial).relative_to(folder.path).as_posix(),
    }


def _settings(trial: Trial) -> dict[str, Any]:
    return trial_settings(trial) | {"picture": trial.manifest.picture.path}


def _means(group: SeedGroup) -> dict[str, Any]:
    statistics = {name: group.statistics(name) for name in MEASURED}
    settings = _settings(group.trial)
    del settings["seed"]
    return {
        "label": group.label,
        "configuration": settings,
        "parameters": group.trial.parameters,
        **group.trial.bits_per_pixel,
        "seeds": [outcome.trial.seed for outcome in group.outcomes],
        "done": len(group.done),
        "stopped_at": group.stopped_at,
        **{name: each and asdict(each) for name, each in statistics.items()},
    }


def _flatten(means: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statistics of a group as one row."""
    row: dict[str, Any] = {}
    for name, value in means.items():
        if name == "configuration":
            row |= value
        elif name in MEASURED:
            row |= {
                f"{name}_{part}": value and value[part] for part in Statistics.__dataclass_fields__
            }
        else:
            row[name] = " ".join(map(str, value)) if name == "seeds" else value
    return row


def _replace_infinite(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }


def _table(rows: Iterable[Mapping[str, Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    first, *others = rows
    writer = csv.DictWriter(buffer, first)
    writer.writeheader()
    writer.writerows([first, *others])
    # File names may contain bytes that are not valid text.
    return buffer.getvalue().encode("utf-8", "backslashreplace")
