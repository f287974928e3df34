"""Pictures of the report as data: URIs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.animation.film import Pixels, frame_paths, prefetch, read_frame
from fit_image.apps.fit.directory import FitMetrics
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.images.io import parse_background

AMPLIFIED = 4
"""Amplification of the difference to the target."""

_THUMBNAIL = (300, 400)
_QUALITY = 85
_MAX_CROP = 96  # side in pixels
_READ_AHEAD = 6
_STEPS = (8, 60)  # minimum and maximum of the player


@dataclass(frozen=True)
class FrameSequence:
    """Frames of a trial.

    Attributes
    ----------
    outcome : Outcome
    frames : list of (int, Path)
        Epoch and file of each frame, in order; at least one.
    """

    outcome: Outcome
    frames: list[tuple[int, Path]]

    @classmethod
    def of(cls, folder: SweepDirectory, outcome: Outcome) -> FrameSequence | None:
        """Return the frames of a trial, None without any."""
        run = folder.run(outcome.trial)
        frames = frame_paths(run.frames) if run else []
        return cls(outcome, frames) if frames else None

    def picture(self, path: Path) -> Pixels:
        """Return a frame as uint8 (height, width, 3)."""
        return read_frame(path, parse_background(self.outcome.trial.manifest.image.background))

    @property
    def final(self) -> Pixels:
        """The last frame."""
        return self.picture(self.frames[-1][1])

    def target(self, folder: SweepDirectory) -> Pixels:
        """Return the target as uint8 (height, width, 3)."""
        return self.picture(folder.run_path(self.outcome.trial) / "target.png")


def compare_finals(target: Pixels, finals: Sequence[Pixels]) -> dict[str, Any]:
    """Return the target and the final pictures, with the same crop of each.

    Parameters
    ----------
    target : ndarray of uint8, shape (height, width, 3)
    finals : sequence of ndarray like ``target``

    Returns
    -------
    dict
        ``target`` and ``target_crop``, data: URIs; ``pictures``, a list with the ``whole``, the
        ``crop`` and its ``difference`` of each; and ``box``, the position of the crop: left, top,
        width and height in percent of the picture.
    """
    left, top, right, bottom = most_different_crop(target, finals)
    crop = np.s_[top:bottom, left:right]
    pictures = []
    for final in finals:
        error = np.abs(final[crop].astype(np.int16) - target[crop]) * AMPLIFIED
        pictures.append(
            {
                "whole": thumbnail(final),
                "crop": _uri(final[crop], "PNG"),
                "difference": _uri(error.clip(0, 255).astype(np.uint8), "PNG"),
            }
        )
    height, width, _ = target.shape
    return {
        "target": thumbnail(target),
        "target_crop": _uri(target[crop], "PNG"),
        "pictures": pictures,
        "box": [
            round(100 * share, 2)
            for share in (
                left / width,
                top / height,
                (right - left) / width,
                (bottom - top) / height,
            )
        ],
    }


def most_different_crop(target: Pixels, finals: Sequence[Pixels]) -> tuple[int, int, int, int]:
    """Return the crop in which pictures differ most, or a single one differs from the target.

    Of several, the better half counts: failed ones differ everywhere.

    Returns
    -------
    (int, int, int, int)
        Left, top, right and bottom in pixels; about a quarter of each side.
    """

    def error(picture: Pixels) -> float:
        return float(np.square(picture.astype(np.float32) - target).mean())

    nearest = sorted(finals, key=error)[: max(2, math.ceil(len(finals) / 2))]
    others = nearest if len(nearest) > 1 else [target, *nearest]
    mean = np.zeros(target.shape, np.float32)
    for picture in others:
        mean += picture / np.float32(len(others))
    variance = np.zeros(target.shape[:2], np.float64)
    for picture in others:
        variance += np.square(picture - mean).sum(axis=2)
    height, width, _ = target.shape
    rows, columns = (min(max(side // 4, 1), _MAX_CROP) for side in (height, width))
    total = np.zeros((height + 1, width + 1))
    total[1:, 1:] = variance.cumsum(axis=0).cumsum(axis=1)
    windows = (
        total[rows:, columns:]
        - total[:-rows, columns:]
        - total[rows:, :-columns]
        + total[:-rows, :-columns]
    )
    top, left = divmod(int(windows.argmax()), windows.shape[1])
    return left, top, left + columns, top + rows


def player(
    reels: Sequence[FrameSequence], most_bytes: int, on_trial: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Return the frames of trials for common steps, by epochs and by seconds.

    Parameters
    ----------
    reels : sequence of FrameSequence
    most_bytes : int
        Approximate size of all frames; limits the number of steps.
    on_trial : callable, optional
        Called after each trial.

    Returns
    -------
    dict
        ``epochs`` and ``seconds``: values of the steps, denser at the start; ``reels``: for each
        trial its ``frames``, dicts of ``epoch``, ``seconds``, ``psnr`` (None if unknown) and
        ``src``. A step shows the last frame up to it.
    """
    if not reels:
        return {"epochs": [], "seconds": [], "reels": []}
    needed = sum(len(thumbnail(reel.final)) for reel in reels)
    fewest, most = _STEPS
    steps = min(max(most_bytes // needed, fewest), most)
    # Squared, because networks learn most at the start.
    shares = np.linspace(0, 1, steps) ** 2
    last_epoch = max(reel.frames[-1][0] for reel in reels)
    epochs = np.unique(np.rint(shares * last_epoch).astype(int))
    last_second = max(reel.outcome.seconds for reel in reels)
    shown = []
    for reel in reels:
        shown.append({"frames": _frames(reel, epochs)})
        if on_trial:
            on_trial()
    return {
        "epochs": epochs.tolist(),
        "seconds": [float(f"{share * last_second:.4g}") for share in shares[:-1]] + [last_second],
        "reels": shown,
    }


def thumbnail(picture: Pixels) -> str:
    """Return a picture, scaled down if large, as the data: URI of a WebP."""
    return _uri(picture, "WEBP", quality=_QUALITY)


def _frames(reel: FrameSequence, epochs: npt.NDArray[np.int_]) -> list[dict[str, Any]]:
    drawn = np.array([epoch for epoch, _ in reel.frames])
    rows = {row.epoch: row for row in reel.outcome.rows}
    indices = np.unique(np.searchsorted(drawn, epochs, side="right").clip(1) - 1)
    chosen = [reel.frames[index] for index in indices]
    with prefetch(lambda frame: thumbnail(reel.picture(frame[1])), chosen, _READ_AHEAD) as sources:
        return [
            {"epoch": epoch, **_metrics(rows.get(epoch)), "src": source}
            for (epoch, _), source in zip(chosen, sources, strict=True)
        ]


def _metrics(row: FitMetrics | None) -> dict[str, float | None]:
    if row is None:  # the untrained network
        return {"seconds": 0.0, "psnr": None}
    finite = row.psnr is not None and math.isfinite(row.psnr)
    return {"seconds": row.seconds, "psnr": row.psnr if finite else None}


def _uri(picture: Pixels, format_name: str, **options: Any) -> str:
    image = Image.fromarray(picture)
    image.thumbnail(_THUMBNAIL, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{format_name.lower()};base64,{data}"
