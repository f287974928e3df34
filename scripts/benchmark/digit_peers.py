"""The networks of the game of digits in PyTorch, weights included, and a step of the game."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fit_image.apps.digits.recipe import Recipe
from fit_image.nn.layers.affine import matrix, padded_width
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.network import Network

SLOPE = 0.2


class Generator(nn.Module):
    """Residual blocks, from latent numbers and places to values."""

    def __init__(self, network: MLP) -> None:
        super().__init__()
        self.linears = nn.ModuleList(
            _linear(rows[:, : layer.fan_in], rows[:, layer.fan_in])
            for layer, rows in zip(network.layers, network.rows(), strict=True)
        )
        self._blocks = _blocks(network.layers)

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the values of rows of inputs."""
        x = torch.tanh(self.linears[0](inputs))
        for first, last in self._blocks:
            y = x
            for index in range(first, last):
                y = torch.relu(self.linears[index](y))
            x = x + torch.tanh(self.linears[last](y))
        return torch.sigmoid(self.linears[-1](x))


def _blocks(layers: Sequence[LayerSpec]) -> list[tuple[int, int]]:
    """Return the first and last layers of the residual blocks."""
    return [(index + 1 - layer.skip, index) for index, layer in enumerate(layers) if layer.skip]


def _linear(weights: np.ndarray, biases: np.ndarray) -> nn.Linear:
    linear = nn.Linear(weights.shape[1], weights.shape[0])
    with torch.no_grad():
        linear.weight[:] = torch.from_numpy(weights.copy())
        linear.bias[:] = torch.from_numpy(biases.copy())
    return linear


def _numbers(chain: Network, index: int, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (fan_in, units) and biases of a dense stage."""
    stage = chain.layers[index]
    part = chain.part(chain.parameters, index)
    rows = matrix(part, int(np.prod(stage.in_shape)), padded_width(units))
    return rows[:-1, :units], rows[-1, :units]


class Encoder(nn.Module):
    """Two dense layers with dropout, and one."""

    def __init__(self, chain: Network, keep: float) -> None:
        super().__init__()
        self.linears = nn.ModuleList()
        for index in (0, 2, 4):
            weights, biases = _numbers(chain, index, chain.layers[index].out_shape[0])
            self.linears.append(_linear(weights.T, biases))
        self._drop = 1.0 - keep

    def forward(self, pictures: Tensor) -> Tensor:
        """Return mean and logarithm of the variance of latent numbers."""
        x = pictures.flatten(1)
        for linear in self.linears[:2]:
            x = functional.dropout(functional.softplus(linear(x)), self._drop)
        return self.linears[2](x)


class Convolution(nn.Module):
    """A convolution with TensorFlow's zeros around, and perhaps a leaky ReLU."""

    def __init__(self, chain: Network, index: int, *, leaky: bool) -> None:
        super().__init__()
        stage = chain.layers[index]
        height, _, maps = stage.in_shape
        out, _, units = stage.out_shape
        fan_in = stage.size // (-(-units // 16) * 16) - 1
        side = round((fan_in / maps) ** 0.5)
        stride = -(-height // out)
        zeros = max((out - 1) * stride + side - height, 0)
        self._zeros = (zeros // 2, zeros - zeros // 2) * 2
        self._leaky = leaky
        rows = matrix(chain.part(chain.parameters, index), fan_in, padded_width(units))[:, :units]
        self.convolution = nn.Conv2d(maps, units, side, stride)
        weights = rows[:-1].reshape(side, side, maps, units).transpose(3, 2, 0, 1)
        with torch.no_grad():
            self.convolution.weight[:] = torch.from_numpy(weights.copy())
            self.convolution.bias[:] = torch.from_numpy(rows[-1].copy())

    def forward(self, pictures: Tensor) -> Tensor:
        """Compute maps of pictures, maps first."""
        x = self.convolution(functional.pad(pictures, self._zeros))
        return functional.leaky_relu(x, SLOPE) if self._leaky else x


class Classifier(nn.Module):
    """Three convolutions, two of them normalised, and a dense layer."""

    def __init__(self, chain: Network) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            Convolution(chain, index, leaky=index == 0) for index in (0, 1, 3)
        )
        self.normalisations = nn.ModuleList()
        for index in (2, 4):
            stage = chain.layers[index]
            maps = stage.out_shape[-1]
            normalisation = nn.BatchNorm2d(maps, track_running_stats=False)
            part = chain.part(chain.parameters, index)
            with torch.no_grad():
                normalisation.weight[:] = torch.from_numpy(part[:maps].copy())
                normalisation.bias[:] = torch.from_numpy(part[part.size // 2 :][:maps].copy())
            self.normalisations.append(normalisation)
        last = len(chain.layers) - 1
        weights, biases = _numbers(chain, last, chain.out_shape[0])
        # Here maps come first.
        height, width, maps = chain.layers[last].in_shape
        weights = weights.reshape(height, width, maps, -1).transpose(2, 0, 1, 3)
        self.linear = _linear(weights.reshape(-1, weights.shape[-1]).T, biases)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the logits of pictures, maps first."""
        x = self.convolutions[0](pictures)
        for convolution, normalisation in zip(
            self.convolutions[1:], self.normalisations, strict=True
        ):
            x = functional.leaky_relu(normalisation(convolution(x)), SLOPE)
        return self.linear(x.flatten(1))


class Game:
    """What `fit_image.apps.digits.game.Game` does in a step of generator or classifier.

    Parameters
    ----------
    recipe : Recipe
    encoder, generator, classifier : module
    points : float32 (pixels, 3)
        Places of a picture.
    side : int
        Of a picture.
    """

    def __init__(
        self,
        recipe: Recipe,
        encoder: Encoder,
        generator: Generator,
        classifier: Classifier,
        points: np.ndarray,
        side: int,
    ) -> None:
        self._recipe, self._side = recipe, side
        self.encoder, self.generator, self.classifier = encoder, generator, classifier
        self._points = torch.from_numpy(points)
        self._parameters = [*encoder.parameters(), *generator.parameters()]
        self._adam = torch.optim.Adam(
            self._parameters, recipe.learning_rate, betas=(recipe.beta1, 0.999), fused=True
        )

        self._classifier_adam = torch.optim.Adam(
            classifier.parameters(), recipe.learning_rate, betas=(recipe.beta1, 0.999), fused=True
        )

    def step(
        self,
        pictures: Tensor,
        labels: Tensor,
        noise: Tensor | None = None,
        look: Callable[[], None] = lambda: None,
    ) -> tuple[float, float]:
        """Take a step; return loss and divergence. ``look`` is called before clipping."""
        recipe, count, pixels = self._recipe, len(pictures), self._side**2
        self.classifier.requires_grad_(False)  # it learns nothing in this step
        mean, log_variance, drawn = self._imagine(pictures, noise)
        logits = self.classifier(drawn)
        loss = functional.cross_entropy(logits, labels)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum() / count / pixels
        self._adam.zero_grad()
        (loss + recipe.divergence_weight * divergence).backward()
        look()
        nn.utils.clip_grad_norm_(self._parameters, recipe.clip)
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
        return loss.item()

    def _imagine(
        self, pictures: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and logarithm of the variance of latent numbers, and generated pictures."""
        count, pixels = len(pictures), self._side**2
        mean, log_variance = self.encoder(pictures).chunk(2, dim=1)
        noise = torch.randn(mean.shape) if noise is None else noise
        latents = self._recipe.scale * (mean + torch.exp(0.5 * log_variance) * noise)
        inputs = torch.cat(
            [
                latents[:, None].expand(-1, pixels, -1),
                self._points[None].expand(count, -1, -1),
            ],
            dim=2,
        )
        drawn = self.generator(inputs.reshape(count * pixels, -1))
        return mean, log_variance, drawn.reshape(count, 1, self._side, self._side)
