"""Folder of a sweep: its list of trials, and the paths of its files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.sweep.plan.halving import rungs_of
from fit_image.apps.sweep.plan.trial import Trial, by_target
from fit_image.config.animation import AnimationConfig
from fit_image.config.registry import HALVING_FACTORS
from fit_image.errors import FitImageError, InputError, excerpt, one_line, os_error_reason
from fit_image.storage import atomic
from fit_image.storage.json_document import read_document
from fit_image.storage.locking import lock_folder
from fit_image.storage.untrusted import check_not_link

FORMAT_VERSION = 1


class SweepDirectory:
    """Folder of a sweep.

    Attributes
    ----------
    trials : tuple of Trial
        Without duplicates, in the order of the plan.
    failures : dict of str to str
        Reasons of failed trials, by key.
    halving : int or None
        Factor of successive halving; None if all trials are trained to their end.

    Raises
    ------
    InputError
        If ``halving`` is impossible with these trials.
    """

    def __init__(
        self,
        path: Path,
        trials: Iterable[Trial] = (),
        failures: Mapping[str, str] | None = None,
        halving: int | None = None,
    ) -> None:
        self.path = path
        self.trials = tuple({trial.key: trial for trial in trials}.values())
        self.failures = dict(failures or {})
        self.halving = halving
        if halving is not None:
            for each in by_target(self.trials, lambda trial: trial):
                rungs_of(each, halving)
        self.results_csv = path / "results.csv"
        self.results_json = path / "results.json"
        self.means_csv = path / "means.csv"
        self.comparison = path / "comparison.gif"
        self.report = path / "report.html"

    @staticmethod
    def holds_sweep(path: Path) -> bool:
        """Return whether ``path`` is the folder of a sweep."""
        return (path / "sweep.json").exists()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read the ``sweep.json`` of a folder; `InputError` if it is missing or damaged."""
        path = Path(path)
        file = path / "sweep.json"
        data = read_document(file, "sweep", FORMAT_VERSION)
        trials, failures = data.get("trials"), data.get("failures")
        if not isinstance(trials, list) or not trials or not isinstance(failures, dict):
            raise InputError(f"{file} is damaged: it has no list of trials")
        halving = data.get("halving")
        least, most = HALVING_FACTORS
        if halving is not None and not (type(halving) is int and least <= halving <= most):
            raise InputError(f"{file} is damaged: 'halving' is {excerpt(repr(halving))}")
        reasons = {key: str(reason) for key, reason in failures.items()}
        try:
            return cls(path, map(Trial.from_json, trials), reasons, halving)
        except InputError as error:
            raise InputError(f"{file} is damaged: {error}") from error

    def write(self) -> None:
        """Write ``sweep.json``, and create the folder if necessary.

        Raises
        ------
        InputError
            If it has a link in place of a folder.
        FitImageError
            If it cannot be written.
        """
        data = {
            "format": FORMAT_VERSION,
            "trials": [trial.to_json() for trial in self.trials],
            "failures": self.failures,
            **({} if self.halving is None else {"halving": self.halving}),
        }
        self._check_links()
        text = json.dumps(data, indent=1, allow_nan=False)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            atomic.remove_leftovers(self.path)
            # First: a folder with others and without this file would be refused as no sweep's.
            atomic.write_bytes(self.path / "sweep.json", f"{text}\n".encode())
            (self.path / "trials").mkdir(exist_ok=True)
        except OSError as error:
            raise FitImageError(
                f"cannot use the folder {self.path}: {os_error_reason(error)}"
            ) from error

    def extended(self, trials: Iterable[Trial], halving: int | None = None) -> SweepDirectory:
        """Return the folder with more trials; nothing is written before `write`.

        Raises
        ------
        InputError
            If ``halving`` is impossible with these trials, or with those in the folder beside them.
        """
        added = tuple(trials)
        try:
            return SweepDirectory(self.path, (*self.trials, *added), self.failures, halving)
        except InputError as error:
            SweepDirectory(self.path, added, halving=halving)
            problem = f"{error}; {one_line(self.path)} holds other trials: choose another folder"
            raise InputError(problem, fields=error.fields) from error

    @property
    def animation(self) -> AnimationConfig:
        """How the frames of the newest trial are shown."""
        return self.trials[-1].manifest.animation

    def run_path(self, trial: Trial) -> Path:
        """Return the folder of a trial's run."""
        return self.path / "trials" / trial.key

    def run(self, trial: Trial) -> FitDirectory | None:
        """Return a trial's run, None before it has started; `InputError` if it is damaged."""
        path = self.run_path(trial)
        try:
            return FitDirectory.open(path) if FitDirectory.holds_run(path) else None
        except InputError as error:
            raise InputError(f"{error}; delete its folder to train the trial again") from error

    def locked(self) -> AbstractContextManager[None]:
        """Lock the folder against other processes, as a context manager.

        `InputError` if it has a link in place of a folder.
        """
        self._check_links()
        return lock_folder(self.path)

    def _check_links(self) -> None:
        for path in (self.path / "trials", *map(self.run_path, self.trials)):
            check_not_link(path)
