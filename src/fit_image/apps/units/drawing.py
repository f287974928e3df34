"""The sheet of all hidden units of a network, each as what it gives over the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from fit_image.animation.film import Pixels
from fit_image.apps.hidden_layers import RELU_LIKE, HiddenLayers, LayerAnswers, layer_answers
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.units.layout import LABEL, MARGIN, TITLE, Layout
from fit_image.errors import InputError
from fit_image.nn.runtime.arrays import FloatArray

_BACKGROUND, _TEXT, _MARK = (255, 255, 255), (24, 24, 28), (205, 92, 92)
_SILENT = (242, 232, 232)  # behind the mark of a unit that never answers
_FONT_SIZES = (13, 16)  # of labels and of the title

# The colours of -1, -1/2, 0, 1/2 and 1 with signs.
_SIGNED = np.array(
    [(190, 225, 255), (40, 110, 200), (0, 0, 0), (205, 90, 20), (255, 232, 150)], np.float32
)

_WIDEST = 200  # picture of a unit, unless the sheet's size is given

_FINITE = 1e30  # of outputs: what is beyond overflows when it is scaled

_SAMPLES = 2  # per pixel of a unit's picture and direction


class UnitSheet:
    """Draws the hidden units of networks of one shape: a row a layer, long ones wrapped.

    Parameters
    ----------
    network : PaintingNetwork
    layer : int, optional
        Draw this hidden layer alone, counted from 1.
    size : tuple of int, optional
        Width and height of the sheet. Default: as many as the units need, at most ``within``.
    within : tuple of int
    signed : bool
        Draw outputs above zero in orange and below zero in blue, instead of in grey.
    title : bool
        Whether sheets have a title.

    Raises
    ------
    InputError
        If the network has no such layer, or the units do not fit.
    """

    def __init__(
        self,
        network: PaintingNetwork,
        *,
        layer: int | None = None,
        size: tuple[int, int] | None = None,
        within: tuple[int, int] = (1800, 1400),
        signed: bool = False,
        title: bool = False,
    ) -> None:
        hidden = [spec.fan_out for spec in network.specs[:-1]]
        if not hidden:
            raise InputError("the network has no hidden layer, and no units to draw")
        if layer is not None and not 1 <= layer <= len(hidden):
            layers = f"{len(hidden)} hidden layer{'s' * (len(hidden) > 1)}"
            raise InputError(f"layer {layer}: the network has {layers}", fields=("layer",))
        self._shown = range(len(hidden)) if layer is None else range(layer - 1, layer)
        self._signed = signed
        counts = [hidden[index] for index in self._shown]
        aspect = network.size[0] / network.size[1]
        self._layout = Layout.fitting(
            counts, aspect, size or within, title=title, widest=None if size else _WIDEST
        )
        self.size = size or self._layout.size
        label, heading = _FONT_SIZES
        self._label, self._heading = ImageFont.load_default(label), ImageFont.load_default(heading)

    def draw(
        self,
        network: PaintingNetwork,
        title: str = "",
        *,
        answers: Sequence[LayerAnswers] | None = None,
        threads: int | None = None,
    ) -> Pixels:
        """Draw a sheet: uint8 (height, width, 3).

        ``answers`` are those of `layer_answers`, if they are known.
        """
        answers = answers or layer_answers(network, threads)
        sheet = Image.new("RGB", self.size, _BACKGROUND)
        draw = ImageDraw.Draw(sheet)
        if title:
            draw.text((MARGIN, TITLE // 2), title, _TEXT, self._heading, anchor="lm")
        units = self._unit_values(network, threads)
        for index, label in zip(self._shown, self._layout.labels(), strict=True):
            layer, colours = answers[index], self._colours(units[index], answers[index])
            at = label[0], label[1] + LABEL // 2 - 1
            draw.text(at, _label_of(layer), _TEXT, self._label, anchor="lm")
            for unit, silent in enumerate(layer.silent):
                left, top = self._layout.position(label, unit)
                if silent:
                    self._mark(draw, left, top)
                else:
                    sheet.paste(Image.fromarray(colours[unit]), (left, top))
        return np.asarray(sheet)

    def _unit_values(self, network: PaintingNetwork, threads: int | None) -> dict[int, FloatArray]:
        """Return the outputs of the units of the layers shown: float32 (units, height, width)."""
        width, height = self._layout.tile
        layers = HiddenLayers(network, threads)
        values = {
            index: np.zeros((layers.specs[index].fan_out, height, width), np.float32)
            for index in self._shown
        }
        share = np.float32(1 / _SAMPLES**2)
        for rows, outputs in layers.strips(width * _SAMPLES, height * _SAMPLES):
            for index, samples in zip(range(self._shown.stop), outputs, strict=False):
                if index in values:
                    finite = np.clip(np.nan_to_num(samples), -_FINITE, _FINITE)
                    wide = finite.reshape(len(rows), width, _SAMPLES, -1).sum(axis=2)
                    for row, units in zip(rows, share * wide, strict=True):
                        values[index][:, row // _SAMPLES] += units.T
        return values

    def _colours(self, values: FloatArray, layer: LayerAnswers) -> npt.NDArray[np.uint8]:
        """Return pictures of units: uint8 (units, height, width, 3)."""
        if self._signed:
            most = np.abs(values).max(axis=(1, 2), keepdims=True)
            shades = np.divide(values, most, out=np.zeros_like(values), where=most > 0)
            channels = [np.interp(shades, (-1, -0.5, 0, 0.5, 1), each) for each in _SIGNED.T]
            return _levels(np.stack(channels, axis=-1))
        low: Any = 0.0
        if layer.activation not in RELU_LIKE:
            low = values.min(axis=(1, 2), keepdims=True)
        raised = np.maximum(values - low, 0.0)
        most = raised.max(axis=(1, 2), keepdims=True)
        grey = np.divide(255 * raised, most, out=np.zeros_like(values), where=most > 0)
        return _levels(grey)[..., np.newaxis].repeat(3, axis=3)

    def _mark(self, draw: ImageDraw.ImageDraw, left: int, top: int) -> None:
        """Cross out a unit that never answers."""
        wide, high = self._layout.tile
        right, bottom = left + wide - 1, top + high - 1
        draw.rectangle((left, top, right, bottom), _SILENT)
        thickness = max(1, wide // 100)
        draw.line((left, top, right, bottom), _MARK, thickness)
        draw.line((left, bottom, right, top), _MARK, thickness)


def _levels(shades: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    levels: npt.NDArray[np.uint8] = np.rint(shades).astype(np.uint8)
    return levels


def _label_of(layer: LayerAnswers) -> str:
    units, silent = len(layer.high), layer.count
    name = f"layer {layer.number}, {layer.activation}:"
    if silent:
        return f"{name} {silent} of {units} never answer"
    return f"{name} {units} unit{'s' * (units > 1)}"
