"""The pixels of a picture that are never shown, and those that are.

Source of the experiment: Tancik et al., "Fourier features let networks learn high frequency
functions in low dimensional domains", NeurIPS 2020, which shows a quarter of the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.pixels.samples import shuffle
from fit_image.config.fit import FitConfig
from fit_image.config.hold_out import check_hold_out, shown_pixels

# Beside the seed. Two numbers, because one is that of an epoch, whose order has nothing to do with
# this choice.
_CHOICE = (2, 2)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The choice of the pixels that are held out.

    Attributes
    ----------
    mask : bool (height, width)
        True for pixels that are held out.
    shown : uint32 (shown pixels,)
        The others, as row * width + column, increasing.
    """

    mask: npt.NDArray[np.bool_]
    shown: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, config: FitConfig, width: int, height: int) -> Self | None:
        """Return the choice for a picture of this size; None if all its pixels are shown.

        Raises
        ------
        InputError
            If none of its pixels would be shown, or all.
        """
        if config.hold_out is None:
            return None
        check_hold_out(config.hold_out, width, height)
        mask = np.ones((height, width), dtype=np.bool_)
        if isinstance(config.hold_out, str):
            mask[::2, ::2] = False
        else:
            rng = np.random.default_rng([config.seed, *_CHOICE])
            order = np.arange(width * height, dtype=np.uint32)
            shuffle(order, rng)
            mask.reshape(-1)[order[: shown_pixels(config.hold_out, width, height)]] = False
        return cls(mask, np.flatnonzero(~mask).astype(np.uint32))
