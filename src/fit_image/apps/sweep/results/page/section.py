"""The part of the page on one picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fit_image.apps.report.commands import command_line
from fit_image.apps.report.pictures import player
from fit_image.apps.report.spectra import spectra
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.frames import TrialFrames
from fit_image.apps.sweep.results.halving import Contest
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.apps.sweep.results.report_data import best_first, curves
from fit_image.apps.sweep.results.report_pictures import compare_finals
from fit_image.apps.sweep.results.seed_group import group_by_seed
from fit_image.apps.sweep.results.summary import findings, halving_findings, remarks

COLOURS = 7
"""Colours in the style sheet; further groups repeat them with other dashes."""

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


class Section:
    """The part of the page about one picture."""

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
        hold_out = groups[0].trial.manifest.fit.hold_out
        self.held_out = hold_out is not None
        self.has_stalled = any(group.stalled for group in groups)
        size = f"{self.picture.width} x {self.picture.height}"
        self.size = f"{size}, hold out {hold_out}" if self.held_out else size
        self.wide = self.picture.width > self.picture.height
        if folder.halving is None:
            self.findings = findings(groups)
        else:
            self.findings = halving_findings(Contest.of(outcomes, folder.halving), groups)
        self.remarks = remarks(groups)
        # All into a folder of their own, so that they can be called one after the other.
        self.commands = [
            f"{command_line(group.trial.manifest)} -o {group.trial.key}" for group in groups
        ]
        self.ranked = best_first(groups)
        unranked = (index for index in range(len(groups)) if index not in self.ranked)
        self.order = [*self.ranked, *unranked]
        self.curves = [
            {
                "group": index,
                **curves(groups[index]),
                "unseen": curves(groups[index], "unseen_psnr") if self.held_out else None,
            }
            for index in sorted(self.ranked[:max_curves])
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
        self.spectra = [
            {"group": index, **spectra(each, most=1)} for index, each in self.frames.items()
        ]
        self.player = player(trials, most_bytes, on_trial)

    def for_script(self) -> dict[str, Any]:
        """Return the data of the page's script, as JSON values."""
        return {
            "groups": self.styles,
            "curves": self.curves,
            "spectra": self.spectra,
            "pictured": [*self.frames],
            "player": self.player,
            "target": self.sheet and self.sheet["target"],
            "wide": self.wide,
        }
