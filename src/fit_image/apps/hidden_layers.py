"""The hidden layers of a painting network: what each unit gives over the picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.coordinates import unit_coordinates
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.errors import InputError
from fit_image.images.decoding import row_strips
from fit_image.images.scaling import size_within
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.arrays import FloatArray

RELU_LIKE = ("relu", "leaky-relu")
"""Activations whose units answer where their output is above zero."""

# Pixels at which units are looked at: those of the learned picture, or as many of a smaller one.
# Of networks with very many weights fewer, so that it takes seconds at most.
_MOST_PIXELS = 1 << 17
_MOST_PRODUCTS = 10**11
_FEWEST_PIXELS = 1 << 12

# Of other activations, a unit is constant if its outputs differ by less than this fraction of what
# those of the layer's most varied unit do, or by float32's rounding.
_CONSTANT, _ROUNDING = 1e-3, 1e-6

# Columns that are reduced at once.
_COLUMNS = 512

_STRIP_NUMBERS = 1 << 21


class HiddenLayers:
    """A network's hidden layers, one after the other.

    Parameters
    ----------
    network : PaintingNetwork
        Its parameters must stay as they are.
    threads : int, optional
        Default: all cores.
    strip_numbers : int
        Outputs of the widest layer that `strips` has in memory at once.

    Attributes
    ----------
    specs : tuple of LayerSpec
        Of the hidden layers.
    """

    def __init__(
        self,
        network: PaintingNetwork,
        threads: int | None = None,
        strip_numbers: int = _STRIP_NUMBERS,
    ) -> None:
        self.network = network
        self._strip_numbers = strip_numbers
        self.specs: tuple[LayerSpec, ...] = network.specs[:-1]
        self._threads = threads
        self._layers = []
        for spec, (weights, biases) in zip(self.specs, network.weights(), strict=False):
            # Without what residual blocks add: that is what other units give.
            layer = MLP([replace(spec, skip=0)])
            for own, learned in zip(next(layer.weights()), (weights, biases), strict=True):
                own[:] = learned
            self._layers.append(layer)

    def outputs(self, places: FloatArray) -> Iterator[FloatArray]:
        """Yield what the units of each hidden layer give: float32 (places, units).

        Of a layer that ends a residual block, without the block's input, which is added to it on
        the way to the next layer.

        Parameters
        ----------
        places : float32 (places, 2)
            x and y, as `PaintingNetwork.predict` takes them.
        """
        values = self.network.encode(places)
        begins = {index + 1 - spec.skip for index, spec in enumerate(self.specs) if spec.skip}
        for index, (spec, layer) in enumerate(zip(self.specs, self._layers, strict=True)):
            if index in begins:
                block_input = values
            values = layer.predict(values, threads=self._threads)
            yield values
            if spec.skip:
                with np.errstate(invalid="ignore", over="ignore"):
                    values = values + block_input

    def strips(self, width: int, height: int) -> Iterator[tuple[range, Iterator[FloatArray]]]:
        """Yield strips of the picture drawn at a size: its rows, and `outputs` of their pixels."""
        xs = unit_coordinates(width, self.network.size[0])
        ys = unit_coordinates(height, self.network.size[1])
        widest = max((spec.fan_out for spec in self.specs), default=1)
        for rows in row_strips(height, width, max(self._strip_numbers // widest, 1)):
            own = ys[rows.start : rows.stop]
            places = np.stack(np.broadcast_arrays(xs, own[:, np.newaxis]), axis=-1)
            yield range(rows.start, rows.stop), self.outputs(places.reshape(-1, 2))


@dataclass(frozen=True, eq=False)
class LayerAnswers:
    """Between what and what the outputs of a hidden layer's units lie, over the whole picture.

    Attributes
    ----------
    number : int
        Of the layer, from 1.
    activation : str
    low, high : float32 (units,)
    """

    number: int
    activation: str
    low: FloatArray
    high: FloatArray

    @property
    def silent(self) -> npt.NDArray[np.bool_]:
        """The units that never answer, bool (units,).

        A ReLU, leaky or not, never answers if its output is nowhere above zero. A unit of another
        activation never answers if its output is constant: if its outputs differ by less than a
        thousandth of what those of the layer's most varied unit do, or by rounding (1e-6) alone.
        """
        if self.activation in RELU_LIKE:
            return self.high <= 0.0
        with np.errstate(invalid="ignore", over="ignore"):
            extent = self.high - self.low
            constant: npt.NDArray[np.bool_] = extent < max(
                _CONSTANT * float(extent.max()), _ROUNDING
            )
        return constant

    @property
    def count(self) -> int:
        """How many units never answer."""
        return int(self.silent.sum())

    def to_json(self) -> dict[str, Any]:
        """Return the numbers of a layer as JSON values."""
        return {"layer": self.number, "units": len(self.high), "never_answer": self.count}


def layer_answers(network: PaintingNetwork, threads: int | None = None) -> list[LayerAnswers]:
    """Return the answers of all hidden layers over the picture that a network has learned.

    They are taken at the picture's own pixels; if it has more than 131,072, or fewer of a network
    with more than 763,000 weights, at those of a smaller one.
    """
    layers = HiddenLayers(network, threads)
    width, height = _size_looked_at(network)
    answers: list[LayerAnswers] = []
    for _, outputs in layers.strips(width, height):
        for number, (spec, values) in enumerate(zip(layers.specs, outputs, strict=True), start=1):
            low, high = _extremes(values, np.minimum), _extremes(values, np.maximum)
            if number > len(answers):
                answers.append(LayerAnswers(number, spec.activation, low, high))
            else:
                before = answers[number - 1]
                np.minimum(before.low, low, out=before.low)
                np.maximum(before.high, high, out=before.high)
    return answers


def silent_units(path: Path) -> list[dict[str, Any]] | None:
    """Return `LayerAnswers.to_json` of each layer of a run's network, or of a model file's.

    None if there is none yet, or it is damaged.
    """
    try:
        network = PaintingNetwork.load(path)
    except InputError:
        return None
    return [layer.to_json() for layer in layer_answers(network)]


def describe_silent(layers: Iterable[Mapping[str, Any]]) -> str:
    """Describe facts of `LayerAnswers.to_json`, such as "37 of 300 in layer 3"; empty for none."""
    return ", ".join(
        f"{each['never_answer']} of {each['units']} in layer {each['layer']}"
        for each in layers
        if each["never_answer"]
    )


def _extremes(values: FloatArray, extreme: np.ufunc) -> FloatArray:
    """Return the minimum or maximum of each column; numpy is slow where these are few."""
    samples, units = values.shape
    together = max(_COLUMNS // units, 1)
    rest = samples % together
    rows = values[rest:].reshape(-1, together * units)
    found = extreme.reduce(rows, axis=0) if len(rows) else values[:0]
    both = np.concatenate((found.reshape(-1, units), values[:rest]))
    result: FloatArray = extreme.reduce(both, axis=0)
    return result


def _size_looked_at(network: PaintingNetwork) -> tuple[int, int]:
    weights = sum(spec.num_params for spec in network.specs)
    most = min(_MOST_PIXELS, max(_MOST_PRODUCTS // weights, _FEWEST_PIXELS))
    width, height = network.size
    return network.size if width * height <= most else size_within(network.size, most)
