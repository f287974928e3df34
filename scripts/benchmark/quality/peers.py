"""Networks that learn a picture in PyTorch, written as one would: SIREN and Fourier features."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmark.quality.curves import Point
from fit_image.images.colours import to_float

# Pixels at once where a step learns from the whole picture, and where it is drawn: the gradient is
# the same, and waiting for memory would take three times as long.
_PIECE = 4096


@dataclass(frozen=True)
class Recipe:
    """A network, a key of `NETWORKS`, and how it is trained with Adam.

    ``batch`` is the number of shuffled pixels of a step, None for the whole picture; ``annealed``
    says whether the rate falls to zero along a cosine in the time there is; ``frequency`` is omega
    of SIREN, or the standard deviation of the frequencies of Fourier features.
    """

    network: str
    rate: float
    batch: int | None
    annealed: bool
    frequency: float


class Siren(nn.Module):
    """V. Sitzmann et al.: Implicit Neural Representations with Periodic Activation Functions, 2020.

    Four layers of 256 sines, initialised as in section 3.2, and a linear output, which learns
    colours in -1..1.
    """

    def __init__(self, omega: float, depth: int = 4, width: int = 256) -> None:
        super().__init__()
        self.omega = omega
        sizes = itertools.pairwise([2, *depth * [width], 3])
        self.linears = nn.ModuleList(nn.Linear(below, above) for below, above in sizes)
        for index, linear in enumerate(self.linears):
            bound = math.sqrt(6 / width) / omega if index else 1 / 2
            nn.init.uniform_(linear.weight, -bound, bound)

    def forward(self, places: Tensor) -> Tensor:
        """Return the colours in 0..1 of places in -1..1."""
        x = places
        for linear in self.linears[:-1]:
            x = torch.sin(self.omega * linear(x))
        return 0.5 + 0.5 * self.linears[-1](x)


class FourierFeatures(nn.Module):
    """M. Tancik et al.: Fourier Features Let Networks Learn High Frequency Functions, 2020.

    Sines and cosines of 256 random frequencies, four layers of 256 rectified linear units, and a
    sigmoid.
    """

    def __init__(self, scale: float, count: int = 256, depth: int = 4, width: int = 256) -> None:
        super().__init__()
        self.register_buffer("frequencies", scale * torch.randn(2, count))
        layers: list[nn.Module] = []
        for fan_in in (2 * count, *(depth - 1) * (width,)):
            layers += [nn.Linear(fan_in, width), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, 3), nn.Sigmoid())

    def forward(self, places: Tensor) -> Tensor:
        """Return the colours in 0..1 of places in -1..1."""
        # The authors' places lie in 0..1 and turn by 2 pi; a phase is all that is different.
        angles = math.pi * places @ self.frequencies
        return self.layers(torch.cat((torch.sin(angles), torch.cos(angles)), dim=1))


NETWORKS: dict[str, Callable[[float], nn.Module]] = {"siren": Siren, "fourier": FourierFeatures}

PUBLISHED_SIREN = "SIREN, as published"
BEST_SIREN = "SIREN, tuned"
PATIENT_SIREN = "SIREN, tuned for minutes"
BEST_FOURIER = "Fourier features, tuned"

# The first is that of the authors' image-fitting experiment. The others have the best of a grid of
# rates (2e-4 to 2e-3), batches (1024 to 16384) and frequencies (of Fourier features, 5 to 20), by
# the PSNR on a photograph after an equal and short time; in runs of minutes, small batches at that
# rate become unsteady, and larger ones overtake them.
RECIPES = {
    PUBLISHED_SIREN: Recipe("siren", 1e-4, None, False, 30.0),
    BEST_SIREN: Recipe("siren", 5e-4, 1024, True, 30.0),
    PATIENT_SIREN: Recipe("siren", 5e-4, 4096, True, 30.0),
    BEST_FOURIER: Recipe("fourier", 2e-3, 1024, True, 10.0),
}
"""The peers by name."""

Pieces = list[tuple[Tensor, Tensor]]  # places and colours


def train(
    levels: npt.NDArray[Any], recipe: Recipe, seconds: float, every: float, seed: int = 0
) -> Iterator[Point]:
    """Train for ``seconds``, and yield every so many; preparing and drawing do not count."""
    places, colours = _samples(levels)
    pixels = len(places)
    torch.manual_seed(seed)
    whole = list(zip(places.split(_PIECE), colours.split(_PIECE), strict=True))
    first = slice(recipe.batch or _PIECE)
    # The first step is taken with another network: PyTorch sets itself up in it.
    _step(*_network(recipe), [(places[first], colours[first])])
    network, optimizer = _network(recipe)
    batches = _shuffled(pixels, recipe.batch, torch.Generator().manual_seed(seed))
    elapsed, yielded, learned = 0.0, 0.0, 0
    while elapsed < seconds:
        began = time.perf_counter()
        if recipe.annealed:
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate * 0.5 * (1 + math.cos(math.pi * elapsed / seconds))
        batch = next(batches)
        pieces = whole if batch is None else [(places[batch], colours[batch])]
        learned += _step(network, optimizer, pieces)
        elapsed += time.perf_counter() - began
        if elapsed >= min(yielded + every, seconds):
            yielded = elapsed
            # The last step may end beyond the time, by its own length: that is given to it.
            yield Point(min(elapsed, seconds), _psnr(network, whole), learned)


def _network(recipe: Recipe) -> tuple[nn.Module, torch.optim.Optimizer]:
    network = NETWORKS[recipe.network](recipe.frequency)
    return network, torch.optim.Adam(network.parameters(), recipe.rate, fused=True)


def _samples(levels: npt.NDArray[Any]) -> tuple[Tensor, Tensor]:
    """Return the places, -1..1 along both sides, and the colours, 0..1, of all pixels."""
    height, width = levels.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    places = np.stack((x, y), axis=2).reshape(-1, 2).astype(np.float32)
    return torch.from_numpy(places), torch.from_numpy(to_float(levels).reshape(-1, 3))


def _shuffled(
    pixels: int, batch: int | None, generator: torch.Generator
) -> Iterator[Tensor | None]:
    """Yield the pixels of each step, epoch after epoch; None for all pixels."""
    while True:
        if batch is None:
            yield None
        else:
            yield from torch.randperm(pixels, generator=generator).split(batch)


def _step(network: nn.Module, optimizer: torch.optim.Optimizer, pieces: Pieces) -> int:
    """Learn from pieces whose gradients add up; return how many pixels these are."""
    optimizer.zero_grad()
    pixels = sum(len(x) for x, _ in pieces)
    for x, t in pieces:
        loss = ((network(x) - t) ** 2).mean() * (len(x) / pixels)
        loss.backward()
    optimizer.step()
    return pixels


@torch.inference_mode()
def _psnr(network: nn.Module, picture: Pieces) -> float:
    """Return the PSNR of the whole picture, clipped, in dB."""
    error = sum(
        ((network(x).clamp(0, 1) - t).double() ** 2).sum().item() for x, t in picture
    ) / sum(t.numel() for _, t in picture)
    return -10 * math.log10(error)
