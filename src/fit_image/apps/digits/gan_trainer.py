"""Training of the digits' three networks against each other: the steps of a round."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.directory import RoundMetrics
from fit_image.apps.digits.networks import make_discriminator, make_encoder, make_generator
from fit_image.apps.digits.redrawing import Posterior, pixel_entropy
from fit_image.apps.trained_network import TrainedNetwork
from fit_image.nn.layers.layer import GradMode
from fit_image.nn.losses import cross_entropy
from fit_image.nn.network import Network
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.npz import part_of

Labels = npt.NDArray[np.int64]


class GradientError(ArithmeticError):
    """A gradient is not finite; no step was taken along it."""


class RoundAbandonedError(Exception):
    """A round was stopped between two steps."""


class GANTrainer:
    """Generator, encoder and discriminator, and how they learn from a batch.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels of the pictures after cropping.
    num_classes : int
        Classes of the labels; the discriminator has one more, for generated pictures.
    threads : int, optional
        Default: all cores. Does not change the result.

    Attributes
    ----------
    encoder, generator, discriminator : TrainedNetwork
    networks : dict of str to TrainedNetwork
        The three by their names in checkpoints.
    """

    def __init__(
        self,
        config: DigitsConfig,
        shape: tuple[int, int, int],
        num_classes: int,
        *,
        threads: int | None = None,
    ) -> None:
        self.config, self.shape, self.num_classes = config, shape, num_classes
        pool = ThreadPool(threads)

        def trained(network: Network, first: float = 1.0) -> TrainedNetwork:
            adam = Adam(network.parameters.size, config.beta1)
            rates = np.full(len(network.layers), config.learning_rate)
            rates[0] *= first
            return TrainedNetwork(
                network, adam, rates.tolist(), config.batch_size, pool, config.average
            )

        self.encoder = trained(make_encoder(config, *shape))
        # The first layer of waves sees large numbers, and has weights that are as small.
        first = 1.0 / config.scale if config.waves else 1.0
        self.generator = trained(make_generator(config, *shape), first)
        self.discriminator = trained(make_discriminator(config, *shape, num_classes))
        self.networks = {
            "encoder": self.encoder,
            "generator": self.generator,
            "classifier": self.discriminator,
        }
        rng = np.random.default_rng([config.seed, 0])
        for each in self.networks.values():
            each.network.init_params(rng)

    def train_step(
        self,
        pictures: FloatArray,
        labels: Labels,
        rng: np.random.Generator,
        should_continue: Callable[[], bool] = lambda: True,
    ) -> RoundMetrics:
        """Train on a batch: steps of the generator, then of the discriminator if it is behind.

        Parameters
        ----------
        pictures : float32 (samples, height, width, channels)
            0..1.
        labels : int64 (samples,)
        should_continue : callable
            Asked before every step.

        Raises
        ------
        RoundAbandonedError, GradientError
            If the training is not to continue, or a gradient is not finite; the caller undoes the
            steps.
        """
        config, steps = self.config, 0
        generator_accuracy = 0.0

        def count() -> None:
            nonlocal steps
            if not should_continue():
                raise RoundAbandonedError
            steps += 1

        for _ in range(config.generator_steps):
            count()
            loss, divergence, generator_accuracy = self.generator_step(pictures, labels, rng)
            if generator_accuracy > config.generator_goal or not math.isfinite(loss):
                break
        if not config.adversary_weight:
            return RoundMetrics(loss, divergence, 0.0, 0.0, 0.0, 0.0, 0.0, steps)
        real, fake = self.classify(pictures, labels), self.classify_fakes(pictures, rng)
        if fake[1] < config.fake_behind and generator_accuracy > config.good_generator:
            for _ in range(config.classifier_steps):
                count()
                real, fake = self.discriminator_step(pictures, labels, rng)
                if fake[1] > config.fake_goal:
                    break
        elif real[1] < config.real_behind:
            for _ in range(config.classifier_steps):
                count()
                self.discriminator.gradient[:] = 0.0
                real = self.classify(pictures, labels, 1.0)
                self.step(self.discriminator)
                if real[1] > config.real_goal:
                    break
        return RoundMetrics(
            loss, divergence, real[0], fake[0], generator_accuracy, real[1], fake[1], steps
        )

    def warm_up(self, pictures: FloatArray, labels: Labels) -> None:
        """Compile all kernels, or load them, and leave everything as it was."""
        before = self.state_dict()
        self.generator_step(pictures, labels, np.random.default_rng(0))
        self.classify(pictures, labels, 1.0)
        self.step(self.discriminator)
        self.load_state_dict(before)

    def encode(self, pictures: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of the latents of at most a batch of pictures."""
        outputs = self.encoder.forward(pictures)
        mean, log_variance = np.split(outputs, 2, axis=1)
        return mean.copy(), np.exp(log_variance)

    def draw(self, latents: FloatArray) -> FloatArray:
        """Return the pictures (samples, height, width, channels) of at most a batch of latents."""
        scaled = np.ascontiguousarray(latents * self.config.scale, dtype=np.float32)
        return self.generator.forward(scaled).copy()

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Let encoder and generator be their averages inside the block, if there are any."""
        with self.encoder.averaged(), self.generator.averaged():
            yield

    def predict(self, pictures: FloatArray) -> Labels:
        """Return the likeliest real classes of at most a batch of pictures."""
        logits = self.discriminator.forward(pictures)
        likeliest: Labels = logits[:, : self.num_classes].argmax(axis=1)
        return likeliest

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of the state of the three networks."""
        return {
            f"{name}_{key}": array
            for name, each in self.networks.items()
            for key, array in each.state_dict().items()
        }

    def load_state_dict(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore `state_dict`; after a ValueError, some of the networks may be restored."""
        for name, each in self.networks.items():
            try:
                each.load_state_dict(part_of(arrays, f"{name}_"))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error

    def sample_posterior(self, pictures: FloatArray, rng: np.random.Generator) -> Posterior:
        """Encode pictures, and draw latents that may be theirs."""
        outputs = self.encoder.forward(pictures, rng)
        mean, log_variance = np.split(outputs, 2, axis=1)
        noise = rng.standard_normal(mean.shape, dtype=np.float32)
        scaled = np.float32(self.config.scale) * (mean + np.exp(0.5 * log_variance) * noise)
        return Posterior(mean, log_variance, noise, scaled)

    def generator_step(
        self, pictures: FloatArray, labels: Labels, rng: np.random.Generator
    ) -> tuple[float, float, float]:
        """Take a step of generator and encoder; return loss, divergence and accuracy before it."""
        config, generator = self.config, self.generator
        posterior = self.sample_posterior(pictures, rng)
        drawn = generator.forward(posterior.scaled)
        loss, accuracy, grad_drawn = 0.0, 0.0, np.zeros_like(drawn)
        if config.adversary_weight:
            loss, accuracy, grad_drawn = self._verdict(drawn, labels)
        if config.reconstruction_weight:
            error, grad_error = pixel_entropy(drawn, pictures, config.reconstruction_weight)
            loss += error
            grad_drawn = grad_drawn + grad_error
        grad_latents = generator.backward(grad_drawn, to_input=True)
        assert grad_latents is not None
        return loss, self._learn(posterior, grad_latents), accuracy

    def _verdict(self, drawn: FloatArray, labels: Labels) -> tuple[float, float, FloatArray]:
        """Return loss and accuracy of drawn pictures, and the gradient by them."""
        entropy = cross_entropy(self.discriminator.forward(drawn), labels)
        weight = self.config.adversary_weight
        grad_y = entropy.grad * np.float32(weight) / np.float32(len(drawn))
        grad = self.discriminator.backward(grad_y, GradMode.SKIP, to_input=True)
        assert grad is not None
        return weight * float(entropy.losses.mean()), entropy.accuracy, grad

    def _learn(self, posterior: Posterior, grad_latents: FloatArray) -> float:
        """Take a step, given the gradient by the scaled latents; return the divergence before."""
        config, encoder, generator = self.config, self.encoder, self.generator
        mean, log_variance, noise = posterior.mean, posterior.log_variance, posterior.noise
        count, deviation = np.float32(len(mean)), np.exp(0.5 * log_variance)
        grad_latents = grad_latents * np.float32(config.scale)
        # Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014, appendix B.
        variance = deviation * deviation
        pixels = self.shape[0] * self.shape[1]
        kl_divergence = 0.5 * (mean * mean + variance - 1.0 - log_variance).sum() / count / pixels
        weight = np.float32(config.divergence_weight / (count * pixels))
        grad_mean = grad_latents + weight * mean
        grad_log_variance = np.float32(0.5) * (
            grad_latents * noise * deviation + weight * (variance - np.float32(1.0))
        )
        encoder.backward(np.concatenate([grad_mean, grad_log_variance], axis=1))
        self.step(encoder, generator)
        if config.average:
            for each in (encoder, generator):
                each.ema.update(each.network.parameters)
        return float(kl_divergence)

    def discriminator_step(
        self, pictures: FloatArray, labels: Labels, rng: np.random.Generator
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Take a step of the discriminator; return loss and accuracy before it, real and fake."""
        config = self.config
        total = config.real_weight + config.fake_weight
        self.discriminator.gradient[:] = 0.0
        real = self.classify(pictures, labels, config.real_weight / total)
        fake = self.classify_fakes(pictures, rng, config.fake_weight / total)
        self.step(self.discriminator)
        return real, fake

    def classify(
        self, pictures: FloatArray, labels: Labels, weight: float | None = None
    ) -> tuple[float, float]:
        """Return loss and accuracy of the discriminator; add ``weight`` times the gradient."""
        discriminator = self.discriminator
        entropy = cross_entropy(discriminator.forward(pictures), labels)
        if weight:
            grad_y = entropy.grad * np.float32(weight / len(pictures))
            discriminator.backward(grad_y, GradMode.ADD)
        return float(entropy.losses.mean()), entropy.accuracy

    def classify_fakes(
        self, pictures: FloatArray, rng: np.random.Generator, weight: float | None = None
    ) -> tuple[float, float]:
        """Like `classify`, for reconstructions of the pictures, which are of the last class."""
        drawn = self.generator.forward(self.sample_posterior(pictures, rng).scaled)
        fakes = np.full(len(pictures), self.num_classes, dtype=np.int64)
        return self.classify(drawn, fakes, weight)

    def step(self, *networks: TrainedNetwork) -> None:
        """Take a step of the networks, the norm of their common gradient clipped."""
        # Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013.
        norm = math.sqrt(sum(float(np.dot(each.gradient, each.gradient)) for each in networks))
        if not math.isfinite(norm):
            raise GradientError
        scale = self.config.clip / norm if norm > self.config.clip else 1.0
        for each in networks:
            each.step(scale)
