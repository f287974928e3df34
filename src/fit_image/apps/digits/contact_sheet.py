"""Many generated pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fit_image.apps.digits.model import DigitModel
from fit_image.images.io import to_uint8
from fit_image.nn.runtime.arrays import FloatArray


def on_paper(picture: FloatArray, model: DigitModel, paper: str) -> FloatArray:
    """Return a picture with a background of the shade that is wanted: inverted, or as it is."""
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
    """Draw rows of pictures.

    Parameters
    ----------
    model : DigitModel
    rows : sequence of float32 (columns, latent)
    width, height : int
        Of each picture, in pixels.
    paper : str
        One of `fit_image.config.registry.PAPERS`.
    scale, threads
        See `DigitModel.bands`.

    Returns
    -------
    uint8 (height, width, channels)
        Of the sheet.
    """
    return np.concatenate(
        [
            np.concatenate(
                [
                    to_uint8(
                        on_paper(
                            model.draw(latents, width, height, scale=scale, threads=threads),
                            model,
                            paper,
                        )
                    )
                    for latents in row
                ],
                axis=1,
            )
            for row in rows
        ]
    )
