"""Where a training stands."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Progress:
    """With the network's parameters, all there is to continue a training.

    Attributes
    ----------
    epoch : int
        Epochs completed.
    position : int
        Pixels learned in the epoch under way.
    loss_sum : float
        Sum of their losses.
    seconds : float
        Training time so far, compiling and drawing left out.
    best_psnr : float
        Of the pictures drawn so far, in dB; minus infinity before the first.
    """

    epoch: int = 0
    position: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    best_psnr: float = -math.inf
