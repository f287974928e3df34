"""The last pictures of a sweep's networks, compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fit_image.animation.film import Pixels
from fit_image.apps.report.pictures import difference, lossless, thumbnail

_MAX_CROP = 96  # side in pixels


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
        pictures.append(
            {
                "whole": thumbnail(final),
                "crop": lossless(final[crop]),
                "difference": lossless(difference(final[crop], target[crop])),
            }
        )
    height, width, _ = target.shape
    shares = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    return {
        "target": thumbnail(target),
        "target_crop": lossless(target[crop]),
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
