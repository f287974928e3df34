"""Mixtures of normals around the codes of single pictures: the distribution of a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.runtime.arrays import FloatArray

_CANDIDATES = 2
"""Pictures that are drawn for one centre, of which the crispest are taken."""

Normals = tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.floating[Any]]]


def choose_centres(
    codes: Normals,
    labels: npt.NDArray[np.int64],
    classes: Normals,
    count: int,
    seed: list[int],
    draw: Callable[[FloatArray], FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """Choose pictures whose codes are drawn well, of those that other classes are least like.

    Of the half of a class that other classes are least like, some are taken at random, of which
    those are chosen that are drawn with the least grey: strokes that break, or fade, are not.

    Parameters
    ----------
    codes : two float arrays (pictures, numbers)
        Means and variances that the encoder gives.
    labels : int64 (pictures,)
    classes : two float arrays (classes, numbers)
        Means and deviations of the codes of each class.
    count : int
        Of each class; where fewer are to be had, some are chosen again.
    seed : list of int
    draw : callable
        Draws means, float32 (pictures, numbers), in shades of 0..1.

    Returns
    -------
    means, deviations : float32 (classes, count, numbers)
    """
    means, variances = codes
    unlikely, chosen = _unlikelihoods(means, *classes), []
    for label in range(len(classes[0])):
        own = np.flatnonzero(labels == label)
        others = np.delete(unlikely[own], label, axis=1).min(axis=1, initial=np.inf)
        margins = others - unlikely[own, label]
        best = own[np.argsort(-margins, kind="stable")[: -(-len(own) // 2)]]
        some = np.random.default_rng([*seed, label]).permutation(best)[: _CANDIDATES * count]
        greys = _greys(draw(means[some].astype(np.float32)))
        chosen.append(np.resize(some[np.argsort(greys, kind="stable")], count))
    which = np.stack(chosen)
    return means[which].astype(np.float32), np.sqrt(variances[which]).astype(np.float32)


def _greys(pictures: FloatArray) -> npt.NDArray[np.floating[Any]]:
    """Return how much of each picture is grey, for its ink, which is the lesser of two shades."""
    shades = pictures.reshape(len(pictures), -1).astype(np.float64)
    inks = np.minimum(shades.sum(axis=1), (1 - shades).sum(axis=1))
    greys: npt.NDArray[np.floating[Any]] = (shades * (1 - shades)).sum(axis=1)
    greys /= np.maximum(inks, 1e-6)
    return greys


def _unlikelihoods(
    codes: npt.NDArray[np.floating[Any]],
    means: npt.NDArray[np.floating[Any]],
    deviations: npt.NDArray[np.floating[Any]],
) -> npt.NDArray[np.floating[Any]]:
    """Return the negative logarithm (codes, classes) of the density of each class's normal."""
    floored = np.maximum(deviations, 1e-6)
    columns = [
        ((codes - mean) ** 2 / (2 * deviation**2) + np.log(deviation)).sum(axis=1)
        for mean, deviation in zip(means, floored, strict=True)
    ]
    return np.stack(columns, axis=1)
