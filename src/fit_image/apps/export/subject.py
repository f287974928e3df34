"""Subjects of export: a network, where its inputs come from, and how its outputs are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fit_image.apps.coordinates import INPUTS, pixel_coordinates
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.dream import Dreamer
from fit_image.apps.export.plain import PlainNetwork
from fit_image.apps.painting_network import WHOLE, PaintingNetwork, Region
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.arrays import FloatArray


@dataclass(frozen=True)
class Frame:
    """From places in a picture to coordinates.

    Attributes
    ----------
    size : (float, float)
        Width and height of the whole picture, in pixels of the learned one.
    centre : (float, float)
        The place, from the left upper corner, whose coordinates are 0.
    unit : (float, float)
        What x and y gain in a pixel.
    names : tuple of str
        The coordinates, in the order of the network's inputs: x, y and r.
    """

    size: tuple[float, float]
    centre: tuple[float, float]
    unit: tuple[float, float]
    names: tuple[str, ...] = ("x", "y")

    def coordinates(self, width: int, height: int, region: Region = WHOLE) -> FloatArray:
        """Return those of the pixels of a picture, row by row: float32 (pixels, coordinates)."""
        axes = []
        for count, start, stop, axis in zip(
            (width, height), region[:2], region[2:], range(2), strict=True
        ):
            side = self.size[axis]
            places = pixel_coordinates(count, start * side, stop * side) + 0.5
            axes.append((places - self.centre[axis]) * self.unit[axis])
        x, y = np.meshgrid(*axes)
        by_name = {"x": x, "y": y, "r": np.sqrt(x * x + y * y)}
        return np.stack([by_name[name].ravel() for name in self.names], axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Latents:
    """Inputs that are the same for a whole picture.

    Attributes
    ----------
    first : int
        The first of these among the network's inputs.
    values : float32 (latents,)
        Those to begin with.
    factor : float
        The inputs are so many times as large.
    names : tuple of str
        Classes that others are drawn of.
    means, deviations : float32 (classes, components, latents)
        Of the normals, of equal weight, that others of a class are drawn from.
    spread : float
        Factor of the deviations.
    label : int
        The class to begin with.
    """

    first: int
    values: FloatArray
    factor: float
    names: tuple[str, ...]
    means: FloatArray
    deviations: FloatArray
    spread: float = 1.0
    label: int = 0


@dataclass(frozen=True, eq=False)
class Subject:
    """A network to export.

    Attributes
    ----------
    title, origin : str
        A name, and in a few words what it is.
    network : MLP
        From latents and coordinates to colours.
    frame : Frame
    latents : Latents or None
    inverted : bool
        Whether it is shown in negative.
    """

    title: str
    origin: str
    network: MLP
    frame: Frame
    latents: Latents | None = None
    inverted: bool = False
    plain: PlainNetwork = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", PlainNetwork.of(self.network))

    @property
    def channels(self) -> int:
        """Grey, colour, or colour and alpha: 1, 3 or 4."""
        return len(self.plain.layers[-1].biases)

    @property
    def input_names(self) -> list[str]:
        """Of the network, in their order; latents are z1, z2, and so on."""
        names = [*self.frame.names]
        if self.latents:
            first = self.latents.first
            names[first:first] = [f"z{index + 1}" for index in range(len(self.latents.values))]
        return names

    @property
    def input_text(self) -> str:
        """A description of the network's inputs."""
        text = ", ".join(self.input_names)
        if self.latents and self.latents.factor != 1.0:
            text += f" (the z are latent numbers times {self.latents.factor:g})"
        return text

    def inputs(
        self, width: int, height: int, region: Region = WHOLE, latents: FloatArray | None = None
    ) -> FloatArray:
        """Return the network's inputs for the pixels of a picture: float32 (pixels, inputs).

        ``latents`` are others than those to begin with.
        """
        coordinates = self.frame.coordinates(width, height, region)
        if self.latents is None:
            return coordinates
        values = self.latents.values if latents is None else latents
        values = values * np.float32(self.latents.factor)
        before, after = np.split(coordinates, [self.latents.first], axis=1)
        rows = np.broadcast_to(values, (len(coordinates), len(values)))
        return np.concatenate((before, rows, after), axis=1, dtype=np.float32)


def picture_subject(network: PaintingNetwork, title: str) -> Subject:
    """Return the network of a picture to export."""
    width, height = network.size
    unit = 1 / max(width - 1, 1), 1 / max(height - 1, 1)
    origin = f"a picture of {width}x{height} pixels"
    return Subject(title, origin, network, Frame(network.size, (0.5, 0.5), unit))


def digits_subject(
    model: DigitModel,
    title: str,
    *,
    label: int = 0,
    latents: FloatArray | None = None,
    spread: float = 0.7,
    scale: float | None = None,
    paper: str = "white",
) -> Subject:
    """Return a generator of digits to export; ``label`` and ``latents`` are those to begin with."""
    scale = model.config.scale if scale is None else scale
    side = min(model.width, model.height)
    values = model.means[label, 0] if latents is None else latents
    classes = model.class_names, model.means, model.deviations
    return Subject(
        title,
        "a generator of handwritten digits",
        model.generator(),
        _centred(float(side), scale / max((side - 1) / 2, 0.5), INPUTS),
        Latents(0, values, model.config.scale, *classes, spread, label),
        inverted=model.is_inverted(paper),
    )


def dream_subject(dreamer: Dreamer, title: str) -> Subject:
    """Return a random network to export."""
    dream, count = dreamer.dream, dreamer.dream.latent
    latents = None
    if count:
        shape = 1, 1, count
        normal = ("",), np.zeros(shape, np.float32), np.ones(shape, np.float32)
        latents = Latents(len(dream.inputs), dreamer.latent, 1.0, *normal)
    frame = _centred(2.0, dream.scale, tuple(dream.inputs))
    return Subject(title, "a random network", dreamer.network, frame, latents)


def _centred(side: float, unit: float, names: Sequence[str]) -> Frame:
    return Frame((side, side), (side / 2, side / 2), (unit, unit), tuple(names))
