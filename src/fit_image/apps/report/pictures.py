"""Pictures of a report as data: URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.animation.film import Pixels, prefetch
from fit_image.apps.report.frames import RunFrames

AMPLIFIED = 4
"""Amplification of the difference to the target."""

_THUMBNAIL = (300, 400)
_QUALITY = 85
_READ_AHEAD = 6
_STEPS = (8, 60)  # minimum and maximum of the player


def difference(picture: Pixels, target: Pixels) -> Pixels:
    """Return the difference of two pictures, amplified; black is no difference."""
    error = np.abs(picture.astype(np.int16) - target) * AMPLIFIED
    levels: Pixels = error.clip(0, 255).astype(np.uint8)
    return levels


def thumbnail(picture: Pixels) -> str:
    """Return a picture, scaled down if large, as the data: URI of a WebP."""
    return _uri(picture, "WEBP", _THUMBNAIL, quality=_QUALITY)


def lossless(picture: Pixels, within: tuple[int, int] = _THUMBNAIL) -> str:
    """Return a picture, scaled down if larger, as the data: URI of a PNG."""
    return _uri(picture, "PNG", within)


def player(
    trials: Sequence[RunFrames], most_bytes: int, on_trial: Callable[[], None]
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
    last_second = max(frames.seconds for frames in trials)
    reels = []
    for frames in trials:
        reels.append({"frames": _reel(frames, epochs)})
        on_trial()
    return {
        "epochs": epochs.tolist(),
        "seconds": [float(f"{share * last_second:.4g}") for share in shares[:-1]] + [last_second],
        "reels": reels,
    }


def _reel(frames: RunFrames, epochs: npt.NDArray[np.int_]) -> list[dict[str, Any]]:
    drawn = np.array([row.epoch for row in frames.rows])
    indices = np.unique(np.searchsorted(drawn, epochs, side="right").clip(1) - 1)
    files = [frames.files[index] for index in indices]
    with prefetch(lambda file: thumbnail(frames.read(file)), files, _READ_AHEAD) as sources:
        metrics = (frames.rows[index].to_json() for index in indices)
        return [
            {name: each[name] for name in ("epoch", "seconds", "psnr")} | {"src": source}
            for each, source in zip(metrics, sources, strict=True)
        ]


def _uri(picture: Pixels, format_name: str, within: tuple[int, int], **options: Any) -> str:
    image = Image.fromarray(picture)
    image.thumbnail(within, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{format_name.lower()};base64,{data}"
