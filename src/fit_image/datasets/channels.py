"""Pictures of a data set in grey or in colour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pictures = npt.NDArray[np.uint8]

# ITU-R BT.601 luma in 16-bit fixed point, as in Pillow.
_LUMA = np.array([19595, 38470, 7471], dtype=np.uint32)


def convert_channels(pictures: Pictures, channels: str | None) -> Pictures:
    """Convert pictures of shape (count, height, width, 1 or 3) to ``grey`` or ``rgb``.

    None is for grey if all pictures are grey.
    """
    if pictures.shape[3] == 1:
        return pictures.repeat(3, axis=3) if channels == "rgb" else pictures
    if channels is None:
        colourless = all((each == each[..., :1]).all() for each in pictures)
        channels = "grey" if colourless else "rgb"
    if channels == "rgb":
        return pictures
    grey = [((each @ _LUMA + (1 << 15)) >> 16).astype(np.uint8) for each in pictures]
    return np.stack(grey)[..., np.newaxis]
