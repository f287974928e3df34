"""The game of generator, encoder and classifier: one step of each, and the rules of a round."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.networks import (
    generator_numbers,
    make_classifier,
    make_encoder,
    make_generator,
)
from fit_image.apps.digits.trained_network import TrainedNetwork
from fit_image.nn.layers.layer import GradMode
from fit_image.nn.losses import cross_entropy
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

Labels = npt.NDArray[np.int64]


class GradientError(ArithmeticError):
    """A gradient is not finite; no step was taken along it."""


class RoundAbandonedError(Exception):
    """A round was stopped between two steps."""


@dataclass(frozen=True)
class RoundMetrics:
    """What a round has come to; losses in nats a picture, accuracies as shares.

    Attributes
    ----------
    generator_loss : float
        Cross-entropy of generated pictures towards their sources' labels.
    divergence : float
        Of the latent numbers from a standard normal, in nats a pixel (Kullback-Leibler).
    real_loss, fake_loss : float
        Cross-entropy of the classifier on real and on generated pictures.
    generator_accuracy : float
        Generated pictures that the classifier takes for real ones of their sources' class.
    real_accuracy, fake_accuracy : float
        Real pictures whose class it recognises; generated ones that it recognises as such.
    steps : int
        Taken in the round, by all.
    """

    generator_loss: float
    divergence: float
    real_loss: float
    fake_loss: float
    generator_accuracy: float
    real_accuracy: float
    fake_accuracy: float
    steps: int


class GANTrainer:
    """The networks and how they learn from a batch.

    Parameters
    ----------
    recipe : DigitsConfig
    shape : tuple of int
        Height, width and channels of the pictures, as they are cropped.
    classes : int
        Of the labels; the classifier knows one more, of generated pictures.
    threads : int, optional
        Default: all cores. Does not change the result.
    """

    def __init__(
        self,
        recipe: DigitsConfig,
        shape: tuple[int, int, int],
        classes: int,
        *,
        threads: int | None = None,
    ) -> None:
        self.recipe = recipe
        self.shape = shape
        self.classes = classes
        pool = ThreadPool(threads)
        self._encoder = TrainedNetwork("encoder", make_encoder(recipe, *shape), recipe, pool)
        self._generator = TrainedNetwork("generator", make_generator(recipe, *shape), recipe, pool)
        self._classifier = TrainedNetwork(
            "classifier", make_classifier(recipe, *shape, classes), recipe, pool
        )
        self._players = (self._encoder, self._generator, self._classifier)
        rng = np.random.default_rng([recipe.seed, 0])
        for player in self._players:
            player.chain.init_params(rng)

    def play(
        self,
        pictures: FloatArray,
        labels: Labels,
        rng: np.random.Generator,
        go_on: Callable[[], bool] = lambda: True,
    ) -> RoundMetrics:
        """Play a round with a batch: steps of the generator, then perhaps of the classifier.

        Parameters
        ----------
        pictures : float32 (samples, height, width, channels)
            0..1.
        labels : int64 (samples,)
        rng : numpy.random.Generator
        go_on : callable
            Asked before every step.

        Raises
        ------
        RoundAbandonedError
            If ``go_on`` says no: what the round has changed is then for the caller to undo.
        GradientError
            If a gradient is not finite; likewise.
        """
        recipe, steps = self.recipe, 0
        generator_accuracy = 0.0

        def count() -> None:
            nonlocal steps
            if not go_on():
                raise RoundAbandonedError
            steps += 1

        for _ in range(recipe.generator_steps):
            count()
            loss, divergence, generator_accuracy = self.generator_step(pictures, labels, rng)
            if generator_accuracy > recipe.generator_goal or not math.isfinite(loss):
                break
        real_loss, real_accuracy = self._look_at_real(pictures, labels)
        fake_loss, fake_accuracy = self._look_at_fake(pictures, rng)
        behind = fake_accuracy < recipe.fake_behind
        if behind and generator_accuracy > recipe.good_generator:
            for _ in range(recipe.classifier_steps):
                count()
                real_loss, real_accuracy, fake_loss, fake_accuracy = self.classifier_step(
                    pictures, labels, rng
                )
                if fake_accuracy > recipe.fake_goal:
                    break
        elif real_accuracy < recipe.real_behind:
            for _ in range(recipe.classifier_steps):
                count()
                self._classifier.gradient[:] = 0.0
                real_loss, real_accuracy = self._look_at_real(pictures, labels, 1.0)
                self._step(self._classifier)
                if real_accuracy > recipe.real_goal:
                    break
        return RoundMetrics(
            loss,
            divergence,
            real_loss,
            fake_loss,
            generator_accuracy,
            real_accuracy,
            fake_accuracy,
            steps,
        )

    def try_all(self, pictures: FloatArray, labels: Labels, rng: np.random.Generator) -> None:
        """Take a step of every player, so that all kernels are compiled."""
        self.generator_step(pictures, labels, rng)
        self._look_at_real(pictures, labels, 1.0)
        self._step(self._classifier)

    def encode(self, pictures: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of the latent numbers of at most a batch of pictures."""
        encoder = self._encoder
        outputs = encoder.chain.forward(pictures, encoder.cache)
        mean, log_variance = np.split(outputs, 2, axis=1)
        return mean.copy(), np.exp(log_variance)

    def draw(self, latents: FloatArray) -> FloatArray:
        """Return the pictures (samples, height, width, channels) of at most a batch of latents."""
        scaled = np.ascontiguousarray(latents * self.recipe.scale, dtype=np.float32)
        generator = self._generator
        return generator.chain.forward(scaled, generator.cache).copy()

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Let encoder and generator be their averages inside the block, if the recipe says so."""
        with self._encoder.averaged(), self._generator.averaged():
            yield

    def classify(self, pictures: FloatArray) -> Labels:
        """Return the likeliest classes of at most a batch, as if none were generated."""
        classifier = self._classifier
        logits = classifier.chain.forward(pictures, classifier.cache)
        likeliest: Labels = logits[:, : self.classes].argmax(axis=1)
        return likeliest

    def generator_numbers(self) -> FloatArray:
        """Return weights and biases of the generator, layer after layer, unit after unit."""
        return generator_numbers(self._generator.chain)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of all there is to remember."""
        return {
            f"{player.name}_{key}": array
            for player in self._players
            for key, array in player.to_arrays().items()
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `to_arrays`.

        Raises
        ------
        ValueError
            If the arrays are not those of such a game; then nothing may be relied on.
        """
        for player in self._players:
            prefix = f"{player.name}_"
            own = {
                key.removeprefix(prefix): array
                for key, array in arrays.items()
                if key.startswith(prefix)
            }
            player.restore(own, follows=self.recipe.average > 0)

    def _imagine(
        self, pictures: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Generate pictures like others: mean and log variance of latents, noise, pictures."""
        encoder, generator = self._encoder, self._generator
        outputs = encoder.chain.forward(pictures, encoder.cache, rng)
        mean, log_variance = np.split(outputs, 2, axis=1)
        noise = rng.standard_normal(mean.shape, dtype=np.float32)
        latents = np.float32(self.recipe.scale) * (mean + np.exp(0.5 * log_variance) * noise)
        drawn = generator.chain.forward(latents, generator.cache)
        return mean, log_variance, noise, drawn

    def generator_step(
        self, pictures: FloatArray, labels: Labels, rng: np.random.Generator
    ) -> tuple[float, float, float]:
        """Take a step of generator and encoder; return loss, divergence and accuracy before it."""
        recipe, count = self.recipe, np.float32(len(pictures))
        encoder, generator, classifier = self._encoder, self._generator, self._classifier
        mean, log_variance, noise, drawn = self._imagine(pictures, rng)
        deviation = np.exp(0.5 * log_variance)
        logits = classifier.chain.forward(drawn, classifier.cache)
        judged = cross_entropy(logits, labels)

        grad_drawn = classifier.chain.backward(classifier.cache, judged.grad / count, to_input=True)
        assert grad_drawn is not None
        grad_latents = generator.chain.backward(
            generator.cache, grad_drawn, generator.gradient, to_input=True
        )
        assert grad_latents is not None
        grad_latents = grad_latents * np.float32(recipe.scale)
        # Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014, appendix B.
        variance = deviation * deviation
        pixels = self.shape[0] * self.shape[1]
        divergence = 0.5 * (mean * mean + variance - 1.0 - log_variance).sum() / count / pixels
        weight = np.float32(recipe.divergence_weight / (count * pixels))
        grad_mean = grad_latents + weight * mean
        grad_log_variance = np.float32(0.5) * (
            grad_latents * noise * deviation + weight * (variance - np.float32(1.0))
        )
        encoder.chain.backward(
            encoder.cache, np.concatenate([grad_mean, grad_log_variance], axis=1), encoder.gradient
        )
        self._step(encoder, generator)
        if recipe.average:
            encoder.follow()
            generator.follow()
        return float(judged.losses.mean()), float(divergence), judged.accuracy

    def classifier_step(
        self, pictures: FloatArray, labels: Labels, rng: np.random.Generator
    ) -> tuple[float, float, float, float]:
        """Take a step of the classifier; return loss and accuracy before it, real and fake."""
        recipe = self.recipe
        share = recipe.real_weight + recipe.fake_weight
        self._classifier.gradient[:] = 0.0
        real = self._look_at_real(pictures, labels, recipe.real_weight / share)
        fake = self._look_at_fake(pictures, rng, recipe.fake_weight / share)
        self._step(self._classifier)
        return *real, *fake

    def _look_at_real(
        self, pictures: FloatArray, labels: Labels, weight: float | None = None
    ) -> tuple[float, float]:
        """Classify real pictures, and learn with a weight; return loss and accuracy before."""
        classifier = self._classifier
        logits = classifier.chain.forward(pictures, classifier.cache)
        judged = cross_entropy(logits, labels)
        if weight:
            classifier.chain.backward(
                classifier.cache,
                judged.grad * np.float32(weight / len(pictures)),
                classifier.gradient,
                GradMode.ADD,
            )
        return float(judged.losses.mean()), judged.accuracy

    def _look_at_fake(
        self, pictures: FloatArray, rng: np.random.Generator, weight: float | None = None
    ) -> tuple[float, float]:
        """The same with pictures that are generated from real ones, and a class of their own."""
        drawn = self._imagine(pictures, rng)[-1]
        fakes = np.full(len(pictures), self.classes, dtype=np.int64)
        return self._look_at_real(drawn, fakes, weight)

    def _step(self, *players: TrainedNetwork) -> None:
        """Take a step of all, along a gradient whose norm is at most the recipe's."""
        # Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013.
        norm = math.sqrt(sum(float(np.dot(player.gradient, player.gradient)) for player in players))
        if not math.isfinite(norm):
            raise GradientError
        scale = self.recipe.clip / norm if norm > self.recipe.clip else 1.0
        for player in players:
            player.step(scale)
