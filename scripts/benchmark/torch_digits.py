"""A step of the game of digits in PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.torch_networks import Floats
from fit_image.apps.digits.recipe import Recipe


class TorchGame:
    """What `fit_image.apps.digits.game.Game` does in a step of generator or classifier.

    ``points`` (height, width, inputs) are the places of a picture.
    """

    def __init__(
        self,
        recipe: Recipe,
        encoder: nn.Module,
        generator: nn.Module,
        classifier: nn.Module,
        points: Floats,
    ) -> None:
        self._recipe, self._shape = recipe, points.shape[:2]
        self.encoder, self.generator, self.classifier = encoder, generator, classifier
        self._points = torch.from_numpy(points.reshape(-1, points.shape[-1]))
        self._drawing = [*encoder.parameters(), *generator.parameters()]
        self._adam, self._classifier_adam = (
            torch.optim.Adam(
                parameters, recipe.learning_rate, betas=(recipe.beta1, 0.999), fused=True
            )
            for parameters in (self._drawing, classifier.parameters())
        )

    def step(
        self, pictures: Tensor, labels: Tensor, noise: Tensor | None = None
    ) -> tuple[float, float]:
        """Take a step of generator and encoder; return loss and divergence before it."""
        recipe, count, pixels = self._recipe, len(pictures), len(self._points)
        self.classifier.requires_grad_(False)  # it learns nothing in this step
        mean, log_variance, drawn = self._imagine(pictures, noise)
        loss = functional.cross_entropy(self.classifier(drawn), labels)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum() / count / pixels
        self._adam.zero_grad()
        (loss + recipe.divergence_weight * divergence).backward()
        nn.utils.clip_grad_norm_(self._drawing, recipe.clip)
        self._adam.step()
        return loss.item(), divergence.item()

    def classifier_step(self, pictures: Tensor, labels: Tensor) -> float:
        """Take a step of the classifier, on real and on generated pictures; return the loss."""
        recipe = self._recipe
        self.classifier.requires_grad_(True)
        with torch.no_grad():
            drawn = self._imagine(pictures)[-1]
        fakes = torch.full_like(labels, self.classifier(drawn[:2]).shape[1] - 1)
        real = functional.cross_entropy(self.classifier(pictures), labels)
        fake = functional.cross_entropy(self.classifier(drawn), fakes)
        loss = recipe.real_weight * real + recipe.fake_weight * fake
        loss = loss / (recipe.real_weight + recipe.fake_weight)
        self._classifier_adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.classifier.parameters(), recipe.clip)
        self._classifier_adam.step()
        return float(loss.item())

    def _imagine(
        self, pictures: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and logarithm of the variance of latent numbers, and generated pictures."""
        count, pixels = len(pictures), len(self._points)
        mean, log_variance = self.encoder(pictures).chunk(2, dim=1)
        noise = torch.randn(mean.shape) if noise is None else noise
        latents = self._recipe.scale * (mean + torch.exp(0.5 * log_variance) * noise)
        repeated = latents[:, None].expand(-1, pixels, -1)
        inputs = torch.cat([repeated, self._points[None].expand(count, -1, -1)], dim=2)
        drawn = self.generator(inputs.reshape(count * pixels, -1))
        return mean, log_variance, drawn.reshape(count, 1, *self._shape)
