"""Crops of many pictures, damaged once and kept in files that are mapped into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fit_image.apps.unjpeg.patches.pictures import find_pictures, read_clean
from fit_image.apps.unjpeg.residual.features import Damage, make_features, target_of
from fit_image.nn.runtime.arrays import FloatArray
from restorer.damage import SIDE, SLACK, Picture, damage_crop
from restorer.noise import with_noise

_GRID = 16
"""Patches begin at multiples of it, so that they know where blocks lie."""

_DULL = 3.0
"""Standard deviation in levels below which most crops are left out."""

_SHAPES = {"filtered": (3, SIDE, SIDE), "decoded": (SIDE, SIDE), "clean": (3, SIDE, SIDE)}


class Batch(NamedTuple):
    """Inputs and targets of the network."""

    inputs: FloatArray
    targets: FloatArray


class Crops:
    """Damaged crops in a folder: an array for each field of `Crop`."""

    def __init__(self, folder: Path) -> None:
        self._arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _SHAPES}
        self._damage = np.load(folder / "damage.npy")

    def __len__(self) -> int:
        return len(self._damage)

    @classmethod
    def make(
        cls, folder: Path, pictures: Sequence[Path], count: int, noisy: float, seed: int
    ) -> Iterator[int]:
        """Write damaged crops of the pictures in some folders; yield how many there are.

        A share of them, ``noisy``, has noise that JPEG's damage must be told from.
        """
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            name: np.lib.format.open_memmap(
                folder / f"{name}.npy", "w+", np.float16, (count, *shape)
            )
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
        np.save(folder / "damage.npy", damage)

    def batch(self, count: int, side: int, rng: np.random.Generator) -> Batch:
        """Return patches of ``side`` pixels from random places."""
        inputs, targets = [], []
        for index in rng.integers(len(self), size=count).tolist():
            y, x = (_GRID * rng.integers(0, (SIDE - side) // _GRID + 1, 2)).tolist()
            window = slice(y, y + side), slice(x, x + side)
            sample = self.sample(index, window)
            inputs.append(sample[0])
            targets.append(sample[1])
        return Batch(np.stack(inputs), np.stack(targets))

    def sample(
        self, index: int, window: tuple[slice, slice] = (slice(None), slice(None))
    ) -> tuple[FloatArray, FloatArray]:
        """Return the network's input for a crop, or a window of it, and its target."""
        parts = {
            name: np.ascontiguousarray(array[index][..., window[0], window[1]], np.float32)
            for name, array in self._arrays.items()
        }
        luma, chroma, has_blocks = self._damage[index].tolist()
        damage = Damage(luma, chroma, bool(has_blocks))
        planes = tuple(parts["filtered"])
        features = make_features(planes, parts["decoded"], damage)
        return features, target_of(parts["clean"] - parts["filtered"], damage)


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
