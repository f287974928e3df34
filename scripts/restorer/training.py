"""Training of networks that learn from the same patches at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from fit_image.errors import FitImageError
from fit_image.images.ycbcr import FROM_RGB
from restorer.crops import Crops, find_crops
from restorer.damage import SIDE
from restorer.network import RestorerNetwork, make_features, unit_of

_GRID = 16
"""Patches begin at multiples of it, so that they know where blocks lie."""

_SMALL, _POWER = 0.02, 0.75
"""Squared errors are divided by (those of a crop's filters + small) ** power, so that strong and
weak compression count nearly alike, as decibels do."""

_BEYOND = 0.05
"""Factor of the part of an error that goes when colours are clipped to 0..255."""

_AVERAGE = 0.999
_STEEPEST = 0.3  # norm beyond which a gradient is made shorter
_WARMUP = 0.01  # share of the training in which the learning rate rises
_CHUNK = 64  # crops
_LOSS_SCALE = 2.0**14  # keeps gradients in half precision from underflow


class _ToRGB:
    """Red, green and blue of planes, (samples, 3, rows, columns)."""

    def __init__(self, device: torch.device) -> None:
        self._matrix = torch.from_numpy(np.linalg.inv(FROM_RGB).astype(np.float32)).to(device)

    def __call__(self, planes: Tensor) -> Tensor:
        return torch.einsum("ij,njyx->niyx", self._matrix, planes)


class Patches(NamedTuple):
    """Patches of crops, and weights of their squared errors; see `Crops`."""

    filtered: Tensor
    decoded: Tensor
    clean: Tensor
    damage: Tensor
    weights: Tensor


class CropBuffer:
    """The crops of a folder's folders, those that are new as often as it is looked at."""

    def __init__(self, folder: Path, most: int, device: torch.device) -> None:
        self._folder, self._seen, self._most = folder, set[Path](), most
        kinds = {"device": device, "dtype": torch.float16}
        try:
            self.filtered, self.decoded, self.clean = (
                torch.empty((most, planes, SIDE, SIDE), **kinds) for planes in (3, 1, 3)
            )
        except RuntimeError as error:
            size = 7 * 2 * SIDE**2 * most / 1e9
            raise FitImageError(f"{most} crops need {size:.1f} GB of memory: {error}") from error
        self.damage = torch.empty((most, 3), device=device)
        self.weights = torch.empty(most, device=device)
        self.count = torch.zeros((), dtype=torch.int64, device=device)
        self.to_rgb = _ToRGB(device)
        self.device = device

    def __len__(self) -> int:
        return int(self.count)

    def look(self) -> None:
        """Read the folders that were completed since the last look."""
        for folder in find_crops(self._folder):
            if folder not in self._seen:
                self._seen.add(folder)
                self._add(Crops.load(folder))

    def look_always(self) -> None:
        """Look once a second, in a thread of its own, until the program ends."""

        def run() -> None:
            with torch.cuda.stream(torch.cuda.Stream()) if cuda else nullcontext():
                while True:
                    self.look()
                    time.sleep(1)

        cuda = self.device.type == "cuda"
        Thread(target=run, daemon=True).start()

    def _add(self, crops: Crops) -> None:
        start = len(self)
        end = min(start + len(crops.damage), self._most)
        for name, values in crops._asdict().items():
            part = torch.from_numpy(values[: end - start])
            getattr(self, name)[start:end].copy_(part)
        for at in range(start, end, _CHUNK):
            part = slice(at, min(at + _CHUNK, end))
            difference = self.filtered[part].float() - self.clean[part].float()
            errors = self.to_rgb(difference) / unit_of(self.damage[part])
            self.weights[part] = (errors.square().mean((1, 2, 3)) + _SMALL) ** -_POWER
        if self.device.type == "cuda":
            torch.cuda.current_stream().synchronize()
        self.count.fill_(end)

    def patches(self, count: int, side: int) -> Patches:
        """Draw patches of ``side`` pixels from anywhere."""
        at = (torch.rand(count, device=self.device) * self.count).long()
        places = (SIDE - side) // _GRID + 1
        y, x = (_GRID * torch.randint(places, (count, 1), device=self.device) for _ in range(2))
        steps = torch.arange(side, device=self.device)
        rows, columns = (y + steps)[:, None, :, None], (x + steps)[:, None, None, :]
        planes = torch.arange(3, device=self.device)[None, :, None, None]
        index = at[:, None, None, None]
        return Patches(
            self.filtered[index, planes, rows, columns].float(),
            self.decoded[index, planes[:, :1], rows, columns].float(),
            self.clean[index, planes, rows, columns].float(),
            self.damage[at],
            self.weights[at],
        )


class _Learner:
    """A network, its optimizer, and the average of its weights."""

    def __init__(self, network: RestorerNetwork, rate: float, device: torch.device) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)
        self.params = list(network.parameters())
        self.average = [each.detach().clone() for each in self.params]
        self.peak = rate
        self.rate = torch.zeros((), device=device)
        cuda = device.type == "cuda"
        self.optimizer = torch.optim.Adam(self.params, self.rate, capturable=cuda, fused=True)
        self.half = cuda
        self._to_rgb = _ToRGB(device)
        self.loss = torch.zeros((), device=device)

    def step(self, patches: Patches, features: Tensor) -> None:
        units = unit_of(patches.damage)
        with torch.autocast("cuda", torch.float16, enabled=self.half, cache_enabled=False):
            outputs = self.network(features)
        restored = self._to_rgb(patches.filtered + units * outputs) + 128
        clipped = restored.clamp(0, 255)
        errors = clipped - (self._to_rgb(patches.clean) + 128) + _BEYOND * (restored - clipped)
        loss = (patches.weights * (errors / units).square().mean((1, 2, 3))).mean()
        scale = _LOSS_SCALE if self.half else 1.0
        gradients = torch.autograd.grad(loss * scale, self.params)
        norm = torch.stack([each.norm() for each in gradients]).norm() / scale
        factor = torch.where(norm.isfinite(), (_STEEPEST / norm).clamp(max=1.0), 0.0) / scale
        for param, gradient in zip(self.params, gradients, strict=True):
            param.grad = gradient.nan_to_num(0.0, 0.0, 0.0) * factor
        self.optimizer.step()
        torch._foreach_lerp_(self.average, [each.detach() for each in self.params], 1 - _AVERAGE)
        self.loss.lerp_(loss.detach(), 0.002)

    def averaged(self) -> RestorerNetwork:
        """Return the network with averaged weights."""
        network = RestorerNetwork(self.network.sizes)
        network.to(self.rate.device)
        with torch.no_grad():
            for param, average in zip(network.parameters(), self.average, strict=True):
                param.copy_(average)
        return network

    def state_dict(self) -> dict[str, Any]:
        optimizer = self.optimizer.state_dict()
        return {
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": optimizer["state"],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        for mine, saved in zip(self.average, state["average"], strict=True):
            mine.copy_(saved)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate


class Training:
    """Networks that learn from the same patches, at rates that fall to zero.

    Parameters
    ----------
    networks : sequence of (RestorerNetwork, float)
        With their highest learning rates.
    batch, side : int
        Patches of a step, and their sides in pixels.
    """

    def __init__(
        self,
        buffer: CropBuffer,
        networks: Sequence[tuple[RestorerNetwork, float]],
        batch: int,
        side: int,
    ) -> None:
        self._buffer, self._batch, self._side = buffer, batch, side
        self.learners = [_Learner(network, rate, buffer.device) for network, rate in networks]
        self.steps = 0
        self._run: Callable[[], None] = self._step

    def _step(self) -> None:
        patches = self._buffer.patches(self._batch, self._side)
        features = make_features(patches.filtered, patches.decoded, patches.damage)
        features = features.contiguous(memory_format=torch.channels_last)
        for learner in self.learners:
            learner.step(patches, features)

    def capture(self) -> None:
        """Record a step as a graph of CUDA, which is launched at once."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(5):  # at a rate of 0
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        self._run = graph.replay

    def train_step(self, done: float) -> None:
        """Learn from a batch, at a rate for the share ``done`` of the training, 0..1."""
        warm = min(done / _WARMUP, 1.0)
        for learner in self.learners:
            learner.rate.fill_(learner.peak * warm * (1 + math.cos(math.pi * min(done, 1.0))) / 2)
        self._run()
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        """Return all numbers from which training goes on."""
        return {"steps": self.steps, "learners": [each.state_dict() for each in self.learners]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the numbers of a checkpoint."""
        self.steps = state["steps"]
        for learner, saved in zip(self.learners, state["learners"], strict=True):
            learner.load_state_dict(saved)


@torch.no_grad()
def gain(network: RestorerNetwork, crops: Crops, device: torch.device) -> float:
    """Return the mean gain in dB over the filters, on whole crops, before colours are clipped."""
    to_rgb = _ToRGB(device)
    gains = []
    for index in range(len(crops.damage)):
        one = slice(index, index + 1)
        filtered, decoded, clean, damage = (
            torch.from_numpy(values[one]).to(device).float() for values in crops
        )
        outputs = network(make_features(filtered, decoded, damage)) * unit_of(damage)
        before, after = (
            float(to_rgb(each - clean).square().mean()) for each in (filtered, filtered + outputs)
        )
        gains.append(10 * math.log10((before + 0.02) / (after + 0.02)))
    return float(np.mean(gains))
