"""Find the best animation that is no larger than a number of bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from fit_image.animation.film import Film, Pixels
from fit_image.errors import InputError

Written = TypeVar("Written")

# Each candidate is about a tenth smaller than the one before it.
_MOST_FRAMES = 200
_FEWEST_FRAMES = 40
_RATIO = 0.92
_SMALLEST_SIDE = 16


@dataclass(frozen=True)
class SizeLimit:
    """A largest number of bytes.

    Attributes
    ----------
    most_bytes : int
    choose_frames : callable
        Returns the indices of at most so many frames of the film, increasing, both ends included.
    """

    most_bytes: int
    choose_frames: Callable[[int], Sequence[int]]


@dataclass(frozen=True)
class Candidate:
    """A way to make a film smaller.

    Attributes
    ----------
    frames : int or None
        Most frames; None for all.
    level : int
        Index of the format's level of quality.
    scale : float
        Factor of the sides.
    """

    frames: int | None = None
    level: int = 0
    scale: float = 1.0

    def applied(self, film: Film, limit: SizeLimit) -> Film:
        """Return the film as the candidate has it."""
        if self.frames is not None:
            film = film.picked(limit.choose_frames(self.frames))
        if self.scale < 1:
            size = (_scaled(film.width, self.scale), _scaled(film.height, self.scale))

            def resized(_: int, frame: Pixels) -> Pixels:
                return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))

            film = film.mapped(resized)
        return film


class _TooLargeError(Exception):
    """Raised when the bytes written have passed the limit."""


def write_within(
    temporary: Path,
    film: Film,
    limit: SizeLimit,
    levels: int,
    write: Callable[[Film, int], Written],
) -> tuple[Film, Candidate, Written]:
    """Write the first candidate that keeps to a limit: fewer frames, lower quality, smaller sides.

    Parameters
    ----------
    temporary : Path
        The file that is written, again and again.
    film : Film
    limit : SizeLimit
    levels : int
        Number of the format's levels of quality.
    write : callable
        Writes a film at a level of quality to ``temporary``.

    Returns
    -------
    film : Film
        As it was written.
    candidate : Candidate
    written : object
        The result of ``write``.

    Raises
    ------
    InputError
        If not even the smallest candidate keeps to the limit.
    """

    def stop_if_large(done: int, total: int) -> None:
        if temporary.exists() and temporary.stat().st_size > limit.most_bytes:
            raise _TooLargeError

    def attempt(candidate: Candidate) -> tuple[Film, Candidate, Written] | None:
        tried = candidate.applied(film, limit)
        temporary.unlink(missing_ok=True)  # that of another candidate
        try:
            written = write(tried.observed(stop_if_large), candidate.level)
        except _TooLargeError:
            return None
        if temporary.stat().st_size > limit.most_bytes:
            return None
        return tried, candidate, written

    candidates = _candidates(film, levels)
    if (found := attempt(candidates[0])) is not None:
        return found
    # Sizes fall along the candidates, so that few need to be written.
    large, fitting, last = 0, len(candidates), 0
    while fitting - large > 1:
        last = (large + fitting) // 2
        tried = attempt(candidates[last])
        large, fitting = (last, fitting) if tried is None else (large, last)
        found = tried or found
    if fitting < len(candidates) and last != fitting:
        found = attempt(candidates[fitting])
    if found is None:
        smallest = candidates[-1].applied(film, limit)
        raise InputError(
            f"max_bytes {limit.most_bytes:,} is too little: {len(smallest)} frames of "
            f"{smallest.width} x {smallest.height} pixels take more",
            fields=("max_bytes",),
        )
    return found


def evenly(count: int) -> Callable[[int], Sequence[int]]:
    """Return a function that chooses at most so many of ``count`` frames, evenly."""
    return lambda most: sorted({*np.rint(np.linspace(0, count - 1, most)).astype(int).tolist()})


def _candidates(film: Film, levels: int) -> list[Candidate]:
    found = [Candidate()]
    frames: int | None = None
    most = float(min(_MOST_FRAMES, _RATIO * len(film)))
    while most >= _FEWEST_FRAMES:
        frames = int(most)
        found.append(Candidate(frames))
        most *= _RATIO
    found += [Candidate(frames, level) for level in range(1, levels)]
    scale = _RATIO
    while min(film.width, film.height) * scale >= _SMALLEST_SIDE:
        found.append(Candidate(frames, levels - 1, scale))
        scale *= _RATIO
    return found


def _scaled(side: int, scale: float) -> int:
    return max(1, round(side * scale))
