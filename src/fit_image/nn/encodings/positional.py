"""The positional encoding: waves along each axis, every one half as long as the one before.

Source: Mildenhall et al., "NeRF: representing scenes as neural radiance fields for view
synthesis", ECCV 2020.
"""

from __future__ import annotations

import numpy as np

from fit_image.nn.encodings.waves import Waves


class Positional(Waves):
    """cos(2^k pi v) and sin(2^k pi v) of each input v, for k = 0, 1, ...

    The inputs lie in 0..1, of which the longest wave is twice as long: -1..1, as in the source, is
    the whole of it, and opposite ends of an axis would look the same.

    Parameters
    ----------
    inputs : int
    levels : int
        Number of k.
    """

    def __init__(self, inputs: int, levels: int) -> None:
        octaves = 0.5 * 2.0 ** np.arange(levels)
        super().__init__(np.kron(octaves[:, np.newaxis], np.eye(inputs)).astype(np.float32))
