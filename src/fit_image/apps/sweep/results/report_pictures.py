"""Pictures of the report as data: URIs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.animation.film import Pixels, prefetch
from fit_image.apps.sweep.results.frames import TrialFrames

AMPLIFIED = 4
"""Amplification of the difference to the target."""

_THUMBNAIL = (300, 400)
_QUALITY = 85
_MAX_CROP = 96  # side in pixels
_READ_AHEAD = 6
_STEPS = (8, 60)  # minimum and maximum of the player


def compare_finals(target: Pixels, finals: Sequence[Pixels]) -> dict[str, Any]:
    """Return the target and the final pictures, with the same crop of each.

    All are uint8 (height, width, 3).

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
    shares = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    return {
        "target": thumbnail(target),
        "target_crop": _uri(target[crop], "PNG"),
        "pictures": pictures,
        "box": [round(100 * share, 2) for share in shares],
    }


def most_different_crop(target: Pixels, finals: Sequence[Pixels]) -> tuple[int, int, int, int]:
    """Return the crop in which pictures differ most, or a single one differs from the target.

    Of several, the better half counts: failed ones differ everywhere. The crop is left, top, right
    and bottom in pixels, about a quarter of each side.
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
    total = np.pad(variance.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    windows = (
        total[rows:, columns:]
        - total[:-rows, columns:]
        - total[rows:, :-columns]
        + total[:-rows, :-columns]
    )
    top, left = divmod(int(windows.argmax()), windows.shape[1])
    return left, top, left + columns, top + rows


def player(
    trials: Sequence[TrialFrames], most_bytes: int, on_trial: Callable[[], None]
) -> dict[str, Any]:
    """Return the frames of trials for common steps, by epochs and by seconds.

    Parameters
    ----------
    most_bytes : int
        Approximate size of all frames; limits the number of steps.
    on_trial : callable
        Called after each trial.

    Returns
    -------
    dict
        ``epochs`` and ``seconds``: values of the steps, denser at the start; ``reels``: for each
        trial its ``frames``, dicts of ``epoch``, ``seconds``, ``psnr`` (None if unknown) and
        ``src``. A step shows the last frame up to it.
    """
    if not trials:
        return {"epochs": [], "seconds": [], "reels": []}
    needed = sum(len(thumbnail(frames.read(frames.files[-1]))) for frames in trials)
    fewest, most = _STEPS
    steps = min(max(most_bytes // needed, fewest), most)
    # Squared, because networks learn most at the start.
    shares = np.linspace(0, 1, steps) ** 2
    last_epoch = max(frames.rows[-1].epoch for frames in trials)
    epochs = np.unique(np.rint(shares * last_epoch).astype(int))
    last_second = max(frames.outcome.seconds for frames in trials)
    reels = []
    for frames in trials:
        reels.append({"frames": _reel(frames, epochs)})
        on_trial()
    return {
        "epochs": epochs.tolist(),
        "seconds": [float(f"{share * last_second:.4g}") for share in shares[:-1]] + [last_second],
        "reels": reels,
    }


def thumbnail(picture: Pixels) -> str:
    """Return a picture, scaled down if large, as the data: URI of a WebP."""
    return _uri(picture, "WEBP", quality=_QUALITY)


def _reel(frames: TrialFrames, epochs: npt.NDArray[np.int_]) -> list[dict[str, Any]]:
    drawn = np.array([row.epoch for row in frames.rows])
    indices = np.unique(np.searchsorted(drawn, epochs, side="right").clip(1) - 1)
    files = [frames.files[index] for index in indices]
    with prefetch(lambda file: thumbnail(frames.read(file)), files, _READ_AHEAD) as sources:
        metrics = (frames.rows[index].to_json() for index in indices)
        return [
            {name: each[name] for name in ("epoch", "seconds", "psnr")} | {"src": source}
            for each, source in zip(metrics, sources, strict=True)
        ]


def _uri(picture: Pixels, format_name: str, **options: Any) -> str:
    image = Image.fromarray(picture)
    image.thumbnail(_THUMBNAIL, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{format_name.lower()};base64,{data}"
