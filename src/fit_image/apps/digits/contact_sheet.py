"""Contact sheets of generated pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fit_image.apps.contact_sheet import contact_sheet
from fit_image.apps.digits.model import DigitModel
from fit_image.images.io import to_uint8
from fit_image.nn.runtime.arrays import FloatArray


def on_paper(picture: FloatArray, model: DigitModel, paper: str) -> FloatArray:
    """Return a picture, inverted if its background is not as asked."""
    dark = model.background < 0.5
    inverted = (paper == "white" and dark) or (paper == "black" and not dark)
    return np.float32(1.0) - picture if inverted else picture


def draw_sheet(
    model: DigitModel,
    rows: Sequence[FloatArray],
    width: int,
    height: int,
    *,
    paper: str = "white",
    scale: float | None = None,
    threads: int | None = None,
) -> npt.NDArray[np.uint8]:
    """Draw pictures in rows.

    Parameters
    ----------
    model : DigitModel
    rows : sequence of float32 (columns, latent)
    width, height : int
        Of each picture, in pixels.
    paper : str
        One of `fit_image.config.registry.PAPERS`.
    scale, threads
        As of `DigitModel.bands`.

    Returns
    -------
    uint8 (height, width, channels)
    """
    return contact_sheet(
        (
            to_uint8(
                on_paper(
                    model.draw(latents, width, height, scale=scale, threads=threads), model, paper
                )
            )
            for latents in row
        )
        for row in rows
    )
