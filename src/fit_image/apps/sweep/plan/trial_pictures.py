"""Pictures of trials, checked against the digests of the plan."""

from __future__ import annotations

from collections.abc import Iterable

from fit_image.apps.fit.picture_source import PictureSource, load_source
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.errors import InputError


class TrialPictures:
    """Loads pictures, and caches the last one."""

    def __init__(self) -> None:
        self._last: tuple[object, PictureSource] | None = None

    def __call__(self, trial: Trial) -> PictureSource:
        """Return the picture of a trial.

        Raises
        ------
        InputError
            If the file is missing or has changed.
        """
        manifest = trial.manifest
        wanted = (manifest.picture, manifest.image)
        if self._last is None or self._last[0] != wanted:
            self._last = None  # free its memory first
            source = load_source(manifest.picture.path, manifest.image)
            if source.picture.sha256 != manifest.picture.sha256:
                raise InputError(
                    f"{manifest.picture.path} has changed since the sweep began: "
                    "choose another folder with -o"
                )
            self._last = (wanted, source)
        return self._last[1]


def check_pictures(trials: Iterable[Trial]) -> None:
    """Check the pictures of trials.

    Raises
    ------
    InputError
        If a file is missing or has changed.
    """
    load = TrialPictures()
    for trial in {(each.manifest.picture, each.manifest.image): each for each in trials}.values():
        load(trial)
