"""Mixtures of normals around the codes of single pictures: the distribution of a class."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.runtime.arrays import FloatArray

Normals = tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.floating[Any]]]


def choose_centres(
    codes: Normals, labels: npt.NDArray[np.int64], classes: Normals, count: int, seed: list[int]
) -> tuple[FloatArray, FloatArray]:
    """Choose pictures at random, among the half of a class that other classes are least like.

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
        chosen.append(np.resize(np.random.default_rng([*seed, label]).permutation(best), count))
    which = np.stack(chosen)
    return means[which].astype(np.float32), np.sqrt(variances[which]).astype(np.float32)


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
