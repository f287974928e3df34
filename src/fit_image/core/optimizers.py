"""The table of optimizers."""

from __future__ import annotations

from fit_image.core.adam import Adam, AdamW
from fit_image.core.descent import SGD
from fit_image.core.momentum import Momentum
from fit_image.core.optimizer import Optimizer

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "adam": Adam,
    "adamw": AdamW,
}
