"""Labels of trials: what distinguishes each from the others of its sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fit_image.apps.sweep.plan.trial import Trial, layers_label
from fit_image.config.fit import option_of
from fit_image.config.usage import unused_fields
from fit_image.errors import excerpt
from fit_image.storage.dataclass_json import to_json

# Fields that label a trial, the most telling first; those that follow from others are left out.
_LABEL_ORDER = ("picture", "preset", "layers", "encoding", "activation", "optimizer")


def distinguishing_fields(trials: Sequence[Trial]) -> list[str]:
    """Return the names of few fields that distinguish all trials, the seed left out."""
    settings = [trial_settings(trial) for trial in trials]
    names = [*_LABEL_ORDER, *(name for name in settings[0] if name not in _LABEL_ORDER)]
    chosen: list[str] = []

    def distinct(names: Sequence[str]) -> int:
        return len({tuple(each[name] for name in names) for each in settings})

    for name in names:
        if name != "seed" and distinct([*chosen, name]) > distinct(chosen):
            chosen.append(name)
    return chosen


def label_trials(trials: Sequence[Trial]) -> list[str]:
    """Return a label for each trial: the values of the fields that distinguish them."""
    if not trials:
        return []
    names = distinguishing_fields(trials) or ["layers"]
    pictures = _names({each.manifest.picture.sha256: each.manifest.picture.path for each in trials})
    labels = []
    for trial in trials:
        unused = unused_fields(trial.manifest.fit)
        parts = (_format_setting(trial, name, pictures) for name in names if name not in unused)
        labels.append(", ".join(parts))
    return labels


def _names(paths: Mapping[str, str]) -> dict[str, str]:
    """Return names of pictures by SHA-256, as short as possible without being ambiguous."""
    stems = {sha256: _printable(Path(path).stem) for sha256, path in paths.items()}
    whole = {sha256: _printable(path) for sha256, path in paths.items()}
    # A picture that was replaced has the same path as its successor.
    numbered = {sha256: f"{name} ({sha256[:8]})" for sha256, name in whole.items()}
    return next(
        (names for names in (stems, whole) if len({*names.values()}) == len(names)), numbered
    )


def _printable(name: str) -> str:
    return excerpt("".join(letter if letter.isprintable() else "?" for letter in name))


def _format_setting(trial: Trial, name: str, pictures: Mapping[str, str]) -> str:
    if name == "layers":
        return layers_label(trial.manifest.fit.layers)
    value = trial_settings(trial)[name]
    if name == "picture":
        return pictures[value]
    if name in _LABEL_ORDER and value != "none":
        return excerpt(value)
    text = "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{option_of(name).removeprefix('--').replace('-', ' ')} {text}"


def trial_settings(trial: Trial) -> dict[str, Any]:
    """Return all settings of a trial by field name; the picture is its SHA-256."""
    manifest = trial.manifest
    return {
        "picture": manifest.picture.sha256,
        "preset": manifest.preset,
        **to_json(manifest.fit),
        **to_json(manifest.image),
        "frame_every": manifest.record.frame_every,
    }
