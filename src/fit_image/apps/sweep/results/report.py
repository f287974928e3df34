"""``report.html``: the results of a sweep as one self-contained page."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import by_target
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.apps.sweep.results.page.document import render
from fit_image.apps.sweep.results.page.section import Section
from fit_image.apps.sweep.results.report_data import MAX_CURVES
from fit_image.errors import InputError
from fit_image.storage import atomic

MAX_PICTURED = 24
"""Maximum number of groups with pictures."""

MAX_FRAME_BYTES = 11_000_000
"""Approximate maximum size of the player's frames."""


def write_report(
    folder: SweepDirectory,
    outcomes: Sequence[Outcome],
    *,
    max_curves: int = MAX_CURVES,
    max_pictured: int = MAX_PICTURED,
    max_frame_bytes: int = MAX_FRAME_BYTES,
    on_step: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the page to `SweepDirectory.report`, atomically, and return that.

    Parameters
    ----------
    max_curves, max_pictured : int
        If there are more groups, the best have curves and pictures.
    max_frame_bytes : int
        Approximate size of the player's frames; the fewer bytes, the fewer frames.
    on_step : callable, optional
        Called with the number of trials whose frames are in the page, and their total.

    Raises
    ------
    InputError
        If no trial has a frame with a PSNR, or a file is damaged.
    FitImageError
        If a frame cannot be read, or the page cannot be written.
    """
    check_drawn(folder, outcomes)
    targets = by_target(outcomes, lambda outcome: outcome.trial)
    sections = [Section(folder, each, max_curves, max_pictured) for each in targets]
    total = sum(len(section.frames) for section in sections)
    steps = itertools.count(1)

    def on_trial() -> None:
        if on_step:
            on_step(next(steps), total)

    for section in sections:
        section.draw(max_frame_bytes // len(sections), on_trial)
    page = render(sections, max_curves)
    # File names may contain bytes that are not valid text.
    atomic.write_bytes(folder.report, page.encode("utf-8", "replace"))
    return folder.report


def check_drawn(folder: SweepDirectory, outcomes: Sequence[Outcome]) -> None:
    """Raise `InputError` if no trial has a frame with a PSNR."""
    if not any(outcome.drawn for outcome in outcomes):
        raise InputError(f"{folder.path}: no trial has drawn a picture yet: nothing to report")
