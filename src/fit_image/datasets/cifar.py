"""Read CIFAR-10 binary files.

Records of 3,073 bytes: the class, and 32 x 32 pixels as planes of red, green and blue. Source:
https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky, "Learning multiple layers of features from
tiny images", 2009).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fit_image.datasets.folder import LARGEST_SET
from fit_image.errors import InputError, one_line, os_error_reason

SUFFIX = ".bin"

SIDE, CHANNELS = 32, 3

_RECORD = 1 + SIDE * SIDE * CHANNELS


def read_cifar(
    path: str | os.PathLike[str],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Read a file of CIFAR-10 pictures.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    pictures : ndarray of uint8, shape (count, 32, 32, 3)
    labels : ndarray of int64, shape (count,)

    Raises
    ------
    InputError
        If the file is missing or empty, does not consist of whole records, or exceeds
        `LARGEST_SET`.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size % _RECORD or not size:
            problem = f"has {size:,} bytes, not one or more records of {_RECORD:,}"
            raise InputError(f"{one_line(path)} {problem}: give a CIFAR-10 binary file")
        if size > LARGEST_SET:
            raise InputError(f"{one_line(path)} has more than {LARGEST_SET:,} bytes")
        records = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise InputError(f"cannot read {one_line(path)}: {os_error_reason(error)}") from error
    if records.size != size:
        raise InputError(f"{one_line(path)} changed while it was read")
    records = records.reshape(-1, _RECORD)
    planes = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64)
