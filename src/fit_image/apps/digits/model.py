"""A trained generator, and where in its latent space each class lies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.coordinates import pixel_coordinates
from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.networks import generator_layers
from fit_image.apps.rendering import render_strips
from fit_image.errors import InputError
from fit_image.nn.layers.conditioned_mlp import at_latent
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.storage.npz import read_archive, write_archive

FORMAT_VERSION = 1

SHIPPED = Path(__file__).with_name("digits.npz")
"""The model that comes with the package."""

_SIZES = ("latent", "units", "blocks", "block_layers", "channels", "height", "width")


@dataclass(frozen=True, eq=False)
class DigitModel:
    """All that drawing needs; read from and written to a small file.

    Attributes
    ----------
    recipe : DigitsConfig
        Of which the sizes of the generator and the scale count.
    channels : int
        1 or 3.
    height, width : int
        Of the pictures it was trained on.
    names : tuple of str
        Of the classes.
    numbers : float32 vector
        Weights and biases of the generator, layer after layer, unit after unit.
    means, deviations : float32 (classes, latent)
        Of the latent numbers of each class's real pictures.
    background : float
        Brightness (0..1) of what surrounds a digit.
    """

    recipe: DigitsConfig
    channels: int
    height: int
    width: int
    names: tuple[str, ...]
    numbers: FloatArray
    means: FloatArray
    deviations: FloatArray
    background: float

    @property
    def number_count(self) -> int:
        """Numbers in the generator and the statistics of its classes."""
        return self.numbers.size + self.means.size + self.deviations.size

    def label(self, name: str) -> int:
        """Return the index of a class.

        Raises
        ------
        InputError
            If there is no such class.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(f"there is no class {name!r}: {', '.join(self.names)}") from None

    def sample(
        self, labels: npt.ArrayLike, rng: np.random.Generator, spread: float = 1.0
    ) -> FloatArray:
        """Draw latent numbers (float32, one row a label) from the normals of their classes.

        ``spread`` multiplies the deviations.
        """
        chosen = np.asarray(labels, dtype=np.int64)
        noise = rng.standard_normal((len(chosen), self.recipe.latent), dtype=np.float32)
        drawn: FloatArray = (
            self.means[chosen] + np.float32(spread) * self.deviations[chosen] * noise
        )
        return drawn

    def bands(
        self,
        latents: FloatArray,
        width: int,
        height: int,
        *,
        scale: float | None = None,
        threads: int | None = None,
    ) -> Iterator[tuple[int, FloatArray]]:
        """Draw a picture of any size, in pieces from top to bottom that need little memory.

        Parameters
        ----------
        latents : float32 (latent,)
        width, height : int
            In pixels.
        scale : float, optional
            x and y run from minus to plus this along the shorter side: less comes nearer, more
            shows what lies around. Default: as in training.
        threads : int, optional
            Default: all cores. Does not change the result.

        Yields
        ------
        top : int
        band : float32 (rows, width, channels)
            0..1.
        """
        network = self._network(latents)
        scale = self.recipe.scale if scale is None else scale

        def coordinates(rows: range) -> FloatArray:
            return pixel_coordinates(width, height, scale, rows)

        return render_strips(network, coordinates, (width, height), threads=threads)

    def draw(self, latents: FloatArray, width: int, height: int, **options: Any) -> FloatArray:
        """Return a whole picture (float32, height x width x channels); arguments as of `bands`."""
        return np.concatenate([band for _, band in self.bands(latents, width, height, **options)])

    def save(self, path: Path) -> None:
        """Write the model file.

        Raises
        ------
        FitImageError
            If that fails.
        """
        sizes = {name: self._size(name) for name in _SIZES}
        write_archive(
            path,
            "digits",
            FORMAT_VERSION,
            {
                **{name: np.int64(value) for name, value in sizes.items()},
                "scale": np.float64(self.recipe.scale),
                "background": np.float64(self.background),
                "names": np.array(self.names),
                "numbers": self.numbers,
                "means": self.means,
                "deviations": self.deviations,
            },
        )

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read a model file, or that in the folder of a run; without a path, the shipped one.

        Raises
        ------
        InputError
            If there is none, or it is damaged.
        """
        path = SHIPPED if path is None else path
        if path.is_dir():
            if not (path / "model.npz").exists():
                raise InputError(f"{path} is not the folder of a trained generator: no model.npz")
            path = path / "model.npz"
        arrays = read_archive(path, "digits", FORMAT_VERSION)
        try:
            sizes = {name: int(arrays[name].reshape(())) for name in _SIZES}
            scale, background = (float(arrays[n].reshape(())) for n in ("scale", "background"))
            names = tuple(str(name) for name in arrays["names"])
            recipe = DigitsConfig(scale=scale, **{name: sizes[name] for name in _SIZES[:4]})
            vectors = numbers, means, deviations = (
                arrays["numbers"],
                arrays["means"],
                arrays["deviations"],
            )
            layers = generator_layers(recipe, sizes["channels"])
            shapes = [
                (sum(layer.num_params for layer in layers),),
                *[(len(names), recipe.latent)] * 2,
            ]
            fine = all(
                vector.dtype == np.float32 and vector.shape == shape and np.isfinite(vector).all()
                for vector, shape in zip(vectors, shapes, strict=True)
            )
            positive = min(sizes.values()) >= 0 and sizes["channels"] in (1, 3) and names
            if not fine or not positive or not math.isfinite(background):
                raise ValueError("its numbers do not fit together")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is damaged: {error}") from error
        return cls(
            recipe,
            sizes["channels"],
            sizes["height"],
            sizes["width"],
            names,
            numbers,
            means,
            deviations,
            background,
        )

    def _size(self, name: str) -> int:
        return int(getattr(self if name in ("channels", "height", "width") else self.recipe, name))

    def _network(self, latents: FloatArray) -> MLP:
        """Return the network of the place alone, for these latent numbers."""
        network, start = MLP(generator_layers(self.recipe, self.channels)), 0
        for layer, rows in zip(network.layers, network.rows(), strict=True):
            stop = start + layer.fan_out * (layer.fan_in + 1)
            weights = self.numbers[start:stop].reshape(layer.fan_out, layer.fan_in + 1)
            rows[:, : layer.fan_in + 1] = weights
            start = stop
        return at_latent(network, np.float32(self.recipe.scale) * latents)
