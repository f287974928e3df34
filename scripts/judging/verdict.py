"""What the judge finds: how many pictures show what they should."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.errors import InputError
from fit_image.image import to_float
from judging.classifier import CLASSES, SIDE, Classifier


class Verdict(NamedTuple):
    """Pictures by what they should show (row) and what was seen (column)."""

    confusion: npt.NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of all pictures that were recognised."""
        return float(self.confusion.trace() / self.confusion.sum())

    @property
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
    """Let a classifier say what pictures show, and compare it with what they should."""
    check(pictures, labels)
    confusion = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(confusion, (labels, classifier.classify(to_float(pictures))), 1)
    return Verdict(confusion)


def check(pictures: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """Refuse what `judge` does not take: it takes uint8, or floats in 0..1, the ink bright."""
    if pictures.shape[1:] != (SIDE, SIDE, 1) or not len(pictures):
        wanted = f"(count, {SIDE}, {SIDE}, 1)"
        raise InputError(f"pictures must have the shape {wanted}, not {pictures.shape}")
    # Nor is NaN in the range.
    floats = pictures.dtype.kind == "f" and ((pictures >= 0) & (pictures <= 1)).all()
    if pictures.dtype != np.uint8 and not floats:
        raise InputError("pictures must be uint8, or floats of 0 to 1")
    integers = labels.shape == (len(pictures),) and labels.dtype.kind in "iu"
    if not integers or ((labels < 0) | (labels >= CLASSES)).any():
        raise InputError(f"{len(pictures)} pictures need as many labels of 0 to {CLASSES - 1}")
