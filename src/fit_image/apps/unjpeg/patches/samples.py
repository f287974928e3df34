"""Patches spread evenly over pictures, for validation and whitening."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor
from fit_image.apps.unjpeg.patches.pictures import CleanPicture, PictureFolder, make_pairs
from fit_image.apps.unjpeg.whitening import Whitening
from fit_image.errors import InputError
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

_VALIDATION_PATCHES = 4000
_VALIDATION_PICTURES = 40
_WHITENED_PICTURES = 100

_WHITENED_SHARE = 30
"""Patches from which whitening is measured, per value of a patch."""

# Of the stream of random numbers for these patches.
_SAMPLES = 22


def validation_patches(
    folder: PictureFolder, config: UnjpegConfig, extractor: PatchExtractor
) -> tuple[FloatArray, FloatArray]:
    """Return damaged and clean patches of the validation pictures.

    Raises
    ------
    InputError
        If all are of a single colour.
    """
    step = -(-len(folder.validation) // _VALIDATION_PICTURES)
    pictures = folder.validation[::step]
    damaged, clean = _spread(folder, pictures, _VALIDATION_PATCHES, config, extractor)
    if not damaged.size:
        unusable = "the pictures that validate are damaged or of a single colour"
        raise InputError(f"{folder.path}: {unusable}; give others")
    return damaged, clean


def working_numbers(config: UnjpegConfig) -> int:
    """Return about how many numbers validation and whitening need."""
    size = 3 * config.block**2
    validating = 2 * _VALIDATION_PATCHES * size
    if not config.whiten:
        return validating
    # Damaged, clean and centred patches, and what finding the directions needs.
    return validating + (3 * _WHITENED_SHARE + 10) * size**2


def measure_whitening(
    folder: PictureFolder, config: UnjpegConfig, extractor: PatchExtractor, pool: ThreadPool
) -> Whitening:
    """Measure the whitening of damaged patches of the training pictures."""
    step = -(-len(folder.training) // _WHITENED_PICTURES)
    count = _WHITENED_SHARE * extractor.size
    damaged, _ = _spread(folder, folder.training[::step], count, config, extractor)
    if not damaged.size:
        unusable = "the pictures are damaged or of a single colour"
        raise InputError(f"{folder.path}: {unusable}; give others")
    return Whitening(damaged, config.batch_size, pool)


def _spread(
    folder: PictureFolder,
    pictures: Sequence[CleanPicture],
    count: int,
    config: UnjpegConfig,
    extractor: PatchExtractor,
) -> tuple[FloatArray, FloatArray]:
    """Return about ``count`` patches, damaged and clean."""
    each = -(-count // len(pictures))
    damaged, clean = (
        np.empty((each * len(pictures), extractor.size), np.float32) for _ in range(2)
    )
    filled = 0
    for index, picture in enumerate(pictures):
        pairs = make_pairs(folder, [picture], config, (_SAMPLES, index), shift=False)
        part = np.linspace(0, len(pairs.starts), each, endpoint=False).astype(np.int64)
        part = np.unique(part) if len(pairs.starts) else part[:0]
        pairs.cut(extractor, part, damaged[filled:], clean[filled:])
        filled += len(part)
    return damaged[:filled], clean[:filled]
