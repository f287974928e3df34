"""Initial weights and biases of an MLP, by the rules of `fit_image.nn.initializers`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fit_image.nn.initializers import AUTO, INITIALIZERS, Fans, Normal, Uniform, rules
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.runtime.arrays import FloatArray

_BLOCK_END = 0.001
"""Standard deviation at the end of a residual block with `AUTO`, which so begins near identity."""

_WITH_BIASES = ("classic", "normal")
"""Rules whose biases are drawn like the weights."""


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
    scale : float
        Standard deviation of normal, numerator of that of classic.
    init : str
        One of `INITS`, or `AUTO`.
    unit_inputs : bool
        Whether the inputs lie in 0..1. `siren` expects them in -1..1; its first layer is then
        drawn for 2 x - 1, and transformed to one for x.
    """
    drawn = []
    names = rules([layer.activation for layer in layers], init)
    for index, (layer, name) in enumerate(zip(layers, names, strict=True)):
        if name == "siren" and index == 0:
            rows = _draw_layer(layer, "siren-first", scale, rng)
            if unit_inputs:
                rows[:, -1] -= rows[:, :-1].sum(axis=1)
                rows[:, :-1] *= np.float32(2.0)
        elif layer.skip and init == AUTO:
            rows = _draw_layer(layer, "normal", _BLOCK_END, rng)
        else:
            rows = _draw_layer(layer, name, scale, rng)
        drawn.append(rows)
    return drawn


def _draw_layer(layer: LayerSpec, name: str, scale: float, rng: np.random.Generator) -> FloatArray:
    """Return rows of weights and bias."""
    fans = Fans(layer.fan_in, layer.fan_out, scale, layer.omega)
    weights = INITIALIZERS[name](fans)
    if isinstance(weights, Normal):
        rows = weights.draw((layer.fan_out, layer.fan_in + 1), rng)
        if name in _WITH_BIASES:
            return rows
    else:
        rows = np.empty((layer.fan_out, layer.fan_in + 1), dtype=np.float32)
        rows[:, :-1] = weights.draw((layer.fan_out, layer.fan_in), rng)
    # He and Glorot have zeros, and inputs around zero. Inputs in 0..1 are not: without biases, the
    # bends of all units of the first layer would meet at the origin.
    rows[:, -1] = Uniform(1.0 / math.sqrt(layer.fan_in)).draw((layer.fan_out,), rng)
    return rows
