"""The folder of a training of an auto-encoder."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from fit_image.apps.autoencode.recipe import RULES, Recipe
from fit_image.recipe_folder import RecipeFolder


@dataclass(frozen=True)
class Row:
    """An epoch's figures.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    loss : float
        Mean squared error of a number (0..1) of the pictures learned from, over the epoch's steps.
    test_loss : float
        The same of the held-out pictures, at the end of the epoch.
    psnr : float
        Of that: the PSNR of the mean error, and not the mean of PSNRs. In dB.
    seconds : float
        Training time so far.
    """

    columns: ClassVar[tuple[str, ...]] = ("epoch", "loss", "test_loss", "psnr", "seconds")

    epoch: int
    loss: float
    test_loss: float
    psnr: float
    seconds: float

    @classmethod
    def measured(cls, epoch: int, loss: float, test_loss: float, seconds: float) -> Self:
        """Return the row with its PSNR."""
        psnr = -10.0 * math.log10(test_loss) if test_loss else math.inf
        return cls(epoch, loss, test_loss, psnr, seconds)

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of the file; ValueError if it is not one."""
        epoch, *figures = line.split(",")
        if len(figures) != len(cls.columns) - 1:
            raise ValueError("a row has too many or too few figures")
        return cls(int(epoch), *map(float, figures))

    def to_json(self) -> dict[str, Any]:
        """Return the figures, by their columns, as JSON values."""
        return {
            name: value if math.isfinite(value) else None for name, value in asdict(self).items()
        }

    def __str__(self) -> str:
        losses = f"{self.loss:.9g},{self.test_loss:.9g}"
        return f"{self.epoch},{losses},{self.psnr:.4f},{self.seconds:.3f}"


@dataclass(frozen=True)
class Source:
    """Which pictures an auto-encoder learns, and which are held out.

    Attributes
    ----------
    path : str
        Absolute path when the training began.
    sha256 : str
        Of both.
    pictures, held_out : int
        How many are learned from, and how many are not.
    test : str or None
        Absolute path of those held out; None if they are a tenth of the same data, chosen by the
        recipe's seed.
    width, height : int
    channels : str
        ``grey`` or ``rgb``.
    """

    path: str
    sha256: str
    pictures: int
    held_out: int
    test: str | None
    width: int
    height: int
    channels: str


class AutoencoderFolder(RecipeFolder[Source, Recipe]):
    """The folder of a training of an auto-encoder."""

    description = "training of an auto-encoder"
    document_name = "autoencoder.json"
    archive_kind = "autoencoder_checkpoint"
    source_type = Source
    recipe_type = Recipe
    row_type = Row
    rules = RULES
    file_names = (
        "autoencoder.json",
        "metrics.csv",
        "checkpoint.npz",
        "model.npz",
        "final.png",
        "animation.gif",
    )
