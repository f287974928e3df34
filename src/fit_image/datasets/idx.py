"""Read IDX files, the format of the MNIST digits.

Two zero bytes, the type of the numbers, the number of dimensions, the size of each dimension as
four big-endian bytes, and the numbers in C order. Source: http://yann.lecun.com/exdb/mnist/ (LeCun,
Cortes and Burges).
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

from fit_image.datasets.folder import LARGEST_SET
from fit_image.errors import InputError, excerpt, one_line, os_error_reason

_UNSIGNED_BYTE = 8
_MAX_DIMENSIONS = 32  # of numpy 1
_GZIP = b"\x1f\x8b"
_MAX_EXPANSION = 1032  # of gzip: 258 bytes for 2 bits, see https://zlib.net/zlib_tech.html
_TRUNCATED = "it is truncated; get a complete file"


def read_idx(
    path: str | os.PathLike[str], *, max_bytes: int = LARGEST_SET
) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or compressed by gzip, whatever its name.

    `InputError` if the file is missing, not an IDX file of unsigned bytes, damaged, too short or
    too long, or exceeds ``max_bytes`` or memory.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise InputError("not a regular file; give an IDX file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if file.peek(2).startswith(_GZIP):
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return _read(unpacked, size * _MAX_EXPANSION, max_bytes)
            return _read(file, size, max_bytes)
    except (OSError, EOFError, zlib.error, MemoryError, ValueError) as error:
        raise InputError(f"cannot read {one_line(path)}: {_problem(error)}") from error


def _read(stream: io.BufferedIOBase, available: int, max_bytes: int) -> npt.NDArray[np.uint8]:
    """Read from a stream of at most ``available`` bytes."""
    shape = _read_shape(stream)
    size = math.prod(shape)
    announced = f"the {excerpt(' x '.join(f'{side:,}' for side in shape))} bytes of its header"
    # Before allocating what a forged header announces.
    if size > available:
        raise InputError(f"it is too short for {announced}; get a complete file")
    if size > max_bytes:
        raise InputError(f"{announced} are more than {max_bytes:,}; give a smaller data set")
    numbers = np.empty(size, np.uint8)
    buffer, done = numbers.data, 0
    while done < size:
        count = stream.readinto(buffer[done : done + (1 << 20)])
        if not count:
            raise InputError(f"it is too short for {announced}; get a complete file")
        done += count
    if stream.read(1):  # also makes gzip verify its checksum
        raise InputError(f"it is longer than {announced}; get an undamaged file")
    return numbers.reshape(shape)


def _read_shape(stream: io.BufferedIOBase) -> tuple[int, ...]:
    magic = stream.read(4)
    if not magic:
        raise InputError("it is empty; give an IDX file")
    if magic[:2] != b"\0\0"[: len(magic)]:
        raise InputError("it is not an IDX file, which begins with two zero bytes")
    if len(magic) < 4:
        raise InputError(_TRUNCATED)
    kind, dimensions = magic[2:]
    if kind != _UNSIGNED_BYTE:
        problem = f"its numbers are of type 0x{kind:02x}; give unsigned bytes (0x08)"
        raise InputError(problem)
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise InputError(f"it has {dimensions} dimensions; give 1 to {_MAX_DIMENSIONS}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise InputError(_TRUNCATED)
    return struct.unpack(f">{dimensions}I", sizes)


def _problem(error: Exception) -> str:
    match error:
        case InputError():
            return str(error)
        case MemoryError():
            return "not enough memory; give a smaller data set"
        case EOFError():  # of gzip
            return _TRUNCATED
        case OSError(errno=int()):
            return f"{os_error_reason(error)}; give an IDX file"
    return f"it is damaged ({one_line(error)}); get a complete file"
