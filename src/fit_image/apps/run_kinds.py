"""All kinds of runs, for replacing or describing a run of any kind."""

from fit_image.apps.autoencode.directory import AutoencoderDirectory
from fit_image.apps.digits.directory import DigitsDirectory
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.unjpeg.directory import UnjpegDirectory
from fit_image.runs.directory import RunDirectory

KINDS: tuple[type[RunDirectory], ...] = (
    DigitsDirectory,
    AutoencoderDirectory,
    UnjpegDirectory,
    FitDirectory,
)
"""The last one is what a path is taken for that is of no other kind."""
