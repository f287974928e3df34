"""The table of encodings."""

from __future__ import annotations

from fit_image.nn.encodings.base import Encoding, Identity
from fit_image.nn.encodings.fourier import Fourier
from fit_image.nn.encodings.hash_grid import HashGrid
from fit_image.nn.encodings.positional import Positional

ENCODINGS: dict[str, type[Encoding]] = {
    "none": Identity,
    "positional": Positional,
    "fourier": Fourier,
    "grid": HashGrid,
}
