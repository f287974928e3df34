"""A trained autoencoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.networks import Autoencoder, make_autoencoder
from fit_image.apps.contact_sheet import contact_sheet
from fit_image.datasets.channels import Pictures
from fit_image.errors import excerpt
from fit_image.images.colours import to_float, to_uint8
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.runs.model_file import reading_model
from fit_image.storage.dataclass_json import from_json, to_json
from fit_image.storage.npz import array_like, write_archive

FORMAT_VERSION = 1

_BATCH_NUMBERS = 1 << 20
"""Values of the pictures that pass through the network at once, about."""

_LEAST_SIDE = 64
"""Longer side of a picture in a sheet, in pixels."""

_GAP = 2
"""Pixels between the pictures of a sheet."""

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

_ADDED = ("scaling", "residual", "output_activation")
"""More of them: those that have their default are not in the file."""

_KNOWN = "|".join((*_NETWORK, *_ADDED, "mean", "(weights|biases)_[0-9]{1,4}"))


@dataclass(frozen=True, eq=False)
class AutoencoderModel:
    """An autoencoder and the mean of its training pictures.

    Attributes
    ----------
    config : AutoencodeConfig
        Only the fields that determine the network are used.
    mean : float32 (height, width, channels)
        Of the training pictures, 0..1.
    """

    config: AutoencodeConfig
    mean: FloatArray
    autoencoder: Autoencoder

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures in pixels."""
        return self.mean.shape[1], self.mean.shape[0]

    @property
    def channels(self) -> str:
        """Channels of the pictures: ``grey`` or ``rgb``."""
        return "grey" if self.mean.shape[2] == 1 else "rgb"

    def redraw(self, pictures: npt.NDArray[Any], *, threads: int | None = None) -> FloatArray:
        """Return the reconstructions (float32, 0..1, of the same shape) of pictures.

        Parameters
        ----------
        pictures : ndarray of uint8 or float32, shape (count, height, width, channels)
        threads : int, optional
            Default: all cores. Does not change the result.
        """
        drawn = self._collect(pictures, len(self.autoencoder.network.layers) - 1, threads)
        return drawn.clip(0.0, 1.0, out=drawn)

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

    def draw_sheet(self, pictures: Pictures, *, threads: int | None = None) -> Pictures:
        """Draw pictures in a row, and their reconstructions in the next; arguments as of `redraw`.

        Small pictures are magnified by a whole factor, pixels as squares.
        """
        factor = max(1, -(-_LEAST_SIDE // max(self.size)))
        rows = [pictures, to_uint8(self.redraw(pictures, threads=threads))]
        return contact_sheet(rows, gap=_GAP, factor=factor)

    def save(self, path: Path) -> None:
        """Write the model file."""
        values = to_json(self.config)
        values["bottleneck"] = -1 if self.config.bottleneck is None else self.config.bottleneck
        default = to_json(AutoencodeConfig())
        names = [*_NETWORK, *(name for name in _ADDED if values[name] != default[name])]
        sizes = {name: np.array(values[name]) for name in names}
        sizes["hidden"] = sizes["hidden"].astype(np.int64)
        if len(self.config.filters) == 1:  # as earlier versions have it
            sizes["filters"] = np.array(self.config.filters[0])
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
        """Read a model file, or a run's; `InputError` if it is missing or damaged."""
        with reading_model(path, "autoencoder", FORMAT_VERSION, "an autoencoder", _KNOWN) as arrays:
            names = [*_NETWORK, *(name for name in _ADDED if name in arrays)]
            values = {name: arrays[name].tolist() for name in names}
            values["bottleneck"] = None if values["bottleneck"] == -1 else values["bottleneck"]
            config = from_json(AutoencodeConfig, to_json(AutoencodeConfig()) | values)
            shape = arrays["mean"].shape
            if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape:
                raise ValueError("mean is not a picture")
            mean = array_like(arrays, "mean", np.empty(shape, np.float32))
            # A few forged bytes must not make room for the large network that they promise.
            count = sum(array.size for array in arrays.values())
            filters = config.filters if config.conv else ()
            units = [*config.hidden, *filters, config.code_units or 1]
            if max(units) > count or len(units) > len(arrays):
                raise ValueError("it has fewer values than units")
            model = cls(config, mean, make_autoencoder(config, mean))
            own_arrays = dict(model._arrays())
            expected = {"fit_image_autoencoder", "mean", *names, *own_arrays}
            if arrays.keys() != expected:
                raise ValueError(
                    f"{excerpt(min(arrays.keys() ^ expected))} is missing or unexpected"
                )
            for name, own in own_arrays.items():
                own[:] = array_like(arrays, name, own)
            return model
