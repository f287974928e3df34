"""Auto-encoders and networks on patches in PyTorch, weights included."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from fit_image.apps.autoencode.networks import Autoencoder as OurAutoencoder
from fit_image.apps.autoencode.recipe import Recipe
from fit_image.apps.unjpeg.network import layer_rows
from fit_image.apps.unjpeg.patches import Cutter
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.max_pool import MaxPool2D
from fit_image.nn.layers.upsample import UpSample2D
from fit_image.nn.network import Network

_ACTIVATIONS = {"elu": nn.ELU, "tanh": nn.Tanh, "relu": nn.ReLU, "identity": nn.Identity}


def products(chain: Network) -> int:
    """Return the multiplications of a sample in all dense and convolutional stages."""
    return sum(
        stage.num_params * (math.prod(stage.out_shape[:-1]) if isinstance(stage, Conv2D) else 1)
        for stage in chain.layers
        if isinstance(stage, (Dense, Conv2D))
    )


class Autoencoder:
    """An auto-encoder that learns with Adam."""

    def __init__(self, network: OurAutoencoder, mean: np.ndarray, recipe: Recipe) -> None:
        self._net = nn.Sequential(*_modules(network, recipe))
        centre = mean.mean(axis=(0, 1), keepdims=True) if recipe.conv else mean
        self._centre = torch.from_numpy(centre.transpose(2, 0, 1).copy())
        self._optimizer = torch.optim.Adam(self._net.parameters(), recipe.rate)

    def step(self, pictures: Tensor) -> float:
        """Take a step; return the mean squared error before it."""
        self._optimizer.zero_grad()
        drawn = self._net(pictures - self._centre).reshape(pictures.shape)
        loss = nn.functional.mse_loss(drawn, pictures)
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())


def _modules(network: OurAutoencoder, recipe: Recipe) -> list[nn.Module]:
    chain = network.chain
    numbers = {index: rest for index, *rest in network.weights(chain.parameters)}
    last = max(numbers)
    modules: list[nn.Module] = [] if recipe.conv else [nn.Flatten()]
    for index, stage in enumerate(chain.layers):
        if index in numbers:
            weights, biases = numbers[index]
            module: nn.Module
            if isinstance(stage, Conv2D):
                maps = stage.in_shape[-1]
                module = nn.Conv2d(maps, biases.size, 3, padding=1)
                weights = weights.reshape(3, 3, maps, biases.size).transpose(3, 2, 0, 1)
            else:
                module = nn.Linear(*weights.shape)
                weights = weights.T
            _fill(module, weights, biases)
            activation = recipe.code_activation if index == network.code_at else recipe.activation
            modules += [module, nn.Sigmoid() if index == last else _ACTIVATIONS[activation]()]
        elif isinstance(stage, MaxPool2D):
            modules.append(nn.MaxPool2d(2, ceil_mode=True))
        elif isinstance(stage, UpSample2D):
            modules.append(nn.Upsample(scale_factor=2))
    return modules


def _fill(module: nn.Module, weights: np.ndarray, biases: np.ndarray) -> None:
    with torch.no_grad():
        module.weight[:] = torch.from_numpy(weights.copy())
        module.bias[:] = torch.from_numpy(biases.copy())


class _ScaledTanh(nn.Module):
    def forward(self, sums: Tensor) -> Tensor:
        """Compute 1.7159 tanh(2 s / 3)."""
        return 1.7159 * torch.tanh(sums * (2 / 3))


class Patches:
    """A network that removes JPEG's artefacts, and learns by plain descent."""

    def __init__(self, chain: Network, cutter: Cutter, rate: float) -> None:
        modules: list[nn.Module] = []
        for rows in layer_rows(chain):
            linear = nn.Linear(len(rows) - 1, rows.shape[1])
            _fill(linear, rows[:-1].T, rows[-1])
            modules += [linear, _ScaledTanh()]
        self._net = nn.Sequential(*modules[:-1])
        self._cutter = cutter
        self._optimizer = torch.optim.SGD(
            [
                {"params": each.parameters(), "lr": rate / each.in_features}
                for each in self._net
                if isinstance(each, nn.Linear)
            ]
        )

    def step(self, inputs: Tensor, targets: Tensor) -> float:
        """Take a step; return the root mean square error before it, of colours in 0..1."""
        self._optimizer.zero_grad()
        outputs = self._net(inputs)
        clipped = outputs.clamp(self._cutter.lowest, self._cutter.highest)
        # The derivative passes the clipping, as ours does.
        errors = outputs + (clipped - outputs).detach() - targets
        squares = errors.square().mean(dim=1)
        (errors.shape[1] * squares.sqrt().mean()).backward()
        self._optimizer.step()
        return self._cutter.deviation * math.sqrt(float(squares.detach().mean()))
