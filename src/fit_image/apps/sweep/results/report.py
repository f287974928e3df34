"""``report.html``: the results of a sweep as one self-contained page."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from fit_image.apps.hidden_layers import describe_silent
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.frames import TrialFrames
from fit_image.apps.sweep.results.outcome import LEVELS, Outcome, group_by_seed
from fit_image.apps.sweep.results.report_data import MAX_CURVES, best_first, command_line, curves
from fit_image.apps.sweep.results.report_pictures import AMPLIFIED, compare_finals, player
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
        If no trial has a frame with a PSNR, a file is damaged, or plotly or jinja2 is missing.
    FitImageError
        If a frame cannot be read, or the page cannot be written.
    """
    check_drawn(folder, outcomes)
    check_extra()
    by_target: dict[object, list[Outcome]] = {}
    for outcome in outcomes:
        by_target.setdefault(outcome.trial.target, []).append(outcome)
    sections = [_Section(folder, each, max_curves, max_pictured) for each in by_target.values()]
    total = sum(len(section.frames) for section in sections)
    steps = itertools.count(1)

    def on_trial() -> None:
        if on_step:
            on_step(next(steps), total)

    for section in sections:
        section.draw(max_frame_bytes // len(sections), on_trial)
    page = _render(sections, outcomes, max_curves)
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
    """The part of the page about one picture; the template reads its attributes."""

    def __init__(
        self,
        folder: SweepDirectory,
        outcomes: Sequence[Outcome],
        max_curves: int,
        max_pictured: int,
    ) -> None:
        self.outcomes = outcomes
        self.groups = groups = group_by_seed(outcomes)
        self.styles = [
            {
                "label": group.label,
                "colour": index % COLOURS,
                "dash": _DASHES[index // COLOURS % len(_DASHES)],
            }
            for index, group in enumerate(groups)
        ]
        self.picture = groups[0].trial.manifest.picture
        self.name = Path(self.picture.path).name
        self.wide = self.picture.width > self.picture.height
        self.findings = findings(groups)
        self.remarks = remarks(groups)
        # All into a folder of their own, so that they can be called one after the other.
        self.commands = [f"{command_line(group.trial)} -o {group.trial.key}" for group in groups]
        self.ranked = best_first(groups)
        unranked = (index for index in range(len(groups)) if index not in self.ranked)
        self.order = [*self.ranked, *unranked]
        self.curves = [
            {"group": index, **curves(groups[index])} for index in sorted(self.ranked[:max_curves])
        ]
        frames = (
            (index, TrialFrames.of(folder, groups[index].label, groups[index].drawn))
            for index in self.ranked
        )
        with_frames = ((index, each) for index, each in frames if each)
        self.frames = dict(sorted(itertools.islice(with_frames, max_pictured)))
        self.sheet: dict[str, Any] | None = None

    def draw(self, most_bytes: int, on_trial: Callable[[], None]) -> None:
        """Add the pictures."""
        trials = [*self.frames.values()]
        if trials:
            target = trials[0].read(trials[0].target)
            self.sheet = compare_finals(target, [each.read(each.files[-1]) for each in trials])
        self.player = player(trials, most_bytes, on_trial)

    def for_script(self) -> dict[str, Any]:
        """Return the data of the page's script, as JSON values."""
        return {
            "groups": self.styles,
            "curves": self.curves,
            "pictured": [*self.frames],
            "player": self.player,
            "target": self.sheet and self.sheet["target"],
            "wide": self.wide,
        }


def _render(sections: Sequence[_Section], outcomes: Sequence[Outcome], max_curves: int) -> str:
    import jinja2
    import plotly.offline

    page = files("fit_image.apps.sweep.results") / "page"
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["format_digits"] = format_digits
    environment.filters["describe_silent"] = describe_silent
    groups = [group for section in sections for group in section.groups]
    return environment.from_string((page / "page.html").read_text("utf-8")).render(
        sections=sections,
        data=[section.for_script() for section in sections],
        style=(page / "page.css").read_text("utf-8"),
        script=(page / "page.js").read_text("utf-8"),
        plotly=plotly.offline.get_plotlyjs(),
        levels=LEVELS,
        amplified=AMPLIFIED,
        most_commands=max_curves,
        inf=math.inf,
        version=__version__,
        names=[*dict.fromkeys(section.name for section in sections)],
        trials=len(outcomes),
        networks=max(len(section.groups) for section in sections),
        seeds=_range([len(group.outcomes) for group in groups], "seed"),
        parameters=_range([group.trial.parameters for group in groups], "parameter"),
        epochs=_range([outcome.epochs for outcome in outcomes if outcome.epochs], "epoch"),
    )


def _range(counts: Sequence[int], noun: str) -> str:
    """Format a range of counts, such as ``1 seed`` or ``1,803 to 2,643 parameters``."""
    least, most = min(counts), max(counts)
    ending = "" if most == 1 else "s"
    return f"{least:,}{f' to {most:,}' if most > least else ''} {noun}{ending}"
