"""A trained generator with the distribution of each class in its latent space."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.contact_sheet import Pixels, contact_sheet
from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.networks import generator_coordinates, generator_layers
from fit_image.apps.digits.waves import at_latents
from fit_image.apps.rendering import render_strips
from fit_image.config.registry import DIGIT_MODELS
from fit_image.errors import InputError, excerpt
from fit_image.images.colours import to_uint8
from fit_image.nn.mlp.conditioned_mlp import at_latent
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.runs.model_file import reading_model
from fit_image.storage.npz import (
    Arrays,
    array_like,
    number_of,
    texts_of,
    whole_number_of,
    write_archive,
)

FORMAT_VERSION = 2
"""Of waves and of mixtures; a file without is written as version 1."""

_FOLDER = files("fit_image.apps.digits")
SHIPPED = _FOLDER / "digits.npz"
"""The default of the models that come with the package."""

_FILES = dict(zip(DIGIT_MODELS, (SHIPPED, _FOLDER / "article.npz"), strict=True))

_CONFIG_SIZES = ("latent", "units", "blocks", "block_layers")
_WAVES = "waves"  # absent where there are none, as of old
_SIZES = ("channels", "height", "width")
_KNOWN = "|".join(
    (
        *(*_CONFIG_SIZES, _WAVES, *_SIZES),
        *("scale", "background", "names", "numbers", "means", "deviations"),
    )
)

_MOST_SIDE = 1 << 14
"""Of the pictures in pixels, exclusive."""


@dataclass(frozen=True, eq=False)
class DigitModel:
    """A generator and the statistics of its classes: all that drawing needs.

    Attributes
    ----------
    config : DigitsConfig
        Only the sizes of the generator and the scale are used.
    channels : int
        1 or 3.
    height, width : int
        Of the pictures it was trained on.
    parameters : float32 vector
        Weights and biases of the generator, layer by layer and unit by unit, unpadded.
    means, deviations : float32 (classes, components, latent)
        Of the normals, of equal weight, whose mixture is the distribution of each class's latents.
    background : float
        Brightness (0..1) of the surroundings of a digit.
    """

    config: DigitsConfig
    channels: int
    height: int
    width: int
    class_names: tuple[str, ...]
    parameters: FloatArray
    means: FloatArray
    deviations: FloatArray
    background: float

    @property
    def number_count(self) -> int:
        """Numbers of the generator and of the statistics of its classes."""
        return self.parameters.size + self.means.size + self.deviations.size

    def label(self, name: str) -> int:
        """Return the index of a class; `InputError` if there is no such class."""
        try:
            return self.class_names.index(name)
        except ValueError:
            known = ", ".join(self.class_names)
            raise InputError(f"unknown class {name!r}: known are {excerpt(known)}") from None

    def sample(
        self, labels: npt.ArrayLike, rng: np.random.Generator, spread: float = 1.0
    ) -> FloatArray:
        """Sample latents (float32, a row per label) from the distributions of their classes.

        ``spread`` multiplies the standard deviations of their normals.
        """
        chosen = np.asarray(labels, dtype=np.int64)
        noise = rng.standard_normal((len(chosen), self.config.latent), dtype=np.float32)
        components = self.means.shape[1]
        which = rng.integers(components, size=len(chosen)) if components > 1 else 0
        deviations = np.float32(spread) * self.deviations[chosen, which]
        drawn: FloatArray = self.means[chosen, which] + deviations * noise
        return drawn

    def render_strips(
        self,
        latents: FloatArray,
        width: int,
        height: int,
        *,
        scale: float | None = None,
        threads: int | None = None,
    ) -> Iterator[tuple[int, FloatArray]]:
        """Draw a picture of any size in strips from top to bottom, which need little memory.

        Parameters
        ----------
        latents : float32 (latent,)
        width, height : int
            In pixels.
        scale : float, optional
            Range of x and y along the shorter side: -scale to scale, between the middles of what
            were the border pixels in training; smaller zooms in, larger shows the surroundings.
            Default: as in training.
        threads : int, optional
            Default: all cores. Does not change the result.

        Yields
        ------
        top : int
        strip : float32 (rows, width, channels)
            0..1.
        """
        scale = self.config.scale if scale is None else scale
        side = min(self.width, self.height)

        def coordinates(rows: range) -> FloatArray:
            return generator_coordinates((width, height), side, scale, rows)

        network = self._network(latents)
        return render_strips(network, coordinates, (width, height), threads=threads)

    def draw(self, latents: FloatArray, width: int, height: int, **options: Any) -> FloatArray:
        """Return the whole picture (float32, height x width x channels) of `render_strips`."""
        strips = self.render_strips(latents, width, height, **options)
        return np.concatenate([strip for _, strip in strips])

    def on_paper(self, picture: FloatArray, paper: str) -> FloatArray:
        """Return a picture, inverted if its background is not ``paper``, one of `PAPERS`."""
        return np.float32(1.0) - picture if self.is_inverted(paper) else picture

    def is_inverted(self, paper: str) -> bool:
        """Return whether pictures are drawn in negative on ``paper``, one of `PAPERS`."""
        dark = self.background < 0.5
        return (paper == "white" and dark) or (paper == "black" and not dark)

    def draw_sheet(
        self,
        rows: Iterable[FloatArray],
        width: int,
        height: int,
        *,
        paper: str = "white",
        **options: Any,
    ) -> Pixels:
        """Draw pictures in rows, each of ``width`` x ``height`` pixels.

        Parameters
        ----------
        rows : iterable of float32 (columns, latent)
        paper : str
            One of `fit_image.config.registry.PAPERS`.
        **options
            ``scale`` and ``threads`` of `render_strips`.
        """

        def drawn(latents: FloatArray) -> Pixels:
            picture = self.draw(latents, width, height, **options)
            return to_uint8(self.on_paper(picture, paper))

        return contact_sheet(map(drawn, row) for row in rows)

    def save(self, path: Path) -> None:
        """Write the model file."""
        sizes = {name: getattr(self.config, name) for name in _CONFIG_SIZES}
        sizes |= {name: getattr(self, name) for name in _SIZES}
        if self.config.waves:
            sizes[_WAVES] = self.config.waves
        arrays: dict[str, npt.ArrayLike] = {
            **{name: np.int64(value) for name, value in sizes.items()},
            "scale": np.float64(self.config.scale),
            "background": np.float64(self.background),
            "names": np.array(self.class_names),
            "numbers": self.parameters,
            **{name: _in_file(getattr(self, name)) for name in ("means", "deviations")},
        }
        newer = self.means.shape[1] > 1 or self.config.waves > 0
        version = FORMAT_VERSION if newer else 1
        write_archive(path, "digits", version, arrays)

    @classmethod
    def shipped(cls, name: str = DIGIT_MODELS[0]) -> Self:
        """Read a model of the package, one of `fit_image.config.registry.DIGIT_MODELS`."""
        with as_file(_FILES[name]) as file:
            return cls.load(file)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read a model file, or that of a run's folder; without a path, a shipped one.

        `InputError` if it is missing or damaged.
        """
        if path is None:
            return cls.shipped()
        described = "digits", FORMAT_VERSION, "a trained generator", _KNOWN
        with reading_model(path, *described, oldest=1) as arrays:
            sizes = {name: whole_number_of(arrays, name) for name in (*_CONFIG_SIZES, *_SIZES)}
            scale, background = (number_of(arrays, name) for name in ("scale", "background"))
            names = tuple(texts_of(arrays, "names"))
            own = {name: sizes[name] for name in _CONFIG_SIZES}
            own |= {_WAVES: whole_number_of(arrays, _WAVES)} if _WAVES in arrays else {}
            config = DigitsConfig(scale=scale, **own)
            channels = sizes["channels"]
            sides = (sizes["height"], sizes["width"])
            if channels not in (1, 3) or not names or not 0 < min(sides) <= max(sides) < _MOST_SIDE:
                raise ValueError("invalid sizes or classes")
            count = sum(layer.num_params for layer in generator_layers(config, channels))
            parameters = array_like(arrays, "numbers", np.empty(count, np.float32))
            means, deviations = _normals(arrays, (len(names), config.latent))
            return cls(config, channels, *sides, names, parameters, means, deviations, background)

    def generator(self) -> MLP:
        """Return the network from latents, multiplied by the scale, and coordinates to colours."""
        network, start = MLP(generator_layers(self.config, self.channels)), 0
        for rows in network.rows():
            rows[:] = self.parameters[start : start + rows.size].reshape(rows.T.shape).T
            start += rows.size
        return network

    def _network(self, latents: FloatArray) -> MLP:
        """Return the network from coordinates to colours for these latents."""
        scaled = np.float32(self.config.scale) * latents
        return (at_latents if self.config.waves else at_latent)(self.generator(), scaled)


def _in_file(normals: FloatArray) -> FloatArray:
    """Return means or deviations as they lie in a file: (classes, latent) if each has one only."""
    return normals[:, 0] if normals.shape[1] == 1 else normals


def _normals(arrays: Arrays, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return means and deviations (classes, components, latent) of a file."""
    classes, latent = shape
    found = arrays["means"].shape
    components = found[1] if len(found) == 3 else 1
    like = np.empty((classes, components, latent) if len(found) == 3 else shape, np.float32)
    means, deviations = (array_like(arrays, name, like) for name in ("means", "deviations"))
    if not components:
        raise ValueError("a class has no normal")
    whole = classes, components, latent
    return means.reshape(whole), deviations.reshape(whole)


def walk(anchors: FloatArray, steps: int, kind: str) -> Iterator[FloatArray]:
    """Yield latents (float32) on a closed path: from each anchor to the next, and to the first.

    Parameters
    ----------
    anchors : float32 (anchors, latent)
    steps : int
        From one anchor to the next.
    kind : str
        A key of `fit_image.config.registry.WALKS`.
    """
    for before, after in zip(anchors, np.roll(anchors, -1, axis=0), strict=True):
        for step in range(steps):
            share = step / steps
            if kind == "sinusoidal":
                share = (1.0 - math.cos(math.pi * share)) / 2
            yield before + np.float32(share) * (after - before)
