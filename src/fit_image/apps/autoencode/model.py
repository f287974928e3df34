"""A trained autoencoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.networks import Autoencoder, make_autoencoder
from fit_image.images.io import to_float
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.runs.model_file import reading_model
from fit_image.storage.npz import Arrays, array_like, write_archive

FORMAT_VERSION = 1

_BATCH_NUMBERS = 1 << 20
"""Values of the pictures that pass through the network at once, about."""

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
"""Fields of the configuration that determine the network."""


@dataclass(frozen=True, eq=False)
class AutoencoderModel:
    """An autoencoder and the mean of its training pictures.

    Attributes
    ----------
    config : AutoencodeConfig
        Only the fields that determine the network are used.
    mean : float32 (height, width, channels)
        Of the training pictures, 0..1.
    autoencoder : Autoencoder
    """

    config: AutoencodeConfig
    mean: FloatArray
    autoencoder: Autoencoder

    @property
    def height(self) -> int:
        """Height of the pictures in pixels."""
        return int(self.mean.shape[0])

    @property
    def width(self) -> int:
        """Width of the pictures in pixels."""
        return int(self.mean.shape[1])

    @property
    def channels(self) -> str:
        """Channels of the pictures: ``grey`` or ``rgb``."""
        return "grey" if self.mean.shape[2] == 1 else "rgb"

    @property
    def compression(self) -> float:
        """Values of a picture per value of its code."""
        return self.mean.size / self.autoencoder.code_size

    def redraw(self, pictures: npt.NDArray[Any], *, threads: int | None = None) -> FloatArray:
        """Return the reconstructions of pictures.

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
        return self._collect(pictures, len(self.autoencoder.network.layers) - 1, threads)

    def encode(self, pictures: npt.NDArray[Any], *, threads: int | None = None) -> FloatArray:
        """Return the codes (float32, a row per picture); arguments as of `redraw`."""
        codes = self._collect(pictures, self.autoencoder.code_at, threads)
        return codes.reshape(len(pictures), self.autoencoder.code_size)

    def _collect(self, pictures: npt.NDArray[Any], layer: int, threads: int | None) -> FloatArray:
        network = self.autoencoder.network
        batch = max(1, min(len(pictures), _BATCH_NUMBERS // self.mean.size))
        cache = network.make_cache(batch, ThreadPool(threads))
        found = np.empty((len(pictures), *network.layers[layer].out_shape), dtype=np.float32)
        for first in range(0, len(pictures), batch):
            network.forward(to_float(pictures[first : first + batch]), cache)
            found[first : first + batch] = cache.calls[layer].y
        return found

    def save(self, path: Path) -> None:
        """Write the model file.

        Raises
        ------
        FitImageError
            If that fails.
        """
        sizes = {
            name: np.array(-1 if getattr(self.config, name) is None else getattr(self.config, name))
            for name in _NETWORK
        }
        sizes["hidden"] = sizes["hidden"].astype(np.int64)
        weights = {name: np.ascontiguousarray(array) for name, array in self._arrays()}
        write_archive(path, "autoencoder", FORMAT_VERSION, {**sizes, "mean": self.mean, **weights})

    def _arrays(self) -> Iterator[tuple[str, FloatArray]]:
        """Yield the parameters by their names in the file, as views."""
        vector = self.autoencoder.network.parameters
        for number, (_, weights, biases) in enumerate(self.autoencoder.weights(vector)):
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
        with reading_model(path, "autoencoder", FORMAT_VERSION, "an autoencoder") as arrays:
            config = AutoencodeConfig(**{name: _value(name, arrays) for name in _NETWORK})
            shape = arrays["mean"].shape
            if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape:
                raise ValueError("mean is not a picture")
            mean = array_like(arrays, "mean", np.empty(shape, np.float32))
            # A few forged bytes must not make room for the large network that they promise.
            count = sum(array.size for array in arrays.values())
            if max([*config.hidden, config.code_units or config.filters]) > count:
                raise ValueError("it has fewer values than units")
            model = cls(config, mean, make_autoencoder(config, mean))
            own_arrays = dict(model._arrays())
            expected = {"fit_image_autoencoder", "mean", *_NETWORK, *own_arrays}
            if arrays.keys() != expected:
                raise ValueError(f"{min(arrays.keys() ^ expected)} is missing or unexpected")
            for name, own in own_arrays.items():
                own[:] = array_like(arrays, name, own)
            return model


def _value(name: str, arrays: Arrays) -> Any:
    kind = next(field.type for field in fields(AutoencodeConfig) if field.name == name)
    array = arrays[name]
    if name == "hidden":
        if array.ndim != 1 or array.dtype != np.int64:
            raise ValueError("hidden is not a vector of integers")
        return tuple(array.tolist())
    value = array.reshape(()).item()
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind in ("int", "int | None") and type(value) is int:
        return None if kind != "int" and value == -1 else value
    raise ValueError(f"{name} has an invalid value")
