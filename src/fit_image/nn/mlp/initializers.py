"""Initial weights and biases, a rule for each of the names in `INITS`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.runtime.arrays import FloatArray

AUTO = "auto"
"""In the place of a name: the rule that suits each layer's activation."""

_BLOCK_END = 0.001
"""Deviation where a residual block ends, with `AUTO`: it begins by changing next to nothing."""

# Of a layer, a scale, and a generator: rows of weights, and the bias last.
Rule = Callable[[LayerSpec, float, np.random.Generator], FloatArray]


def classic(layer: LayerSpec, scale: float, rng: np.random.Generator) -> FloatArray:
    """Draw from a normal of deviation ``scale / sqrt(fan_in + 1)``.

    The distribution is that of the program ``evolvingstuff/MonaLisa``.
    """
    return normal(layer, scale / math.sqrt(layer.fan_in + 1), rng)


def normal(layer: LayerSpec, scale: float, rng: np.random.Generator) -> FloatArray:
    """Draw from a normal of deviation ``scale``."""
    shape = (layer.fan_out, layer.fan_in + 1)
    rows: FloatArray = rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)
    return rows


def he(layer: LayerSpec, scale: float, rng: np.random.Generator) -> FloatArray:
    """Draw weights from a normal of deviation ``sqrt(2 / fan_in)``, which rectifiers keep.

    He et al., "Delving deep into rectifiers", ICCV 2015. Biases are uniform: see `_biases`.
    """
    rows = normal(layer, math.sqrt(2.0 / layer.fan_in), rng)
    rows[:, -1] = _biases(layer, rng)
    return rows


def xavier(layer: LayerSpec, scale: float, rng: np.random.Generator) -> FloatArray:
    """Draw weights from a uniform up to ``sqrt(6 / (fan_in + fan_out))``.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010. Biases are uniform: see `_biases`.
    """
    return _uniform(layer, math.sqrt(6.0 / (layer.fan_in + layer.fan_out)), rng)


def siren(layer: LayerSpec, scale: float, rng: np.random.Generator) -> FloatArray:
    """Draw weights from a uniform up to ``sqrt(6 / fan_in) / omega``.

    Sitzmann et al., "Implicit neural representations with periodic activation functions", NeurIPS
    2020. The first layer of a network is another matter: see `siren_first`.
    """
    return _uniform(layer, math.sqrt(6.0 / layer.fan_in) / layer.omega, rng)


def siren_first(layer: LayerSpec, rng: np.random.Generator) -> FloatArray:
    """Draw weights from a uniform up to ``1 / fan_in``: as `siren`, for the first layer."""
    return _uniform(layer, 1.0 / layer.fan_in, rng)


INITS: dict[str, Rule] = {
    "classic": classic,
    "he": he,
    "xavier": xavier,
    "siren": siren,
    "normal": normal,
}


def rules(activations: Sequence[str], init: str) -> list[str]:
    """Return the name of each layer's rule: ``init``, or with `AUTO` that of its activation.

    The last layer then follows the one before it, whose values it mixes.
    """
    if init != AUTO:
        return [init] * len(activations)
    names = [ACTIVATIONS[activation].init for activation in activations]
    return [*names[:-1], names[-2]] if len(names) > 1 else names


def draw(
    layers: Sequence[LayerSpec],
    scale: float,
    rng: np.random.Generator,
    init: str,
    *,
    unit_inputs: bool,
) -> list[FloatArray]:
    """Return initial rows of weights and bias (float32, fan_out x (fan_in + 1)) for each layer.

    Parameters
    ----------
    layers : sequence of LayerSpec
    scale : float
        Deviation of normal, numerator of that of classic.
    rng : numpy.random.Generator
    init : str
        A key of `INITS`, or `AUTO`.
    unit_inputs : bool
        Whether the inputs lie in 0..1. `siren` expects them in -1..1; its first layer is then
        drawn for 2 x - 1, and made one for x.
    """
    drawn = []
    names = rules([layer.activation for layer in layers], init)
    for index, (layer, name) in enumerate(zip(layers, names, strict=True)):
        if name == "siren" and index == 0:
            rows = siren_first(layer, rng)
            if unit_inputs:
                rows[:, -1] -= rows[:, :-1].sum(axis=1)
                rows[:, :-1] *= np.float32(2.0)
        elif layer.skip and init == AUTO:
            rows = normal(layer, _BLOCK_END, rng)
        else:
            rows = INITS[name](layer, scale, rng)
        drawn.append(rows)
    return drawn


def _uniform(layer: LayerSpec, bound: float, rng: np.random.Generator) -> FloatArray:
    rows = np.empty((layer.fan_out, layer.fan_in + 1), dtype=np.float32)
    rows[:, :-1] = rng.uniform(-bound, bound, (layer.fan_out, layer.fan_in))
    rows[:, -1] = _biases(layer, rng)
    return rows


def _biases(layer: LayerSpec, rng: np.random.Generator) -> FloatArray:
    """Draw biases from a uniform up to ``1 / sqrt(fan_in)``.

    He and Glorot have zeros, and inputs around zero. Places are not: without biases, all bends of
    the first layer would meet in one corner of the picture.
    """
    bound = 1.0 / math.sqrt(layer.fan_in)
    return rng.uniform(-bound, bound, layer.fan_out).astype(np.float32)
