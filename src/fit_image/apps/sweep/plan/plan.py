"""From values asked for to trials: every combination of them, each network once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from fit_image.apps.memory import check_memory
from fit_image.apps.source import load_source
from fit_image.apps.sweep.plan.trial import Trial, count_parameters, layers_label
from fit_image.apps.sweep.plan.width_matching import match_layers
from fit_image.apps.usage import unused_fields
from fit_image.components import CHANNELS, OPTIMIZERS
from fit_image.config import FitConfig, ImageConfig, RecordConfig, option_of
from fit_image.errors import InputError
from fit_image.manifest import Manifest, Picture
from fit_image.notation import Hidden
from fit_image.presets import preset_config

Axes = Mapping[str, Sequence[Any]]
"""Values of fields of `FitConfig` and `ImageConfig`, and of ``preset``."""


@dataclass(frozen=True)
class SweepSpec:
    """What a sweep is asked.

    Attributes
    ----------
    pictures : tuple of Path
    rows : tuple of Axes
        Of each, every combination of values is a trial with each picture.
    record : RecordConfig
        What is kept of every trial.
    match_params : tuple of Hidden or None
        Widths are changed so that every network has as many parameters as this one.
    """

    pictures: tuple[Path, ...]
    rows: tuple[Axes, ...]
    record: RecordConfig = field(default_factory=RecordConfig)
    match_params: tuple[Hidden, ...] | None = None

    def __len__(self) -> int:
        """Return the number of combinations; some may turn out to be the same trial."""
        return len(self.pictures) * sum(math.prod(map(len, row.values())) for row in self.rows)

    def combinations(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield each picture with each combination of values, by their names."""
        for path, row in itertools.product(self.pictures, self.rows):
            for values in itertools.product(*row.values()):
                yield path, dict(zip(row, values, strict=True))


def plan_trials(spec: SweepSpec) -> list[Trial]:
    """Return the trials that answer a spec, each once, in the order of the values.

    A value that a combination has no use for, such as the frequency of waves with ReLUs, is left
    out of it.

    Raises
    ------
    InputError
        If there is nothing to try, a picture cannot be used, a combination is impossible or does
        not fit in memory, or a value would change nothing in any of them.
    """
    pictures = cache(lambda path, prepare: load_source(path, prepare).picture)
    trials: dict[str, Trial] = {}
    ignored: dict[str, str] = {}
    used: set[str] = set()
    for path, values in spec.combinations():
        try:
            prepare = ImageConfig(**_only(ImageConfig, values))
            picture = pictures(path, prepare)
            preset = values.get("preset", "classic")
            fit, unused = _configure(preset, picture, _only(FitConfig, values))
            channels = CHANNELS[prepare.channels]
            if spec.match_params:
                fit = _matched(fit, spec.match_params, picture, channels)
            check_memory(fit, (picture.width, picture.height), channels)
        except InputError as error:
            raise InputError(f"{_named(spec, values)}{error}") from error
        ignored |= unused
        used |= values.keys() - unused.keys()
        trial = Trial.of(Manifest(picture, fit, prepare, spec.record, preset))
        trials.setdefault(trial.key, trial)
    if not trials:
        raise InputError("there is nothing to try: give at least one value for every option")
    for name, reason in ignored.items():
        if name not in used:
            raise InputError(f"{option_of(name)} would change nothing: {reason}")
    return list(trials.values())


def _configure(
    preset: str, picture: Picture, values: Mapping[str, Any]
) -> tuple[FitConfig, dict[str, str]]:
    """Return the configuration, and the values that it has no use for, with the reasons."""
    size = (picture.width, picture.height)
    # Without what only one optimizer takes, until it is known which one this is.
    values = dict(values)
    decay = values.pop("weight_decay", None)
    fit = preset_config(preset, *size, **values)
    unused = {name: why for name, why in unused_fields(fit).items() if name in values}
    values = {name: value for name, value in values.items() if name not in unused}
    if decay is not None:
        if OPTIMIZERS[fit.optimizer].weight_decay is None:
            unused["weight_decay"] = "it is for adamw"
        else:
            values["weight_decay"] = decay
    return preset_config(preset, *size, **values), unused


def _matched(
    fit: FitConfig, like: tuple[Hidden, ...], picture: Picture, channels: int
) -> FitConfig:
    def count(layers: tuple[Hidden, ...]) -> int:
        size = (picture.width, picture.height)
        return sum(count_parameters(replace(fit, layers=layers), size, channels))

    return replace(fit, layers=match_layers(fit.layers, count(like), count))


def _only(config: type, values: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: values[each.name] for each in fields(config) if each.name in values}


def _named(spec: SweepSpec, values: Mapping[str, Any]) -> str:
    """Return which combination this is, by the values that differ; empty if none do."""
    differing = [
        f"{option_of(name)} {_shown(value)}"
        for name, value in values.items()
        if len({each for row in spec.rows for each in row.get(name, (None,))}) > 1
    ]
    return f"{', '.join(differing)}: " if differing else ""


def _shown(value: Any) -> str:
    return layers_label(value) if isinstance(value, tuple) else str(value)
