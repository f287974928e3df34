"""Pictures and classes in npz and npy files, by the names and in the forms that libraries use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from fit_image.datasets.folder import LARGEST_SET
from fit_image.errors import InputError, excerpt, one_line, some_of
from fit_image.storage.npz import (
    NPY_MAGIC,
    array_names,
    first_bytes,
    read_array_file,
    read_arrays,
)

# Names of the pictures and of their classes, those of training first; in any case of letters.
_TRAIN = (
    ("images", "labels"),
    ("x_train", "y_train"),
    ("train_images", "train_labels"),
    ("train_x", "train_y"),
    ("x", "y"),
    ("data", "target"),
    ("data", "labels"),
)
_TEST = (
    ("x_test", "y_test"),
    ("test_images", "test_labels"),
    ("test_x", "test_y"),
)

_WANTED = "save the pictures as 'images' and their classes as 'labels'"

# Of pictures in 0..255 that are not bytes, the brightest value is at least this.
_LEAST_WHITE = 64

# Names that a message shows.
_NAMED = 8


def read_named_arrays(
    path: Path, *, test: bool = False
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64] | None]:
    """Read pictures and their classes.

    An npz file has arrays ``images`` and, optionally, ``labels``; or ``x_train`` and ``y_train``,
    or names that mean the same; or one array alone. Pictures are (count, height, width), with
    channels last or first, or square and flat; whole numbers in 0..255, or floats in 0..1 or
    0..255.

    Parameters
    ----------
    path : Path
        An npz or npy file.
    test : bool
        Read ``x_test`` and ``y_test``, if there are such.

    Returns
    -------
    pictures : ndarray of uint8, shape (count, height, width, channels)
    labels : ndarray of int64, shape (count,), or None

    Raises
    ------
    InputError
        If the file is damaged, or its arrays are of no such form: they are named.
    """
    if first_bytes(path, len(NPY_MAGIC)) == NPY_MAGIC:
        return _as_pictures(read_array_file(path), "an array", path), None
    present = {name.casefold(): name for name in array_names(path)}
    pairs = (*_TEST, *_TRAIN) if test else _TRAIN
    chosen = next((pair for pair in pairs if pair[0] in present), None)
    if chosen is None and len(present) == 1:
        chosen = (next(iter(present)), "")
    if chosen is None:
        raise InputError(f"{one_line(path)} has {_shown([*present.values()])}; {_WANTED}")
    pictures_name, labels_name = (present.get(name, "") for name in chosen)
    arrays = read_arrays(path, [pictures_name, *filter(None, [labels_name])], LARGEST_SET)
    pictures = _as_pictures(arrays[pictures_name], f"{pictures_name!a}", path)
    if not labels_name:
        return pictures, None
    labels = arrays[labels_name]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind not in "iu" or labels.shape != pictures.shape[:1]:
        problem = "must hold one whole number for each picture"
        found = f"not {excerpt(labels.dtype)} of shape {excerpt(labels.shape)}"
        raise InputError(f"{one_line(path)}: {labels_name!a} {problem}, {found}")
    return pictures, labels.astype(np.int64)


def _as_pictures(array: npt.NDArray[np.generic], name: str, path: Path) -> npt.NDArray[np.uint8]:
    shape = array.shape
    side = round(shape[1] ** 0.5) if array.ndim == 2 else 0
    if array.ndim == 2 and side > 1 and side * side == shape[1]:
        array = array.reshape(len(array), side, side)
    if array.ndim == 3:
        array = array[..., np.newaxis]
    # 4 channels last are not taken for 4 columns.
    if array.ndim == 4 and array.shape[3] not in (1, 3, 4) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3) or array.dtype.kind not in "buif":
        problem = f"{name} of type {excerpt(f'{array.dtype} and shape {shape}')}"
        wanted = "give numbers of (count, height, width), or with 1 or 3 channels last"
        raise InputError(f"{one_line(path)} has {problem}; {wanted}")
    return np.ascontiguousarray(_as_bytes(array, name, path))


def _as_bytes(array: npt.NDArray[np.generic], name: str, path: Path) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8 or not array.size:
        return array.astype(np.uint8)
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    least, most = float(array.min()), float(array.max())
    whole_range = array.dtype.kind == "f" and most <= 1
    # Not a number is in no range. A small range is some other scale, and pictures nearly black.
    if not (least >= 0 and most <= 255 and (whole_range or most == 0 or most >= _LEAST_WHITE)):
        problem = f"{name} has values from {least:g} to {most:g}"
        raise InputError(f"{one_line(path)}: {problem}; give 0 to 255, or floats from 0 to 1")
    factor = 255 if whole_range else 1
    found = np.empty(array.shape, np.uint8)
    for picture, values in zip(found, array, strict=True):  # not all at once, to save memory
        picture[:] = np.rint(values.astype(np.float64) * factor)
    return found


def _shown(names: list[str]) -> str:
    if not names:
        return "no arrays"
    shown = some_of([ascii(name[:80]) for name in names], _NAMED)
    return f"no array 'images' or 'x_train', but {shown}"
