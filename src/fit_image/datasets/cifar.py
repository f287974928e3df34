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

_SIDE, _CHANNELS = 32, 3
_RECORD = 1 + _SIDE * _SIDE * _CHANNELS


def read_cifar(
    path: str | os.PathLike[str],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Read pictures, uint8 (count, 32, 32, 3), and their classes, int64 (count,).

    `InputError` if the file is missing or empty, does not consist of whole records, or exceeds
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
    planes = records[:, 1:].reshape(-1, _CHANNELS, _SIDE, _SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64)
