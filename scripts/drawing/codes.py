"""Networks and PCA with codes of several sizes, on pictures that neither has seen."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    name, kind : str
        ``kind`` is "average", "dense", "other" or "PCA".
    code, parameters : int
        Numbers of a picture's code; of the network, or of mean and components.
    drawn : float32, shaped like the held-out pictures
    psnr : float
        Of these, all together, in dB.
    kept : float
        Share of their differences from the mean picture that is drawn: 1 - error / variance.
    seconds : float
        Of training.
    epochs : int
    """

    name: str
    kind: str
    code: int
    parameters: int
    drawn: Floats
    psnr: float
    kept: float
    seconds: float = 0.0
    epochs: int = 0


Pair = tuple[Outcome, Outcome | None]
"""A network, and PCA with a code of the same size, if there is such."""


class Comparison:
    """Trains one network after the other."""

    def __init__(self, lesson: Lesson, threads: int | None) -> None:
        self.lesson = lesson
        self._threads = threads
        self.wanted = to_float(lesson.held_out)
        known = to_float(lesson.pictures).reshape(len(lesson.pictures), -1)
        self.mean: Floats = known.mean(axis=0).reshape(self.wanted.shape[1:])
        self._variance = float(np.square(self.wanted - self.mean, dtype=np.float64).mean())
        self._most = min(len(known) - 1, known.shape[1])
        self._components = PCA(self._most, svd_solver="full").fit(known)
        self._fitted: dict[int, Outcome] = {}

    def plan(self, codes: Sequence[int], filters: int) -> list[tuple[str, Recipe]]:
        """Return names and recipes: convolutional ones and their equals among them."""
        pooled = math.prod(-(-side // 4) for side in self.mean.shape[:2]) * filters
        dense = [(f"fully connected {code:,}", Recipe(bottleneck=code))
                 for code in sorted({*codes, pooled})]  # fmt: skip
        tied = (f"tied {max(codes):,}", Recipe(bottleneck=max(codes), tied=True))
        # Few pictures make few steps an epoch, and its few weights need many.
        convolutional = Recipe(conv=True, filters=filters, batch_size=20)
        return [*dense, tied, (f"convolutional {pooled:,}", convolutional)]

    def compare(self, plan: Sequence[tuple[str, Recipe]], epochs: int, seed: int) -> list[Pair]:
        """Train all, and say how good they are; where PCA has no code so large, add its largest."""
        pairs: list[Pair] = [(self._average(), None)]
        for name, recipe in plan:
            network = self._train(name, replace(recipe, seed=seed), epochs)
            pca = self.pca(network.code) if network.code <= self._most else None
            pairs.append((network, pca))
            beside = f", PCA {pca.psnr:.2f}" if pca else ""
            print(f"{name}: {network.psnr:.2f} dB{beside}, {network.seconds:.0f} s", flush=True)
        if any(network.code > self._most for network, _ in pairs):
            pairs.append((self.pca(self._most), None))
        return pairs

    def _train(self, name: str, recipe: Recipe, epochs: int) -> Outcome:
        lesson = self.lesson
        trainer = AutoencoderTrainer(
            lesson.pictures, lesson.held_out, recipe, threads=self._threads
        )
        trainer.warm_up()
        for epoch in range(1, epochs + 1):
            while not trainer.epoch_is_over:
                trainer.play()
            trainer.end_epoch()
            if sys.stderr.isatty():
                print(f"\r{name}: epoch {epoch}/{epochs} ", end="", file=sys.stderr)
        network, drawn = trainer.network, trainer.model().redraw(lesson.held_out)
        kind = "other" if recipe.conv or recipe.tied else "dense"
        count = network.chain.parameter_count
        outcome = self._outcome(name, kind, network.code_size, count, drawn)
        return replace(outcome, seconds=trainer.standing.seconds, epochs=epochs)

    def _average(self) -> Outcome:
        """Return what is drawn without a code: the mean picture."""
        drawn = np.broadcast_to(self.mean, self.wanted.shape)
        return self._outcome("the average picture", "average", 0, self.mean.size, drawn)

    def pca(self, size: int) -> Outcome:
        """Redraw with the first principal components of the training pictures."""
        if size not in self._fitted:
            chosen, mean = self._components.components_[:size], self._components.mean_
            flat = self.wanted.reshape(len(self.wanted), -1)
            drawn = ((flat - mean) @ chosen.T @ chosen + mean).clip(0, 1)
            count = chosen.size + mean.size
            drawn = drawn.reshape(self.wanted.shape)
            self._fitted[size] = self._outcome(f"PCA {size:,}", "PCA", size, count, drawn)
        return self._fitted[size]

    def _outcome(self, name: str, kind: str, code: int, count: int, drawn: Floats) -> Outcome:
        error = float(np.square(drawn - self.wanted, dtype=np.float64).mean())
        psnr, kept = -10 * math.log10(error), 1 - error / self._variance
        return Outcome(name, kind, code, count, np.array(drawn), psnr, kept)
