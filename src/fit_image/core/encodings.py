"""The table of encodings."""

from __future__ import annotations

from fit_image.core.encoding import Encoding, Identity
from fit_image.core.fourier import Fourier
from fit_image.core.grid import Grid
from fit_image.core.positional import Positional

ENCODINGS: dict[str, type[Encoding]] = {
    "none": Identity,
    "positional": Positional,
    "fourier": Fourier,
    "grid": Grid,
}
