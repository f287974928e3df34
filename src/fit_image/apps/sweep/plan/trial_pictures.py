"""The pictures that trials learn, as they were when the sweep was planned."""

from __future__ import annotations

from collections.abc import Iterable

from fit_image.apps.source import Source, load_source
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.errors import InputError


class TrialPictures:
    """Loads pictures, and keeps the last one for the trials that follow."""

    def __init__(self) -> None:
        self._last: tuple[object, Source] | None = None

    def __call__(self, trial: Trial) -> Source:
        """Return the picture of a trial.

        Raises
        ------
        InputError
            If it is missing, or another one than it was.
        """
        manifest = trial.manifest
        wanted = (manifest.picture, manifest.image)
        if self._last is None or self._last[0] != wanted:
            self._last = None  # before the next one is in memory
            source = load_source(manifest.picture.path, manifest.image)
            if source.picture.sha256 != manifest.picture.sha256:
                raise InputError(
                    f"{manifest.picture.path} is not the picture any more that the sweep began "
                    "with: sweep it into another folder with -o"
                )
            self._last = (wanted, source)
        return self._last[1]


def check_pictures(trials: Iterable[Trial]) -> None:
    """Find out that the picture of a trial is missing, or another one than it was.

    Raises
    ------
    InputError
        If so.
    """
    load = TrialPictures()
    for trial in {(each.manifest.picture, each.manifest.image): each for each in trials}.values():
        load(trial)
