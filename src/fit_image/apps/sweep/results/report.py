"""``report.html``: the results of a sweep as one self-contained page."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.outcome import LEVELS, Outcome, group_by_seed
from fit_image.apps.sweep.results.report_data import (
    MAX_CURVES,
    best_first,
    command_line,
    curves,
    group_row,
    representatives,
    trial_row,
)
from fit_image.apps.sweep.results.report_pictures import (
    AMPLIFIED,
    FrameSequence,
    compare_finals,
    player,
)
from fit_image.apps.sweep.results.summary import findings, format_digits, remarks
from fit_image.errors import InputError
from fit_image.storage import atomic
from fit_image.version import __version__

MAX_PICTURED = 24
"""Maximum number of groups with pictures."""

COLOURS = 7
"""Colours in the style sheet; further groups repeat them with other dashes."""

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")

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
    """Write the page atomically.

    Parameters
    ----------
    folder : SweepDirectory
        The page is its ``report``.
    outcomes : sequence of Outcome
        Of its trials.
    max_curves, max_pictured : int
        If there are more groups, the best have curves and pictures.
    max_frame_bytes : int
        Approximate size of the player's frames; the fewer bytes, the fewer frames.
    on_step : callable, optional
        Called with the number of trials whose frames are in the page, and their total.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If no trial has a frame with a PSNR, a file is damaged, or plotly or jinja2 is missing.
    FitImageError
        If a frame cannot be read, or the page cannot be written.
    """
    check_drawn(folder, outcomes)
    check_extra()
    sections = [_Section(folder, each, max_curves, max_pictured) for each in _by_picture(outcomes)]
    total = sum(len(section.reels) for section in sections)
    done = 0

    def on_trial() -> None:
        nonlocal done
        done += 1
        if on_step:
            on_step(done, total)

    room = max_frame_bytes // len(sections)
    page = _render([section.values(room, on_trial) for section in sections], outcomes, max_curves)
    # File names may contain bytes that are not valid text.
    atomic.write_bytes(folder.report, page.encode("utf-8", "backslashreplace"))
    return folder.report


def check_drawn(folder: SweepDirectory, outcomes: Sequence[Outcome]) -> None:
    """Raise `InputError` if no trial has a frame with a PSNR."""
    if not any(outcome.drawn for outcome in outcomes):
        raise InputError(f"{folder.path}: no trial has drawn a picture yet: nothing to report")


def check_extra() -> None:
    """Raise `InputError` if plotly or jinja2 is not installed."""
    try:
        import jinja2  # noqa: F401
        import plotly.offline  # noqa: F401
    except ImportError:
        problem = "report.html needs plotly and jinja2"
        raise InputError(f"{problem}: pip install 'fit-image[report]'") from None


class _Section:
    """The part of the page about one picture."""

    def __init__(
        self,
        folder: SweepDirectory,
        outcomes: Sequence[Outcome],
        max_curves: int,
        max_pictured: int,
    ) -> None:
        self._folder = folder
        self.groups = group_by_seed(outcomes)
        self.ranked = best_first(self.groups)
        self.curves = sorted(self.ranked[:max_curves])
        reels = (
            (index, FrameSequence.of(folder, representatives(self.groups[index])[0]))
            for index in self.ranked
        )
        with_frames = ((index, reel) for index, reel in reels if reel)
        self.reels = dict(sorted(itertools.islice(with_frames, max_pictured)))

    def values(self, most_bytes: int, on_trial: Callable[[], None]) -> dict[str, Any]:
        """Return the values for the template and the script."""
        groups, ranked, reels = self.groups, self.ranked, [*self.reels.values()]
        picture = groups[0].trial.manifest.picture
        sheet = None
        if reels:
            target = reels[0].target(self._folder)
            sheet = compare_finals(target, [reel.final for reel in reels])
        return {
            "name": Path(picture.path).name,
            "size": f"{picture.width} x {picture.height}",
            "wide": picture.width > picture.height,
            "sha256": picture.sha256,
            "findings": findings(groups),
            "remarks": remarks(groups),
            "groups": [
                {"label": group.label, **_style(index), **group_row(group)}
                for index, group in enumerate(groups)
            ],
            "commands": [command_line(group.trial) for group in groups],
            "trials": [
                {"label": group.label, "group": index, **trial_row(outcome)}
                for index, group in enumerate(groups)
                for outcome in group.outcomes
            ],
            "order": ranked + [index for index in range(len(groups)) if index not in ranked],
            "ranked": len(ranked),
            "curves": [{"group": index, **curves(groups[index])} for index in self.curves],
            "pictured": [*self.reels],
            "sheet": sheet,
            "target": sheet and sheet["target"],
            "player": player(reels, most_bytes, on_trial),
        }


def _style(index: int) -> dict[str, Any]:
    dash = _DASHES[index // COLOURS % len(_DASHES)]
    return {"colour": index % COLOURS, "dash": dash}


def _by_picture(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Group outcomes by target: PSNRs of different targets do not compare."""
    sections: dict[object, list[Outcome]] = {}
    for outcome in outcomes:
        manifest = outcome.trial.manifest
        sections.setdefault((manifest.picture.sha256, manifest.image), []).append(outcome)
    return [*sections.values()]


def _render(
    sections: Sequence[dict[str, Any]], outcomes: Sequence[Outcome], max_curves: int
) -> str:
    import jinja2
    import plotly.offline

    page = files("fit_image.apps.sweep.results") / "page"
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["format_digits"] = format_digits
    groups = [group for section in sections for group in section["groups"]]
    for_script = ("groups", "curves", "pictured", "player", "target", "wide")
    return environment.from_string((page / "page.html").read_text("utf-8")).render(
        sections=sections,
        data=[{name: section[name] for name in for_script} for section in sections],
        style=(page / "page.css").read_text("utf-8"),
        script=(page / "page.js").read_text("utf-8"),
        plotly=plotly.offline.get_plotlyjs(),
        levels=LEVELS,
        amplified=AMPLIFIED,
        most_commands=max_curves,
        inf=math.inf,
        version=__version__,
        names=[*dict.fromkeys(section["name"] for section in sections)],
        trials=len(outcomes),
        networks=max(len(section["groups"]) for section in sections),
        seeds=_range([group["asked"] for group in groups], "seed"),
        parameters=_range([group["parameters"] for group in groups], "parameter"),
        epochs=_range([outcome.epochs for outcome in outcomes if outcome.epochs], "epoch"),
    )


def _range(counts: Sequence[int], noun: str) -> str:
    """Format a range of counts, such as ``1 seed`` or ``1,803 to 2,643 parameters``."""
    least, most = min(counts), max(counts)
    ending = "" if most == 1 else "s"
    return f"{least:,}{f' to {most:,}' if most > least else ''} {noun}{ending}"
