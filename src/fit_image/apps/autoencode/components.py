"""Principal components of many pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from fit_image.datasets.channels import Pictures
from fit_image.errors import InputError
from fit_image.images.colours import to_float
from fit_image.nn.runtime.arrays import FloatArray

_ITERATIONS = 4
_MORE = 32
"""Directions that are iterated beside those wanted: the last ones converge slowly."""

_AT_ONCE = 1 << 22
"""Numbers of the pictures that are converted at once, about."""


def principal_components(
    pictures: Pictures, mean: FloatArray, count: int, rng: np.random.Generator, *, mirror: bool
) -> FloatArray:
    """Return the first principal components of pictures, the largest variance first.

    Subspace iteration from random directions: Halko, Martinsson and Tropp, "Finding structure with
    randomness", SIAM Review 53, 2011, algorithm 4.4, on the covariance.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (number, height, width, channels)
    mean : float32, shape of a picture
        That of the pictures, 0..1.
    mirror : bool
        Whether the pictures are also seen mirrored.

    Returns
    -------
    float32 (count, height * width * channels)
        Orthonormal rows.

    Raises
    ------
    InputError
        If there are fewer pictures, or fewer numbers in one, than components.
    """
    most = min(len(pictures), mean.size)
    if count > most:
        raise InputError(
            f"bottleneck must be at most {most:,} here, not {count:,}: {len(pictures):,} pictures "
            f"of {mean.size:,} numbers have no more principal components",
            fields=("bottleneck",),
        )
    width = min(count + max(_MORE, count // 4), mean.size)
    basis = rng.standard_normal((mean.size, width), dtype=np.float32)
    # One thread: with more, the bits would depend on the cores that may be used.
    with threadpool_limits(1, user_api="blas"):
        for _ in range(_ITERATIONS):
            basis = np.linalg.qr(_spread(pictures, mean, basis, mirror=mirror))[0]
        inner = basis.T @ _spread(pictures, mean, basis, mirror=mirror)
        _, directions = np.linalg.eigh(inner.astype(np.float64))
        components = directions[:, ::-1][:, :count].T.astype(np.float32) @ basis.T
    # Either sign is right: the largest number of each is made positive.
    largest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[range(count), largest])[:, np.newaxis]
    return np.ascontiguousarray(components)


def _spread(pictures: Pictures, mean: FloatArray, basis: FloatArray, *, mirror: bool) -> FloatArray:
    """Return the covariance of the pictures, times their number, times a matrix."""
    product = np.zeros_like(basis)
    for part in _parts(pictures, mean, mirror=mirror):
        product += part.T @ (part @ basis)
    return product


def _parts(pictures: Pictures, mean: FloatArray, *, mirror: bool) -> Iterator[FloatArray]:
    at_once = max(1, _AT_ONCE // mean.size)
    for first in range(0, len(pictures), at_once):
        part = to_float(pictures[first : first + at_once])
        yield (part - mean).reshape(len(part), -1)
        if mirror:
            yield (part[:, :, ::-1] - mean).reshape(len(part), -1)
