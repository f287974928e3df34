"""The rate that a range test suggests."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fit_image.config.registry import OptimizerDefaults

# Standard deviation of the kernel that smooths the losses, in powers of ten of the rate.
_WIDTH = 0.12

# The loss must fall to this share of what it is at the smallest rates.
_FALL = 0.95

# Losses at most so many times the least one are as good as that: chance decides between them.
_BOTTOM = 1.1

# With an adaptive optimizer, how many times smaller than a rate that lets the loss of a new network
# fall most is one that suits dozens of epochs, and the power of a network's steepness by which it
# is smaller still: found by training at many rates, see docs/choosing.md.
_SAFETY, _STEEPNESS_POWER = 10.0, 0.7

Floats = npt.NDArray[np.float64]


def smooth(rates: Floats, losses: Floats) -> Floats:
    """Return the losses as weighted means over neighbouring rates; those not finite stay so."""
    places = np.log10(rates)
    finite = np.isfinite(losses)
    smoothed = np.full(len(losses), math.inf)
    for index in np.flatnonzero(finite):
        weights = np.exp(-0.5 * np.square((places[finite] - places[index]) / _WIDTH))
        smoothed[index] = float(weights @ losses[finite]) / float(weights.sum())
    return smoothed


def safety_factor(optimizer: OptimizerDefaults, default: float) -> float:
    """Return how many times smaller than a rate of the lowest loss the suggestion is to be.

    Plain gradients shrink as the network learns, and with them the steps; each of momentum's is
    repeated in those that follow, ten times in all if they repeat nine tenths. Steps of adaptive
    optimizers do not shrink, and the steeper the activations are, the more a step changes.

    Parameters
    ----------
    optimizer : OptimizerDefaults
    default : float
        Default learning rate of the network with this optimizer: a tenth of the optimizer's if its
        activation is ten times as steep.
    """
    if not optimizer.adaptive:
        return 1.0 / (1.0 - optimizer.momentum)
    return float(_SAFETY * (optimizer.learning_rate / default) ** _STEEPNESS_POWER)


def suggest(rates: Floats, smoothed: Floats, safety: float) -> float | None:
    """Return the rate to train with, rounded to two digits; None if the loss falls nowhere.

    It is ``safety`` times smaller than the middle of the rates at which the loss is lowest.
    """
    start = float(np.median(smoothed[: max(len(smoothed) // 10, 1)]))
    lowest = int(np.argmin(smoothed))
    if not smoothed[lowest] < _FALL * start:
        return None
    higher = np.flatnonzero(smoothed > _BOTTOM * smoothed[lowest])
    left = higher[higher < lowest].max(initial=-1) + 1
    right = higher[higher > lowest].min(initial=len(smoothed)) - 1
    centre = math.sqrt(rates[left] * rates[right])
    return float(f"{centre / safety:.2g}")
