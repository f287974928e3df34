"""Crops of many pictures, damaged once and kept in files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.patches.pictures import find_pictures, read_clean
from restorer.damage import SIDE, SLACK, Picture, damage_crop
from restorer.noise import with_noise

_DULL = 3.0
"""Standard deviation in levels below which most crops are left out."""

_SHAPES = {"filtered": (3, SIDE, SIDE), "decoded": (1, SIDE, SIDE), "clean": (3, SIDE, SIDE)}
_DAMAGE = "damage"  # written last


class Crops(NamedTuple):
    """Damaged crops, of levels around 0; luma and chroma come first.

    Attributes
    ----------
    filtered, clean : float16 (crops, 3, rows, columns)
    decoded : float16 (crops, 1, rows, columns)
        Luma as in the file.
    damage : float32 (crops, 3)
        The fields of `Damage`.
    """

    filtered: npt.NDArray[np.float16]
    decoded: npt.NDArray[np.float16]
    clean: npt.NDArray[np.float16]
    damage: npt.NDArray[np.float32]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the crops of a folder that `make_crops` has completed."""
        return cls(**{name: np.load(folder / f"{name}.npy") for name in (*_SHAPES, _DAMAGE)})


def find_crops(folder: Path) -> list[Path]:
    """Return the completed folders of crops in a folder."""
    return sorted(file.parent for file in folder.glob(f"*/{_DAMAGE}.npy"))


def make_crops(
    folder: Path, pictures: Sequence[Path], count: int, noisy: float, seed: int
) -> Iterator[int]:
    """Write damaged crops of the pictures in some folders; yield how many there are.

    A share of them, ``noisy``, has noise that JPEG's damage must be told from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float16, (count, *shape))
        for name, shape in _SHAPES.items()
    }
    damage = np.empty((count, 3), np.float32)
    rng = np.random.default_rng(seed)
    done = 0
    for clean in _clean_crops(pictures, rng):
        seen = with_noise(clean, rng) if rng.random() < noisy else clean
        crop = damage_crop(seen, rng)
        if crop is None:
            continue
        for name, array in arrays.items():
            array[done] = getattr(crop, name)
        damage[done] = crop.damage
        done += 1
        yield done
        if done == count:
            break
    np.save(folder / f"{_DAMAGE}.npy", damage)


def _clean_crops(folders: Sequence[Path], rng: np.random.Generator) -> Iterator[Picture]:
    """Yield crops of pictures in the folders, each folder as often, for ever."""
    groups = [[picture.file for picture in find_pictures(folder)[0]] for folder in folders]
    whole = SIDE + SLACK
    while True:
        files = groups[rng.integers(len(groups))]
        picture = read_clean(files[rng.integers(len(files))])
        if picture is None or min(picture.shape[:2]) < whole:
            continue
        for _ in range(8):
            y, x = (int(rng.integers(0, size - whole + 1)) for size in picture.shape[:2])
            crop = picture[y : y + whole, x : x + whole]
            if crop.std() > _DULL or rng.random() < 0.02:
                yield _varied(crop, rng)


def _varied(crop: Picture, rng: np.random.Generator) -> Picture:
    """Turn, mirror and recolour some crops."""
    if rng.random() < 0.3:
        crop = np.rot90(crop, int(rng.integers(4)))
    if rng.random() < 0.3:
        crop = crop[:, ::-1]
    if rng.random() < 0.1:
        crop = crop[..., rng.permutation(3)]
    if rng.random() < 0.05:
        crop = 255 - crop
    return np.ascontiguousarray(crop)
