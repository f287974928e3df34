"""The networks that come with the package, applied to strips of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.unjpeg.residual.features import Damage, make_features
from fit_image.apps.unjpeg.residual.kernels import FACTOR, add_outputs_kernel
from fit_image.apps.unjpeg.residual.network import Sizes, make_network
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.runs.model_file import reading_model
from fit_image.storage.npz import array_like, write_archive

FORMAT_VERSION = 2
_KIND, _KNOWN = "unjpeg_residual", "sizes|numbers"
_MOST = 256
"""Channels, and blocks, that a file may ask for."""

_FOLDER = files("fit_image.apps.unjpeg.residual")


@dataclass(frozen=True, eq=False)
class ResidualNetwork:
    """A network that predicts what filters leave of JPEG's damage.

    Attributes
    ----------
    sizes : Sizes
        See `make_network`.
    numbers : float32 vector
        Weights and biases of all layers, without padding.
    """

    sizes: Sizes
    numbers: FloatArray

    @classmethod
    def of(cls, network: Network, sizes: Sizes) -> Self:
        """Return the weights of a network for any size of pictures."""
        return cls(sizes, np.concatenate([each.ravel() for each in _weights(network)]))

    def network(self, rows: int, columns: int) -> Network:
        """Return the network for pictures of a size."""
        network = make_network(rows, columns, self.sizes)
        start = 0
        for weights in _weights(network):
            weights[...] = self.numbers[start : start + weights.size].reshape(weights.shape)
            start += weights.size
        return network

    def add_changes(
        self,
        planes: Sequence[FloatArray],
        decoded: FloatArray,
        damage: Damage,
        pool: ThreadPool,
        views: int = 1,
    ) -> None:
        """Add what the network predicts to luma and chroma, in place.

        Parameters
        ----------
        planes : sequence of float32 (rows, columns)
            Three, in -128..127; rows and columns are even.
        decoded : float32 (rows, columns)
            Luma as in the file.
        views : int
            Turned and mirrored versions of the picture, 1 to 8, of whose predictions the mean is
            taken (Timofte et al., "Seven ways to improve example-based single image super
            resolution", CVPR 2016, section 3.5).
        """
        if not damage.trust:
            return
        versions = [_viewed([*planes, decoded], number) for number in range(views)]
        for number, (*seen, luma) in enumerate(versions):
            features = make_features(tuple(seen), luma, damage)
            network = self.network(*features.shape[:2])
            cache = network.make_cache(1, pool, training=False)
            outputs = network.forward(features[np.newaxis], cache)[0]
            own = _viewed(planes, number, copy=False)
            add_outputs_kernel(outputs, damage.trust * damage.unit / np.float32(views), tuple(own))

    def save(self, path: Path) -> None:
        """Write the model file, in half precision."""
        arrays: dict[str, npt.ArrayLike] = {
            "sizes": np.array(self.sizes, np.int64),
            "numbers": self.numbers.astype(np.float16),
        }
        write_archive(path, _KIND, FORMAT_VERSION, arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model file; `InputError` if it is missing or damaged."""
        with reading_model(path, _KIND, FORMAT_VERSION, "a network", _KNOWN) as arrays:
            sizes = Sizes(*array_like(arrays, "sizes", np.array(Sizes())).tolist())
            if not all(0 <= size <= _MOST for size in sizes) or not sizes.channels:
                raise ValueError(f"invalid sizes: {sizes}")
            count = make_network(FACTOR, FACTOR, sizes).num_params
            numbers = array_like(arrays, "numbers", np.empty(count, np.float16))
            return cls(sizes, numbers.astype(np.float32))

    @classmethod
    @cache
    def shipped(cls, name: Literal["small", "large"] = "small") -> Self:
        """Return a network that comes with the package."""
        with as_file(_FOLDER / f"{name}.npz") as file:
            return cls.load(file)


def _weights(network: Network) -> list[FloatArray]:
    """Return weights and biases of all layers, as views."""
    return [
        values
        for index, layer in enumerate(network.layers)
        for values in layer.named_params(network.part(network.parameters, index)).values()
    ]


def _viewed(planes: Sequence[FloatArray], number: int, *, copy: bool = True) -> list[FloatArray]:
    """Return one of the eight ways to see planes: as they are, mirrored, upside down, on a side."""
    turned = []
    for plane in planes:
        view = plane[:: -1 if number & 2 else 1, :: -1 if number & 1 else 1]
        view = view.T if number & 4 else view
        turned.append(np.array(view, order="C") if copy else view)
    return turned
