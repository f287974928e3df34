"""Facts of a training that do not change, as the page shows them."""

from __future__ import annotations

from typing import Any

from fit_image.apps.fit.directory import FitDirectory
from fit_image.config.layer_spec import format_layers
from fit_image.config.presets import check_preset
from fit_image.live.networks import describe_networks
from fit_image.live.reel import Reel
from fit_image.runs.directory import RunDirectory

_TITLES = {
    "psnr": "PSNR (dB)",
    "unseen_psnr": "PSNR of pixels never shown (dB)",
    "gain": "Gain over JPEG (dB)",
}
"""Of the metrics that people look at first; those of others are their names."""

_LOGARITHMIC = ("loss", "error", "damage")
"""Ends of the names of metrics that fall by orders of magnitude."""

_NO_OPTIONS = {"sha256", "picture", "data", "width", "height", "remarks"}


def make_reel(
    directory: RunDirectory, epoch_size: int, key: str = "run", label: str = "", series: int = 0
) -> Reel:
    """Return the reel of a training.

    Parameters
    ----------
    directory : RunDirectory
        Of which nothing needs to be written yet.
    epoch_size : int
        Positions of an epoch, as in `fit_image.runs.progress.Status`.
    key, label : str
        Of `Reel`.
    series : int
        Which colour and dash its line in the charts has.
    """
    columns = [name for name in directory.row_type.formats if name != "seconds"]
    columns.sort(key=lambda name: name not in _TITLES)
    is_picture = isinstance(directory, FitDirectory)
    networks = describe_networks(directory)
    facts = {
        "columns": [_column(name) for name in columns],
        "epochs": directory.manifest.epochs,
        "epochSize": epoch_size,
        "unit": "pixels" if is_picture else "rounds",
        "target": directory.target is not None,
        "larger": is_picture,
        "words": _words(directory, sum(each["parameters"] for each in networks)),
        "networks": networks,
        "options": _options(directory),
        "series": series,
        "path": str(directory.path),
    }
    return Reel(key, label, directory, facts, columns)


def _column(name: str) -> dict[str, Any]:
    title = _TITLES.get(name, name.replace("_", " ").capitalize())
    decibels = "(dB)" in title
    logarithmic = name.endswith(_LOGARITHMIC)
    return {"name": name, "title": title, "decibels": decibels, "logarithmic": logarithmic}


def _words(directory: RunDirectory, parameters: int) -> list[str]:
    words = [f"{parameters:,} parameters", f"{directory.manifest.epochs:,} epochs"]
    if isinstance(directory, FitDirectory):
        manifest = directory.manifest
        picture = manifest.picture
        preset = check_preset(manifest.preset)
        words = [
            f"{picture.width} x {picture.height} pixels",
            format_layers(manifest.fit.layers),
            *words,
            *([] if preset == "classic" else [f"preset {preset}"]),
        ]
    return words


def _options(directory: RunDirectory) -> list[tuple[str, str]]:
    facts = directory.manifest.describe()
    return [
        (name.replace("_", " "), _text(value))
        for name, value in facts.items()
        if name not in _NO_OPTIONS
    ]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
