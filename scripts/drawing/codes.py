"""Networks and PCA with codes of several sizes, on pictures that neither has seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from drawing.gallery import draw_sheet
from fit_image.apps.autoencode.components import principal_components
from fit_image.apps.autoencode.config import AutoencodeConfig, preset_config
from fit_image.apps.autoencode.train_test_split import TrainTestSplit
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.apps.contact_sheet import contact_sheet
from fit_image.images.colours import to_float, to_uint8

Floats = npt.NDArray[np.float32]

Plan = dict[int, dict[str, AutoencodeConfig]]
"""Networks and their names, for every size of the code."""

SHOWN, LEAST_SIDE = 10, 80  # held-out pictures, and the longer side of one as it is drawn


class Outcome(NamedTuple):
    """Reconstructions, the size of their code, and a title with their quality.

    "Kept" is the share of the held-out pictures' differences from the mean picture that is drawn:
    1 - error / variance. PSNR is that of all held-out pictures together.
    """

    code: int
    title: str
    drawn: Floats


class Comparison:
    """Trains one network after the other, and finds the principal components of the pictures."""

    def __init__(self, lesson: TrainTestSplit, codes: Sequence[int], threads: int | None) -> None:
        self.lesson, self._codes, self._threads = lesson, sorted(codes), threads
        self.wanted = to_float(lesson.held_out)
        pictures = lesson.pictures
        self.mean: Floats = (pictures.mean(axis=0, dtype=np.float64) / 255).astype(np.float32)
        self._variance = float(np.square(self.wanted - self.mean, dtype=np.float64).mean())
        self._most = min(len(pictures) - 1, self.mean.size)

    def compare(self, plan: Plan, epochs: int, seed: int) -> list[Outcome]:
        """Train networks, with PCA of the code behind all of that code, or of the largest."""
        count, rng = min(self._most, max(plan)), np.random.default_rng(0)
        pictures = self.lesson.pictures
        components = principal_components(pictures, self.mean, count, rng, mirror=False)
        average = np.broadcast_to(self.mean, self.wanted.shape)
        outcomes = [self._outcome("the average picture", 0, self.mean.size, average)]
        sizes: list[int] = []
        for code, networks in plan.items():
            for name, recipe in networks.items():
                outcomes.append(self._train(name, replace(recipe, seed=seed), epochs))
            # Codes may be larger than the number of components.
            if min(code, count) > max(sizes, default=0):
                sizes.append(min(code, count))
                outcomes.append(self._pca(components[:code]))
        return outcomes

    def both_presets(self) -> Plan:
        """Return the article's convolutional network, and the strong one, of every code.

        The strong one sees no mirrored pictures: those of digits are not digits.
        """
        return {
            code: {
                "article": AutoencodeConfig(conv=True, bottleneck=code, batch_size=20),
                "strong": preset_config("strong", bottleneck=code, mirror=False),
            }
            for code in self._codes
        }

    def all_kinds(self, filters: int) -> Plan:
        """Return networks of every kind and code; a convolutional one, and dense ones as large."""
        pooled = math.prod(-(-side // 4) for side in self.mean.shape[:2]) * filters
        plan: Plan = {}
        for code in sorted({*self._codes, pooled}):
            plan[code] = {"dense": AutoencodeConfig(bottleneck=code)}
            if code <= self._most and all(side % 2 == 0 for side in self.mean.shape[:2]):
                plan[code]["strong"] = preset_config("strong", bottleneck=code)
        largest = self._codes[-1]
        plan[largest]["tied"] = AutoencodeConfig(bottleneck=largest, tied=True)
        # Few pictures make few steps an epoch, and its few weights need many.
        plan[pooled]["article"] = AutoencodeConfig(conv=True, filters=(filters,), batch_size=20)
        return plan

    def _train(self, name: str, recipe: AutoencodeConfig, epochs: int) -> Outcome:
        pictures, held_out = self.lesson.pictures, self.lesson.held_out
        trainer = AutoencoderTrainer(pictures, held_out, recipe, threads=self._threads)
        trainer.epochs = epochs
        trainer.warm_up()
        for _ in range(epochs):
            while not trainer.epoch_is_over:
                trainer.train_step()
            trainer.end_epoch()
        network, drawn = trainer.autoencoder, trainer.model().redraw(held_out)
        count = network.network.num_params
        training = f", {epochs:,} epochs, {trainer.progress.seconds:.0f} s"
        return self._outcome(name, network.code_size, count, drawn, training)

    def _pca(self, chosen: Floats) -> Outcome:
        """Redraw with the first principal components of the training pictures."""
        mean = self.mean.reshape(-1)
        flat = self.wanted.reshape(len(self.wanted), -1)
        drawn = ((flat - mean) @ chosen.T @ chosen + mean).clip(0, 1).reshape(self.wanted.shape)
        return self._outcome("PCA", len(chosen), chosen.size + mean.size, drawn)

    def _outcome(
        self, name: str, code: int, count: int, drawn: Floats, training: str = ""
    ) -> Outcome:
        error = float(np.square(drawn - self.wanted, dtype=np.float64).mean())
        figures = f"{-10 * math.log10(error):.2f} dB, kept {1 - error / self._variance:.1%}"
        if code:
            name += f", {code:,} numbers"
        title = f"{name}: {figures}, {count:,} weights{training}"
        print(title, flush=True)
        return Outcome(code, title, np.array(drawn))


def draw_codes(comparison: Comparison, outcomes: Sequence[Outcome]) -> Image.Image:
    """Draw held-out pictures, and what became of them, each row under its figures."""
    wanted = comparison.wanted
    shown = np.linspace(0, len(wanted) - 1, min(SHOWN, len(wanted))).astype(int)
    rows = {"held out": wanted} | {each.title: each.drawn for each in outcomes}
    factor = -(-LEAST_SIDE // max(wanted.shape[1:3]))
    groups = {}
    for title, drawn in rows.items():
        strip = contact_sheet([to_uint8(drawn[shown])], gap=2, factor=factor)
        picture = Image.fromarray(strip[..., 0] if strip.shape[2] == 1 else strip)
        groups[title] = [(picture, "")]
    return draw_sheet(groups, 1)
