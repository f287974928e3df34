"""``report.html`` of a run: its curves, spectra, errors, frames and units, as one page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fit_image.apps.bits_per_pixel import bits_per_pixel, format_bits
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import Picture
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.report import document
from fit_image.apps.report.commands import command_line
from fit_image.apps.report.frames import RunFrames
from fit_image.apps.report.markup import Html, element, join, radio_buttons
from fit_image.apps.report.pictures import AMPLIFIED, player, thumbnail
from fit_image.apps.report.run.pictures import ErrorMaps, last_pictures, units
from fit_image.apps.report.spectra import spectra
from fit_image.config.layer_spec import format_layers
from fit_image.errors import InputError
from fit_image.storage import atomic

MAX_FRAME_BYTES = 4_000_000
"""Approximate maximum size of the player's frames."""

MAX_SPECTRA = 60
"""Frames whose spectra are measured, if the run has not recorded them."""

# In a chart of both.
_LINES = {"psnr": "pixels shown", "unseen_psnr": "pixels never shown"}


def write_run_report(
    run: FitDirectory,
    *,
    max_spectra: int = MAX_SPECTRA,
    max_frame_bytes: int = MAX_FRAME_BYTES,
    on_part: Callable[[str], None] = lambda part: None,
) -> Path:
    """Write the page to `FitDirectory.report`, atomically, and return that.

    Parameters
    ----------
    on_part : callable
        Called with what is done next: ``spectra``, ``frames`` or ``units``.

    Raises
    ------
    InputError
        If the run has no frame yet, or a file is damaged.
    FitImageError
        If a file cannot be read, or the page cannot be written.
    """
    rows = run.metrics.read()
    frames = RunFrames.of_run(run, rows)
    if not frames or not rows:
        raise InputError(f"{run.path}: it has not learned an epoch yet: nothing to report")
    on_part("spectra")
    found = spectra(frames, max_spectra)
    on_part("frames")
    moving = player([frames, ErrorMaps(**vars(frames))], max_frame_bytes, lambda: None)
    on_part("units")
    figures = _figures(rows)
    values = {
        **_values(run, frames),
        "figures": radio_buttons("figure", {each["title"]: each["title"] for each in figures}),
        "units": _units(run),
        "recorded": _recorded(run),
    }
    data = {
        "figures": figures,
        "epochs": [row.epoch for row in rows],
        "seconds": [round(row.seconds, 3) for row in rows],
        "spectra": found,
        "player": moving,
        "target": thumbnail(frames.read(frames.target)),
    }
    title = f"{values['name']}: a run of fit-image"
    page = document.render("fit_image.apps.report.run", title, values, data)
    # File names may contain bytes that are not valid text.
    atomic.write_bytes(run.report, page.encode("utf-8", "replace"))
    return run.report


def _values(run: FitDirectory, frames: RunFrames) -> dict[str, object]:
    manifest, result = run.manifest, run.result
    picture, fit = manifest.picture, manifest.fit
    last = frames.rows[-1]
    psnr = _psnr(last)
    epochs = f"{last.epoch:,} of {fit.epochs:,} epochs"
    parts = (format_layers(fit.layers), fit.activation, fit.encoding)
    facts = [
        ", ".join(part for part in parts if part != "none"),
        f"{picture.width} x {picture.height} pixels",
        *([_size(result.parameters, picture)] if result else []),
        f"{fit.optimizer}, batch {fit.batch_size}, rate {fit.learning_rate:g}",
        epochs,
        f"{frames.seconds:,.1f} s of training",
        result.status if result else "running",
        *([result.stalled] if result and result.stalled else []),
    ]
    return {
        "name": Path(picture.path).name,
        "headline": psnr or "not drawn yet",
        "facts": join(*(element("span", fact) for fact in facts)),
        "last": f"epoch {last.epoch:,}{psnr and f', {psnr}'}" if last.epoch else "untrained",
        "amplified": AMPLIFIED,
        "command": element("div", element("pre", command_line(manifest)), class_="scroll"),
        **last_pictures(frames),
    }


def _size(parameters: int, picture: Picture) -> str:
    """Return the size of the network, as it is and beside that of the picture."""
    bits = format_bits(bits_per_pixel(parameters, picture.width, picture.height))
    return f"{parameters:,} parameters, {bits} bits a pixel"


def _psnr(row: FitMetrics) -> str:
    if row.psnr is None:
        return ""
    psnr = _decibels(row.psnr)
    unseen = row.unseen_psnr
    return psnr if unseen is None else f"{psnr}, {_decibels(unseen)} of pixels never shown"


def _decibels(psnr: float) -> str:
    return "exact" if math.isinf(psnr) else f"{psnr:.2f} dB"


def _figures(rows: Sequence[FitMetrics]) -> list[dict[str, Any]]:
    """Return the columns of metrics, those in dB in one chart, and each other in its own."""
    names = [name for name in type(rows[0]).formats if name != "seconds"]
    together = {"PSNR (dB)": [name for name in names if name.endswith("psnr")]}
    together |= {name: [name] for name in names if not name.endswith("psnr")}
    values = [row.to_json() for row in rows]
    return [
        {
            "title": title,
            "decibel": title.endswith("(dB)"),
            "lines": [
                {
                    "name": _LINES.get(name, name) if len(lines) > 1 else name,
                    "values": [each[name] for each in values],
                }
                for name in lines
            ],
        }
        for title, lines in together.items()
    ]


def _units(run: FitDirectory) -> Html:
    drawn = units(run)
    if drawn is None:
        return Html("")
    sheet, silent = drawn
    note = f"{silent} never answer." if silent else "All units answer."
    return element(
        "section",
        element("h2", "What its units draw", id="units"),
        element(
            "figure", element("img", src=sheet, alt="A picture of each hidden unit"), id="unit"
        ),
        element(
            "p",
            "What each hidden unit gives over the picture, a row for each layer. Black is a unit's "
            f"least output, for ReLUs zero, and white its largest. {note}",
            class_="note",
        ),
        aria_labelledby="units",
    )


def _recorded(run: FitDirectory) -> str:
    if run.spectrum.path.exists():
        return "All epochs are in spectrum.csv."
    return f"At most {MAX_SPECTRA} frames are measured; a run with --spectrum records all."
