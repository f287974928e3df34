"""The table of optimizers."""

from __future__ import annotations

from fit_image.nn.optimizers.adam import Adam, AdamW
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.optimizers.momentum import Momentum
from fit_image.nn.optimizers.sgd import SGD
from fit_image.nn.optimizers.soap import SOAP

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "adam": Adam,
    "adamw": AdamW,
    "soap": SOAP,
}
