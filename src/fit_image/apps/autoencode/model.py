"""A trained auto-encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.networks import Autoencoder, make_autoencoder
from fit_image.errors import InputError
from fit_image.images.io import to_float
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.npz import Arrays, read_archive, write_archive

FORMAT_VERSION = 1

_BATCH_NUMBERS = 1 << 20
"""Numbers of the pictures that pass through the network at once, about."""

_NETWORK = (
    "bottleneck",
    "hidden",
    "tied",
    "conv",
    "filters",
    "activation",
    "code_activation",
    "raw",
)
"""Fields of the recipe that say what the network is."""


@dataclass(frozen=True, eq=False)
class AutoencoderModel:
    """All that redrawing needs; read from and written to a file.

    Attributes
    ----------
    recipe : AutoencodeConfig
        Of which what says how the network is built counts.
    mean : float32 (height, width, channels)
        Of the pictures it learned from, 0..1.
    network : Autoencoder
    """

    recipe: AutoencodeConfig
    mean: FloatArray
    network: Autoencoder

    @property
    def height(self) -> int:
        """Of pictures, in pixels."""
        return int(self.mean.shape[0])

    @property
    def width(self) -> int:
        """Of pictures, in pixels."""
        return int(self.mean.shape[1])

    @property
    def channels(self) -> str:
        """What pictures are: ``grey`` or ``rgb``."""
        return "grey" if self.mean.shape[2] == 1 else "rgb"

    @property
    def compression(self) -> float:
        """Numbers of a picture for each number of its code."""
        return self.mean.size / self.network.code_size

    def redraw(self, pictures: npt.NDArray[Any], *, threads: int | None = None) -> FloatArray:
        """Return what the network makes of pictures.

        Parameters
        ----------
        pictures : ndarray of uint8 or float32, shape (count, height, width, channels)
        threads : int, optional
            Default: all cores. Does not change the result.

        Returns
        -------
        float32, shaped like ``pictures``
            0..1.
        """
        return self._collect(pictures, len(self.network.chain.layers) - 1, threads)

    def encode(self, pictures: npt.NDArray[Any], *, threads: int | None = None) -> FloatArray:
        """Return the codes (float32, a row a picture); arguments as of `redraw`."""
        codes = self._collect(pictures, self.network.code_at, threads)
        return codes.reshape(len(pictures), self.network.code_size)

    def _collect(self, pictures: npt.NDArray[Any], layer: int, threads: int | None) -> FloatArray:
        chain = self.network.chain
        batch = max(1, min(len(pictures), _BATCH_NUMBERS // self.mean.size))
        cache = chain.make_cache(batch, ThreadPool(threads))
        found = np.empty((len(pictures), *chain.layers[layer].out_shape), dtype=np.float32)
        for first in range(0, len(pictures), batch):
            chain.forward(to_float(pictures[first : first + batch]), cache)
            found[first : first + batch] = cache.calls[layer].y
        return found

    def save(self, path: Path) -> None:
        """Write the model file.

        Raises
        ------
        FitImageError
            If that fails.
        """
        recipe = self.recipe
        sizes = {
            name: np.array(-1 if getattr(recipe, name) is None else getattr(recipe, name))
            for name in _NETWORK
        }
        sizes["hidden"] = sizes["hidden"].astype(np.int64)
        weights: dict[str, npt.NDArray[Any]] = {}
        for name, array in self._arrays():
            weights[name] = np.ascontiguousarray(array)
        write_archive(path, "autoencoder", FORMAT_VERSION, {**sizes, "mean": self.mean, **weights})

    def _arrays(self) -> Iterator[tuple[str, FloatArray]]:
        """Give the parameters by their names in the file, as views."""
        network = self.network
        for number, (_, weights, biases) in enumerate(network.weights(network.chain.parameters)):
            if weights is not None:
                yield f"weights_{number}", weights
            yield f"biases_{number}", biases

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model file, or that in the folder of a training.

        Raises
        ------
        InputError
            If there is none, or it is damaged.
        """
        if path.is_dir():
            if not (path / "model.npz").exists():
                raise InputError(f"{path} is not the folder of an auto-encoder: no model.npz")
            path = path / "model.npz"
        arrays = read_archive(path, "autoencoder", FORMAT_VERSION)
        try:
            recipe = AutoencodeConfig(**{name: _value(name, arrays) for name in _NETWORK})
            mean = arrays["mean"]
            _check(mean, mean.shape)
            if mean.ndim != 3 or mean.shape[2] not in (1, 3) or not mean.size:
                raise ValueError("its mean is no picture")
            # A few forged bytes must not make room for what they promise.
            numbers = sum(array.size for array in arrays.values())
            if max([*recipe.hidden, recipe.code_units or recipe.filters]) > numbers:
                raise ValueError("its numbers are fewer than its units")
            model = cls(recipe, mean, make_autoencoder(recipe, mean))
            own_arrays = dict(model._arrays())
            known = {"fit_image_autoencoder", "mean", *_NETWORK, *own_arrays}
            if arrays.keys() != known:
                raise ValueError(f"{sorted(arrays.keys() ^ known)[0]} is missing or too much")
            for name, own in own_arrays.items():
                _check(arrays[name], own.shape)
                own[:] = arrays[name]
        except KeyError as error:
            raise InputError(f"{path} is damaged: it has no {error.args[0]}") from error
        except (TypeError, ValueError) as error:
            raise InputError(f"{path} is damaged: {error}") from error
        return model


def _value(name: str, arrays: Arrays) -> Any:
    kind = next(field.type for field in fields(AutoencodeConfig) if field.name == name)
    array = arrays[name]
    if name == "hidden":
        if array.ndim != 1 or array.dtype != np.int64:
            raise ValueError("its hidden layers are none")
        return tuple(array.tolist())
    value = array.reshape(()).item()
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind in ("int", "int | None") and type(value) is int:
        return None if kind != "int" and value == -1 else value
    raise ValueError(f"its {name} has a wrong value")


def _check(array: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.dtype != np.float32 or array.shape != shape or not np.isfinite(array).all():
        raise ValueError("its numbers do not fit together")
