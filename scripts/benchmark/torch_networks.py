"""Networks of ours in PyTorch, weights included, where the maps of pictures come first."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from fit_image.apps.digits.config import DigitsConfig
from fit_image.nn.layers.batch_norm import BatchNorm
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.dropout import Dropout
from fit_image.nn.layers.max_pool import MaxPool2D
from fit_image.nn.layers.upsample import UpSample2D
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.network import Network

Floats = npt.NDArray[np.float32]


def maps_first(pictures: Floats) -> Floats:
    """Return pictures as PyTorch wants them, as a view; anything else as it is."""
    return pictures.transpose(0, 3, 1, 2) if pictures.ndim == 4 else pictures


def products(chain: Network) -> int:
    """Return the multiplications of a sample in all dense layers and convolutions."""
    counts = [
        layer.num_params * math.prod(layer.out_shape[:-1])
        for layer in chain.layers
        if isinstance(layer, (Dense, Conv2D))
    ]
    return sum(counts)


def torch_chain(
    chain: Network, activations: Mapping[int, nn.Module], *, drop: float = 0.0
) -> nn.Sequential:
    """Return a chain in PyTorch.

    ``activations`` come behind layers; ``drop`` is the share of numbers that dropout leaves out.
    """
    modules: list[nn.Module] = []
    for index, layer in enumerate(chain.layers):
        named = layer.named_params(chain.part(chain.parameters, index))
        if isinstance(layer, Dense):
            if len(layer.in_shape) > 1:
                modules.append(nn.Flatten())
            weights = maps_first(named["weight"].reshape(-1, *layer.in_shape))
            modules.append(_linear(weights.reshape(len(weights), -1), named["bias"]))
        elif isinstance(layer, Conv2D):
            modules += _convolution(layer, **named)
        elif isinstance(layer, BatchNorm):
            norm = nn.BatchNorm2d(layer.out_shape[-1], track_running_stats=False)
            modules.append(_fill(norm, **named))
        elif isinstance(layer, Dropout):
            modules.append(nn.Dropout(drop))
        elif isinstance(layer, MaxPool2D):
            modules.append(nn.MaxPool2d(2, ceil_mode=True))
        elif isinstance(layer, UpSample2D):
            modules.append(nn.Upsample(scale_factor=2))
        if index in activations:
            modules.append(activations[index])
    return nn.Sequential(*modules)


def _convolution(layer: Conv2D, weight: Floats, bias: Floats) -> list[nn.Module]:
    (height, _, maps), (out, _, units) = layer.in_shape, layer.out_shape
    side, stride = len(weight), -(-height // out)
    padding = side // 2 if stride == 1 else 0
    module = nn.Conv2d(maps, units, side, stride, padding)
    module = _fill(module, weight.transpose(3, 2, 0, 1), bias)
    if stride == 1:
        return [module]
    # There may be a row more of TensorFlow's zeros behind than before.
    zeros = max((out - 1) * stride + side - height, 0)
    return [nn.ZeroPad2d((zeros // 2, zeros - zeros // 2) * 2), module]


def torch_layers(network: MLP) -> list[nn.Module]:
    """Return the dense layers of a network, without activations."""
    return [_linear(*each) for each in network.weights()]


def _linear(weight: Floats, bias: Floats) -> nn.Module:
    return _fill(nn.Linear(weight.shape[1], weight.shape[0]), weight, bias)


def _fill(module: nn.Module, weight: Floats, bias: Floats) -> nn.Module:
    with torch.no_grad():
        module.weight[:] = torch.from_numpy(weight.copy())
        module.bias[:] = torch.from_numpy(bias.copy())
    return module


class Generator(nn.Module):
    """Residual blocks, from latent numbers and places to values, as in the game of digits."""

    def __init__(self, network: MLP) -> None:
        super().__init__()
        self.linears = nn.ModuleList(torch_layers(network))
        skips = enumerate(layer.skip for layer in network.specs)
        self._blocks = [(index + 1 - skip, index) for index, skip in skips if skip]

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the values of rows of inputs."""
        x = torch.tanh(self.linears[0](inputs))
        for first, last in self._blocks:
            y = x
            for index in range(first, last):
                y = torch.relu(self.linears[index](y))
            x = x + torch.tanh(self.linears[last](y))
        return torch.sigmoid(self.linears[-1](x))


class TorchGame:
    """The steps of `fit_image.apps.digits.gan_trainer.GANTrainer` in PyTorch.

    ``points`` (height, width, inputs) are the places of a picture.
    """

    def __init__(
        self,
        recipe: DigitsConfig,
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
            torch.optim.Adam(each, recipe.learning_rate, betas=(recipe.beta1, 0.999), fused=True)
            for each in (self._drawing, classifier.parameters())
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
