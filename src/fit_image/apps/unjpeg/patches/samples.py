"""Patches that are spread evenly over pictures: to validate, and to measure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor
from fit_image.apps.unjpeg.pictures import CleanPicture, PictureFolder, make_pairs
from fit_image.apps.unjpeg.whitening import Whitening
from fit_image.errors import InputError
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

_VALIDATION_PATCHES = 4000
_VALIDATION_PICTURES = 40
_WHITENED_PICTURES = 100

_WHITENED_SHARE = 30
"""Patches that are measured to be whitened, for each of their numbers."""

# What distinguishes these random numbers from those of other purposes.
_SAMPLES = 22


def validation_patches(
    folder: PictureFolder, recipe: UnjpegConfig, cutter: PatchExtractor
) -> tuple[FloatArray, FloatArray]:
    """Cut damaged and clean patches of pictures that are not learned from.

    Raises
    ------
    InputError
        If there are none that are not of a single colour.
    """
    step = -(-len(folder.validation) // _VALIDATION_PICTURES)
    damaged, clean = _spread(folder, folder.validation[::step], _VALIDATION_PATCHES, recipe, cutter)
    if not damaged.size:
        raise InputError(
            f"{folder.path}: the pictures that validate are damaged or of a single colour; "
            "give others"
        )
    return damaged, clean


def working_numbers(recipe: UnjpegConfig) -> int:
    """Return about how many numbers validation and whitening need."""
    size = 3 * recipe.block**2
    validating = 2 * _VALIDATION_PATCHES * size
    if not recipe.whiten:
        return validating
    # Damaged, clean and centred patches, and what finding the directions needs.
    return validating + (3 * _WHITENED_SHARE + 10) * size**2


def measure_whitening(
    folder: PictureFolder, recipe: UnjpegConfig, cutter: PatchExtractor, pool: ThreadPool
) -> Whitening:
    """Measure the whitening of damaged patches that are learned from."""
    step = -(-len(folder.training) // _WHITENED_PICTURES)
    count = _WHITENED_SHARE * cutter.size
    damaged, _ = _spread(folder, folder.training[::step], count, recipe, cutter)
    if not damaged.size:
        raise InputError(
            f"{folder.path}: the pictures are damaged or of a single colour; give others"
        )
    return Whitening(damaged, recipe.batch_size, pool)


def _spread(
    folder: PictureFolder,
    pictures: Sequence[CleanPicture],
    count: int,
    recipe: UnjpegConfig,
    cutter: PatchExtractor,
) -> tuple[FloatArray, FloatArray]:
    """Cut about ``count`` patches: damaged ones, and the clean ones."""
    each = -(-count // len(pictures))
    damaged, clean = (np.empty((each * len(pictures), cutter.size), np.float32) for _ in range(2))
    filled = 0
    for index, picture in enumerate(pictures):
        pairs = make_pairs(folder, [picture], recipe, (_SAMPLES, index), shift=False)
        part = np.linspace(0, len(pairs.starts), each, endpoint=False).astype(np.int64)
        part = np.unique(part) if len(pairs.starts) else part[:0]
        starts, strides = pairs.starts[part], pairs.strides[part]
        own = slice(filled, filled + len(part))
        cutter.cut(pairs.damaged, starts, strides, damaged[own])
        cutter.cut(pairs.clean, starts, strides, clean[own])
        filled += len(part)
    return damaged[:filled], clean[:filled]
