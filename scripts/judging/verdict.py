"""What the judge finds: how many pictures show what they should."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.errors import InputError
from fit_image.image import to_float
from judging.classifier import CLASSES, SIDE, Classifier


@dataclass(frozen=True, eq=False)
class Verdict:
    """How often pictures were recognised.

    Attributes
    ----------
    confusion : int64 (classes, classes)
        Pictures by what they should show (row) and what was seen (column).
    """

    confusion: npt.NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of all pictures that were recognised."""
        return float(self.confusion.trace() / self.confusion.sum())

    @cached_property
    def by_class(self) -> dict[int, float]:
        """Share of each class's pictures; classes without pictures are left out."""
        counts = self.confusion.sum(axis=1)
        return {
            digit: float(self.confusion[digit, digit] / counts[digit])
            for digit in np.flatnonzero(counts).tolist()
        }

    def mistake(self, digit: int) -> tuple[int, int] | None:
        """Return what a class was most often mistaken for, and how often; None if it never was."""
        wrong = self.confusion[digit].copy()
        wrong[digit] = 0
        other = int(wrong.argmax())
        return (other, int(wrong[other])) if wrong[other] else None


def judge(
    classifier: Classifier, pictures: npt.NDArray[Any], labels: npt.NDArray[np.integer[Any]]
) -> Verdict:
    """Let a classifier say what pictures show, and compare it with what they should.

    Parameters
    ----------
    classifier : Classifier
    pictures : uint8 in 0..255, or float in 0..1, shape (count, SIDE, SIDE, 1)
        The ink bright, as in MNIST.
    labels : int (count,)
        0..9.

    Raises
    ------
    InputError
        If there are no pictures, or pictures or labels are not such.
    """
    check(pictures, labels)
    confusion = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(confusion, (labels, classifier.classify(to_float(pictures))), 1)
    return Verdict(confusion)


def check(pictures: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """Find out, before work begins, that pictures or labels are not what `judge` takes.

    Raises
    ------
    InputError
        If there are no pictures, or pictures or labels are not such.
    """
    if pictures.shape[1:] != (SIDE, SIDE, 1) or not len(pictures):
        wanted = f"(count, {SIDE}, {SIDE}, 1)"
        raise InputError(f"pictures must have the shape {wanted}, not {pictures.shape}")
    if pictures.dtype != np.uint8 and pictures.dtype.kind != "f":
        raise InputError(f"pictures must be uint8 or floats, not {pictures.dtype}")
    if labels.shape != (len(pictures),) or labels.dtype.kind not in "iu":
        found = f"{labels.dtype} {labels.shape}"
        raise InputError(f"{len(pictures)} pictures need as many labels, integers, not {found}")
    if ((labels < 0) | (labels >= CLASSES)).any():
        raise InputError(f"labels must be 0 to {CLASSES - 1}")
    if pictures.dtype.kind == "f" and not ((pictures >= 0) & (pictures <= 1)).all():  # nor is NaN
        raise InputError("pictures of floats must be 0 to 1")
