"""The network of `fit_image.apps.unjpeg.residual`, its inputs and its outputs in PyTorch."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from fit_image.apps.unjpeg.residual.kernels import FACTOR, INPUTS, OUTPUTS
from fit_image.apps.unjpeg.residual.network import Sizes

_SLOPE = 0.01  # of the leaky ReLUs
_RADIUS, _RANGE, _MOST = 2, 64.0, 4.0  # see `features_kernel`
_LAST_LAYER = 0.1  # factor of its initial weights: a new network changes little
_RESIDUAL = 0.3  # of those at the ends of blocks


class RestorerNetwork(nn.Module):
    """The layers of `make_network`, in their order."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        fine, coarse = sizes.channels, sizes.coarse_channels
        before = sizes.blocks // 2
        self.first = _convolution(INPUTS, fine, 3)
        self.before = nn.ModuleList(_Block(fine) for _ in range(before))
        self.down = _convolution(4 * fine, coarse, 1) if sizes.coarse_blocks else None
        self.coarse = nn.ModuleList(_Block(coarse) for _ in range(sizes.coarse_blocks))
        self.up = _convolution(coarse, 4 * fine, 1, 0.0) if sizes.coarse_blocks else None
        self.after = nn.ModuleList(_Block(fine) for _ in range(sizes.blocks - before))
        self.last = _convolution(fine, OUTPUTS, 3, _LAST_LAYER)

    def forward(self, features: Tensor) -> Tensor:
        """Return changes of the three planes, (samples, 3, rows, columns), in units of damage."""
        y = _leaky(self.first(features))
        for block in self.before:
            y = block(y)
        if self.down is not None and self.up is not None:
            z = _leaky(self.down(functional.pixel_unshuffle(y, 2)))
            for block in self.coarse:
                z = block(z)
            y = y + functional.pixel_shuffle(self.up(z), 2)
        for block in self.after:
            y = block(y)
        used = 3 * FACTOR * FACTOR
        return functional.pixel_shuffle(self.last(y)[:, :used].float(), FACTOR)

    def numbers(self) -> npt.NDArray[np.float32]:
        """Return the weights as `ResidualNetwork` has them."""
        convolutions = (each for each in self.modules() if isinstance(each, nn.Conv2d))
        parts = [
            part.detach().float().cpu().numpy().ravel()
            for each in convolutions
            for part in (each.weight.permute(2, 3, 1, 0), each.bias)
        ]
        return np.concatenate(parts)


class _Block(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels, 3)
        self.second = _convolution(channels, channels, 3, _RESIDUAL)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.second(_leaky(self.first(x)))
        return y


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, _SLOPE)


def _convolution(channels: int, units: int, side: int, factor: float = 1.0) -> nn.Conv2d:
    """Return a layer with weights that keep the variance (He et al., 2015), or smaller ones."""
    layer = nn.Conv2d(channels, units, side, padding=side // 2)
    nn.init.normal_(layer.weight, 0.0, factor * math.sqrt(2 / (channels * side * side)))
    nn.init.zeros_(layer.bias)
    return layer


def make_features(filtered: Tensor, decoded: Tensor, damage: Tensor) -> Tensor:
    """Return the network's inputs (samples, `INPUTS`, rows, columns); see `features_kernel`.

    Parameters
    ----------
    filtered : float32 (samples, 3, rows, columns)
    decoded : float32 (samples, 1, rows, columns)
    damage : float32 (samples, 3)
        The fields of `Damage`. Blocks begin at the first pixel of a sample.
    """
    units = unit_of(damage)
    padded = functional.pad(filtered, (_RADIUS,) * 4, mode="replicate")
    details = filtered - functional.avg_pool2d(padded, 2 * _RADIUS + 1, 1)
    changes = decoded - filtered[:, :1]
    clipped = (0.5 * (each / units).clamp(-_MOST, _MOST) for each in (details, changes))
    pixels = functional.pixel_unshuffle(torch.cat([filtered / _RANGE, *clipped], 1), FACTOR)
    samples, count, rows, columns = pixels.shape
    features = pixels.new_zeros(samples, INPUTS, rows, columns)
    features[:, :count] = pixels
    features[:, count : count + 2] = (torch.log2(damage[:, :2]) / 4)[:, :, None, None]
    known = damage[:, 2, None, None]
    for index, length in enumerate((rows, columns)):
        turns = math.pi / 4 * FACTOR * torch.arange(length, device=damage.device)
        place = turns[:, None] if index == 0 else turns[None, :]
        features[:, count + 2 + 2 * index] = known * torch.cos(place)
        features[:, count + 3 + 2 * index] = known * torch.sin(place)
    return features


def unit_of(damage: Tensor) -> Tensor:
    """Return `Damage.unit` of samples, (samples, 1, 1, 1)."""
    return damage[:, :1, None, None] + 1
