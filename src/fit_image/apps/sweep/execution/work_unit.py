"""What a worker of a cluster does: some seconds of a trial, from its state to its next one."""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.record import Status
from fit_image.apps.source import Source
from fit_image.apps.sweep.execution.training import share_done, train_trial
from fit_image.apps.sweep.execution.transfer import Files, read_output, write_state
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.image import LoadedImage
from fit_image.manifest import Picture
from fit_image.version import __version__

# More is not worth losing with a worker, nor keeping in its memory.
_LARGEST_FRAMES = 1 << 25

_SECONDS_BETWEEN_REPORTS = 1.0

Report = tuple[str, int, float, float, float | None]
"""A trial's key; and its epoch, share, seconds and psnr as in `Advanced`."""


class VersionError(InputError):
    """A worker cannot do what is asked, because its fit-image is another one."""


@dataclass(frozen=True)
class WorkResult:
    """How far a trial has come on a worker.

    Attributes
    ----------
    status : str
        As `train_trial` says, or ``failed``.
    message : str
        Why it failed, or empty.
    news : dict of str to bytes
        The files to take in, by their names.
    """

    status: str
    message: str = ""
    news: Files = field(default_factory=dict)


def run_work_unit(
    version: str,
    levels: npt.NDArray[Any],
    order: Mapping[str, Any],
    is_stopped: Callable[[], bool],
    report: Callable[[Report], None],
) -> WorkResult:
    """Train a trial for some seconds.

    Parameters
    ----------
    version : str
        Of the fit-image that asks.
    levels : ndarray of uint8 or uint16, shape (height, width, channels)
        The picture.
    order : mapping
        ``trial`` as JSON values, the ``state`` of its run (`read_state`), and after how many
        ``seconds`` to return.
    is_stopped : callable
        Is asked about once a second whether to return at once.
    report : callable
        Is told about once a second, and in the end, how far the trial has come.

    Returns
    -------
    WorkResult

    Raises
    ------
    VersionError
        If ``version`` is another one than here.
    """
    if version != __version__:
        raise VersionError(
            f"a worker on {platform.node()} has fit-image {__version__}, and this is {version}: "
            "install the same one on every machine"
        )
    deadline = time.monotonic() + order["seconds"]
    trial = Trial.from_json(order["trial"])
    source = _source(levels, trial.manifest.picture)
    try:
        with tempfile.TemporaryDirectory(prefix="fit-image-") as folder:
            path = Path(folder) / trial.key
            if order["state"]:
                write_state(path, order["state"])
            pace = _Pace(trial, path / "frames", deadline, is_stopped, report)
            try:
                result = train_trial(trial, path, source, pace.should_stop, animations=False)
                return WorkResult(result.status, news=read_output(path))
            except FitImageError as error:
                # The folder is gone when somebody reads this.
                return _failed(str(error).replace(folder, "trials"))
    except MemoryError:
        return _failed("not enough memory")
    except OSError as error:
        return _failed(f"cannot use a temporary folder: {os_error_reason(error)}")


def _failed(message: str) -> WorkResult:
    return WorkResult("failed", f"{message} (on {platform.node()})")


def _source(levels: npt.NDArray[Any], picture: Picture) -> Source:
    # What arrives may be read-only, for which every kernel would be compiled once more.
    levels = np.require(levels, requirements=("C", "W"))
    return Source(LoadedImage(levels, (picture.width, picture.height)), picture)


@dataclass
class _Pace:
    trial: Trial
    frames: Path
    deadline: float
    is_stopped: Callable[[], bool]
    report: Callable[[Report], None]
    _looked_at: float = 0.0

    def should_stop(self, status: Status) -> bool:
        """Return whether to end the leg here."""
        now = time.monotonic()
        due = now >= self.deadline
        if due or now - self._looked_at >= _SECONDS_BETWEEN_REPORTS:
            self._looked_at = now
            share = share_done(self.trial, status)
            self.report((self.trial.key, status.epoch, share, status.seconds, status.psnr))
            due = due or self._has_much() or self.is_stopped()
        return due

    def _has_much(self) -> bool:
        return sum(frame.stat().st_size for frame in self.frames.iterdir()) > _LARGEST_FRAMES


def run_dask_work_unit(
    version: str, levels: npt.NDArray[Any], order: Mapping[str, Any], stop: str, topic: str
) -> WorkResult:
    """Run a leg as a task of dask: stopped by the event of a name, reporting on a topic."""
    from distributed import Event, get_worker

    worker = get_worker()
    return run_work_unit(
        version, levels, order, Event(stop).is_set, lambda news: worker.log_event(topic, news)
    )
