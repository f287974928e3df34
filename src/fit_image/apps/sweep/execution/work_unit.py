"""Work unit of a cluster: some seconds of a trial's training, from one state to the next."""

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

from fit_image.apps.fit.manifest import Picture
from fit_image.apps.fit.picture_source import PictureSource
from fit_image.apps.sweep.execution.training import train_trial
from fit_image.apps.sweep.execution.transfer import Files, read_output, write_state
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.images.io import LoadedImage
from fit_image.runs.progress import Status
from fit_image.version import __version__

MAX_FRAME_BYTES = 1 << 25
"""Frames kept in a worker's memory, and lost with it, at most."""

Report = tuple[str, int, float, float, float | None]
"""A trial's key, then its epoch, share, seconds and psnr as in `Advanced`."""


class VersionError(InputError):
    """A worker has another version of fit-image."""


@dataclass(frozen=True)
class WorkResult:
    """Status of `train_trial` and files for `store_output`; or ``failed``, with the reason."""

    status: str
    message: str = ""
    output: Files = field(default_factory=dict)


def run_work_unit(
    version: str,
    levels: npt.NDArray[Any],
    order: Mapping[str, Any],
    is_stopped: Callable[[], bool],
    report: Callable[[Report], None],
    *,
    max_frame_bytes: int = MAX_FRAME_BYTES,
    report_seconds: float = 1.0,
) -> WorkResult:
    """Train a trial for some seconds.

    Parameters
    ----------
    version : str
        Version of fit-image that sends the work; `VersionError` if that of the worker differs.
    levels : ndarray of uint8 or uint16, shape (height, width, channels)
        The picture.
    order : mapping
        ``trial`` as JSON values, the ``state`` of its run (`read_state`), the ``seconds`` to
        train, and the epoch ``until`` which, or None.
    is_stopped : callable
        Called after each report; returns whether to return at once.
    report : callable
        Called with the progress of the trial, also at the end.
    max_frame_bytes : int
        The unit ends early when its frames are larger.
    report_seconds : float
        Time between reports.
    """
    if version != __version__:
        raise VersionError(
            f"a worker on {platform.node()} has fit-image {__version__}, and this is {version}: "
            "install the same version on every machine"
        )
    deadline = time.monotonic() + order["seconds"]
    trial = Trial.from_json(order["trial"])
    source = _source(levels, trial.manifest.picture)
    reported_at = 0.0

    def should_stop(status: Status) -> bool:
        nonlocal reported_at
        now = time.monotonic()
        if now < min(deadline, reported_at + report_seconds):
            return False
        reported_at = now
        share = trial.manifest.share_done(status)
        psnr = status.metrics and status.metrics.psnr
        report((trial.key, status.epoch, share, status.seconds, psnr))
        size = sum(frame.stat().st_size for frame in (path / "frames").iterdir())
        return now >= deadline or size > max_frame_bytes or is_stopped()

    try:
        with tempfile.TemporaryDirectory(prefix="fit-image-") as folder:
            path = Path(folder) / trial.key
            if order["state"]:
                write_state(path, order["state"])
            try:
                result = train_trial(
                    trial, path, source, should_stop, until=order["until"], animations=False
                )
                return WorkResult(result.status, output=read_output(path))
            except FitImageError as error:
                # The temporary folder is gone when this is read.
                return _failed(str(error).replace(folder, "trials"))
    except MemoryError:
        return _failed("not enough memory")
    except OSError as error:
        return _failed(f"cannot use a temporary folder: {os_error_reason(error)}")


def _failed(message: str) -> WorkResult:
    return WorkResult("failed", f"{message} (on {platform.node()})")


def _source(levels: npt.NDArray[Any], picture: Picture) -> PictureSource:
    # Arrays may arrive read-only, a type for which every kernel would be compiled again.
    levels = np.require(levels, requirements=("C", "W"))
    return PictureSource(LoadedImage(levels, (picture.width, picture.height)), picture)


def run_dask_work_unit(
    version: str, levels: npt.NDArray[Any], order: Mapping[str, Any], stop: str, topic: str
) -> WorkResult:
    """Run a work unit as a dask task, stopped by a named event, reporting on a topic."""
    from distributed import Event, get_worker

    worker = get_worker()

    def report(progress: Report) -> None:
        worker.log_event(topic, progress)

    return run_work_unit(version, levels, order, Event(stop).is_set, report)
