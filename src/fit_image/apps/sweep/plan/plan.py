"""Expansion of a sweep's specification into trials."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from fit_image.apps.fit.architecture import sized
from fit_image.apps.fit.learner import check_memory
from fit_image.apps.fit.manifest import FitManifest, Picture
from fit_image.apps.fit.metrics import row_type
from fit_image.apps.fit.picture_source import load_source
from fit_image.apps.sizing.width_matching import match_layers
from fit_image.apps.sweep.plan.rates import RateFinder
from fit_image.apps.sweep.plan.trial import Trial, layers_label
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig, option_of
from fit_image.config.hold_out import check_hold_out
from fit_image.config.layer_spec import Hidden
from fit_image.config.presets import preset_config
from fit_image.config.registry import AUTO_RATE, CHANNELS, OPTIMIZERS
from fit_image.config.usage import unused_fields
from fit_image.errors import InputError, one_line
from fit_image.runs.animate import check_animation_size, check_caption

Axes = Mapping[str, Sequence[Any]]
"""Values of fields of `FitConfig` and `ImageConfig`, and of ``preset``."""


@dataclass(frozen=True)
class SweepSpec:
    """Specification of a sweep.

    Attributes
    ----------
    pictures : tuple of Path
    grids : tuple of Axes
        Every combination of a grid's values is a trial with each picture.
    record : RecordConfig
        Frames and animations of every trial.
    match_params : tuple of Hidden or None
        Reference layers: all widths are scaled to the parameter count of these.
    """

    pictures: tuple[Path, ...]
    grids: tuple[Axes, ...]
    record: RecordConfig = field(default_factory=RecordConfig)
    match_params: tuple[Hidden, ...] | None = None

    def __len__(self) -> int:
        """Return the number of combinations, of which some may be the same trial."""
        return len(self.pictures) * sum(math.prod(map(len, grid.values())) for grid in self.grids)

    def combinations(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield each picture with each combination of values by field name."""
        for path, grid in itertools.product(self.pictures, self.grids):
            for values in itertools.product(*grid.values()):
                yield path, dict(zip(grid, values, strict=True))


def plan_trials(spec: SweepSpec, find_rate: RateFinder | None = None) -> list[Trial]:
    """Return the trials of a sweep, without duplicates, in the order of the values.

    Values that a combination does not use, such as ``omega`` with ReLUs, are dropped from it. A
    ``learning_rate`` that is ``auto`` is found, when all else is known to be right.

    Raises
    ------
    InputError
        If there are no trials, a picture cannot be read, a combination is invalid or does not fit
        in memory, a value has no effect in any combination, or the caption has a number that a
        trial has not.
    """
    pictures = cache(lambda path, prepare: load_source(path, prepare).picture)
    manifests: list[tuple[FitManifest, bool]] = []
    ignored: dict[str, str] = {}
    used: set[str] = set()
    for path, values in spec.combinations():
        concerned = _select(ImageConfig, values)
        picture: Picture | None = None
        try:
            prepare = ImageConfig(**concerned)
            picture = pictures(path, prepare)
            concerned = dict(values)
            preset = values.get("preset", "classic")
            fit, unused = _configure(preset, picture, prepare, _select(FitConfig, values))
            manifest = FitManifest(picture, fit, prepare, spec.record, preset)
            if spec.match_params:
                if fit.max_parameters is not None:
                    problem = "max_parameters and match_params exclude each other"
                    raise InputError(problem, fields=("max_parameters", "match_params"))
                manifest = _match_parameters(manifest, spec.match_params)
            size = (picture.width, picture.height)
            check_hold_out(manifest.fit.hold_out, *size)
            check_memory(manifest.fit, size, CHANNELS[prepare.channels])
        except InputError as error:
            where = [one_line(path)] if picture and len(spec.pictures) > 1 else []
            message = ": ".join([*where, *_describe(spec, concerned), str(error)])
            raise InputError(message, fields=error.fields) from error
        ignored |= unused
        used |= values.keys() - unused.keys()
        manifests.append((manifest, values.get("learning_rate") == AUTO_RATE))
    if not manifests:
        raise InputError("no trials: give at least one value for every option")
    for rows in {row_type(manifest.fit) for manifest, _ in manifests}:
        check_caption(spec.record, rows.columns())
    sizes = {(manifest.picture.width, manifest.picture.height) for manifest, _ in manifests}
    for name, size in itertools.product(spec.record.animations, sizes):
        check_animation_size(Path(name), *size, spec.record)
    for name, reason in ignored.items():
        if name not in used:
            raise InputError(f"{option_of(name)} would change nothing: {reason}")
    find_rate = find_rate or RateFinder()
    trials: dict[str, Trial] = {}
    for manifest, is_auto in manifests:
        if is_auto:
            rate = find_rate(manifest)
            manifest = replace(manifest, fit=replace(manifest.fit, learning_rate=rate))
        trial = Trial(manifest)
        trials.setdefault(trial.key, trial)
    return list(trials.values())


def _configure(
    preset: str, picture: Picture, prepare: ImageConfig, values: Mapping[str, Any]
) -> tuple[FitConfig, dict[str, str]]:
    """Return the configuration, and the values that have no effect, with the reasons."""
    size = (picture.width, picture.height)
    # The optimizer must be known before an option that only one of them takes.
    values = dict(values)
    decay = values.pop("weight_decay", None)
    if values.get("learning_rate") == AUTO_RATE:
        del values["learning_rate"]  # found when all else is known
    fit = preset_config(preset, *size, **values)
    unused = {name: why for name, why in unused_fields(fit).items() if name in values}
    values = {name: value for name, value in values.items() if name not in unused}
    if decay is not None:
        if OPTIMIZERS[fit.optimizer].weight_decay is None:
            unused["weight_decay"] = "it is for adamw"
        else:
            values["weight_decay"] = decay
    fit = preset_config(preset, *size, **values)
    return sized(fit, size, CHANNELS[prepare.channels]), unused


def _match_parameters(manifest: FitManifest, like: tuple[Hidden, ...]) -> FitManifest:
    fit = manifest.fit

    def count(layers: tuple[Hidden, ...]) -> int:
        return Trial(replace(manifest, fit=replace(fit, layers=layers))).parameters

    return replace(manifest, fit=replace(fit, layers=match_layers(fit.layers, count(like), count)))


def _select(config: type, values: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: values[each.name] for each in fields(config) if each.name in values}


def _describe(spec: SweepSpec, values: Mapping[str, Any]) -> list[str]:
    """Return a text of the values of a combination that vary in the sweep; none if none do."""
    varying = [
        f"{option_of(name)} {_shown(value)}"
        for name, value in values.items()
        if len({each for grid in spec.grids for each in grid.get(name, (None,))}) > 1
    ]
    return [", ".join(varying)] if varying else []


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return layers_label(value)
    return "none" if value is None else str(value)
