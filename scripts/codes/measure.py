"""Networks and PCA with codes of several sizes, on pictures that neither has seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

from fit_image.apps.autoencode.pictures import Lesson
from fit_image.apps.autoencode.recipe import Recipe
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.image import to_float

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What redraws pictures, and how well.

    Attributes
    ----------
    name : str
    code, parameters : int
        Numbers of a picture's code; of the network, or of mean and components.
    drawn : float32, shaped like the held-out pictures
    psnr : float
        Of these, all together, in dB.
    kept : float
        Share of their differences from the mean picture that is drawn: 1 - error / variance.
    seconds : float
        Of training.
    epochs : int or None
    """

    name: str
    code: int
    parameters: int
    drawn: Floats
    psnr: float
    kept: float
    seconds: float
    epochs: int | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """A network, and PCA with a code of the same size, if there is such."""

    network: Outcome
    pca: Outcome | None

    @property
    def components(self) -> list[Outcome]:
        """What of the two is PCA."""
        return [each for each in (self.network, self.pca) if each and each.name.startswith("PCA")]


class Comparison:
    """Trains one network after the other.

    Parameters
    ----------
    lesson : Lesson
    threads : int or None
    """

    def __init__(self, lesson: Lesson, threads: int | None) -> None:
        self.lesson = lesson
        self._threads = threads
        self.wanted = to_float(lesson.held_out)
        self._known = to_float(lesson.pictures).reshape(len(lesson.pictures), -1)
        self.mean: Floats = self._known.mean(axis=0).reshape(self.wanted.shape[1:])
        self._variance = float(np.square(self.wanted - self.mean, dtype=np.float64).mean())
        self._components: PCA | None = None
        self._fitted: dict[int, Outcome | None] = {}

    def average(self) -> Outcome:
        """Return what is drawn without a code: the mean picture."""
        drawn = np.broadcast_to(self.mean, self.wanted.shape)
        return self._outcome("the average picture", 0, self.mean.size, drawn, 0.0, None)

    def pair(self, name: str, recipe: Recipe, epochs: int) -> Iterator[Pair | int]:
        """Train; give the epochs done, and in the end the outcome."""
        lesson = self.lesson
        trainer = AutoencoderTrainer(
            lesson.pictures, lesson.held_out, recipe, threads=self._threads
        )
        trainer.warm_up()
        for epoch in range(epochs):
            while not trainer.epoch_is_over:
                trainer.play()
            trainer.end_epoch()
            yield epoch + 1
        network, drawn = trainer.network, trainer.model().redraw(lesson.held_out)
        count, seconds = network.chain.num_params, trainer.standing.seconds
        yield Pair(
            self._outcome(name, network.code_size, count, drawn, seconds, epochs),
            self.pca(network.code_size),
        )

    @property
    def most_components(self) -> int:
        """How many components there are."""
        return min(len(self._known) - 1, self._known.shape[1])

    def pca(self, size: int) -> Outcome | None:
        """Fit principal components to the training pictures, if there are as many."""
        if size not in self._fitted:
            self._fitted[size] = self._pca(size) if size <= self.most_components else None
        return self._fitted[size]

    def _pca(self, size: int) -> Outcome:
        if self._components is None:
            self._components = PCA(self.most_components, svd_solver="full").fit(self._known)
        # Those of a smaller code are the first of all.
        chosen, mean = self._components.components_[:size], self._components.mean_
        flat = self.wanted.reshape(len(self.wanted), -1)
        drawn = ((flat - mean) @ chosen.T @ chosen + mean).clip(0, 1).reshape(self.wanted.shape)
        return self._outcome(f"PCA {size:,}", size, chosen.size + mean.size, drawn, 0.0, None)

    def _outcome(
        self,
        name: str,
        code: int,
        parameters: int,
        drawn: Floats,
        seconds: float,
        epochs: int | None,
    ) -> Outcome:
        error = float(np.square(drawn - self.wanted, dtype=np.float64).mean())
        psnr = -10 * math.log10(error)
        kept = 1 - error / self._variance
        return Outcome(name, code, parameters, np.array(drawn), psnr, kept, seconds, epochs)
