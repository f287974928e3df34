"""IDX files, the form in which the MNIST digits are handed on.

Two zero bytes, the type of the numbers, the number of dimensions, the size of each as four bytes
(the most significant first), and the numbers, the last dimension running fastest. From
http://yann.lecun.com/exdb/mnist/ (LeCun, Cortes and Burges).
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fit_image.errors import InputError, one_line, os_error_reason
from fit_image.picture_set import LARGEST_SET

_UNSIGNED_BYTE = 8
_MOST_DIMENSIONS = 32  # of numpy 1
_GZIP = b"\x1f\x8b"
_MOST_EXPANSION = 1032  # of gzip: 258 bytes for 2 bits, see https://zlib.net/zlib_tech.html
_CUT_SHORT = "it is cut short; get a whole file"


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or packed by gzip, whatever its name.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    ndarray of uint8
        Of the shape that the file announces.

    Raises
    ------
    InputError
        If the file is missing, holds anything else or numbers of another type, is damaged, too
        short or too long, or exceeds `LARGEST_SET` or the memory.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise InputError("it is not a file; give an IDX file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if file.peek(2).startswith(_GZIP):
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return _read(unpacked, size * _MOST_EXPANSION)
            return _read(file, size)
    except (OSError, EOFError, zlib.error, MemoryError, ValueError) as error:
        raise InputError(f"cannot read {one_line(path)}: {_problem(error)}") from error


def _read(stream: io.BufferedIOBase, most: int) -> npt.NDArray[np.uint8]:
    """Read from a stream that may have ``most`` bytes."""
    shape = _read_shape(stream)
    size = math.prod(shape)
    announced = f"the {' x '.join(f'{side:,}' for side in shape)} bytes that it announces"
    # Before making room for what a few forged bytes promise.
    if size > most:
        raise InputError(f"it is too short for {announced}; get a whole file")
    if size > LARGEST_SET:
        raise InputError(f"{announced} are more than {LARGEST_SET:,}; give a smaller set")
    numbers = np.empty(size, np.uint8)
    room, done = numbers.data, 0
    while done < size:
        count = stream.readinto(room[done : done + (1 << 20)])
        if not count:
            raise InputError(f"it is too short for {announced}; get a whole file")
        done += count
    if stream.read(1):  # which also makes gzip compare its check sum
        raise InputError(f"something follows {announced}; get an undamaged file")
    return numbers.reshape(shape)


def _read_shape(stream: io.BufferedIOBase) -> tuple[int, ...]:
    magic = stream.read(4)
    if not magic:
        raise InputError("it is empty; give an IDX file")
    if magic[:2] != b"\0\0"[: len(magic)]:
        raise InputError("it is no IDX file, which begins with two zeros")
    if len(magic) < 4:
        raise InputError(_CUT_SHORT)
    kind, dimensions = magic[2:]
    if kind != _UNSIGNED_BYTE:
        problem = f"its numbers are of type 0x{kind:02x}; give unsigned bytes (0x08)"
        raise InputError(problem)
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise InputError(f"it has {dimensions} dimensions; give 1 to {_MOST_DIMENSIONS}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise InputError(_CUT_SHORT)
    return struct.unpack(f">{dimensions}I", sizes)


def _problem(error: Exception) -> str:
    match error:
        case InputError():
            return str(error)
        case MemoryError():
            return "not enough memory; give a smaller set"
        case EOFError():  # of gzip
            return _CUT_SHORT
        case OSError(errno=int()):
            return f"{os_error_reason(error)}; give an IDX file"
    return f"it is damaged ({one_line(error)}); get a whole file"
