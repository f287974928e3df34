#!/usr/bin/env python3
"""Train the network that comes with ``fit-image unjpeg``.

``crops`` damages crops of clean pictures, as many of each FOLDER; ``train`` learns from them, for
hours, and goes on where it stopped when it is called again with the same checkpoint.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from fit_image.apps.trained_network import TrainedNetwork
from fit_image.apps.unjpeg.residual.kernels import FACTOR
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.apps.unjpeg.residual.network import Sizes, is_coarse, make_network
from fit_image.nn.layers.pixel_shuffle import PixelShuffle
from fit_image.nn.network import Network
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.optimizers.schedules import RateSchedule
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.npz import read_archive, write_archive
from restorer.crops import Crops

_KIND, _VERSION = "restorer_training", 1
_DRAW, _INIT = 1, 2  # streams of random numbers
_SMALL = 0.02  # added to a patch's squared error where its loss is divided by it
_AVERAGE = 0.999
_STEEPEST = 0.3  # norm beyond which a gradient is made shorter
_REPORT = 500  # steps
_LAST_LAYER = 0.1  # factor of its initial weights: a new network changes little


class Training:
    """A network that learns from patches of crops; every step depends on its number alone."""

    def __init__(
        self, crops: Sequence[Crops], sizes: Sizes, steps: int, rate: float, seed: int
    ) -> None:
        self.crops, self.steps, self.seed = crops, steps, seed
        self.sizes = sizes
        self.network = _init(make_network(_ROWS, _ROWS, sizes), seed)
        optimizer = Adam(self.network.parameters.size)
        self.trained = TrainedNetwork(self.network, optimizer, rate, BATCH, ThreadPool(1), _AVERAGE)
        self._schedule = RateSchedule("cosine", 1.0, warmup=0.01)

    @property
    def step(self) -> int:
        """Steps done."""
        return self.trained.optimizer.steps

    def train_step(self) -> float:
        """Learn from a batch; return its loss.

        A patch's squared errors are divided by those of the filters, so that strong compression
        and weak count alike, as decibels do.
        """
        rng = np.random.default_rng([self.seed, _DRAW, self.step])
        shares = np.cumsum([len(each) for each in self.crops])
        chosen = int(np.searchsorted(shares, rng.integers(shares[-1]), side="right"))
        inputs, targets = self.crops[chosen].batch(BATCH, SIDE, rng)
        errors = self.trained.forward(inputs) - targets
        weights = 1 / (np.square(targets).mean(axis=(1, 2, 3), keepdims=True) + _SMALL)
        factor = float(self._schedule.factors(self.step, 1, self.steps)[0])
        self.trained.backward(errors * weights / errors[0].size)
        norm = float(np.linalg.norm(self.trained.gradient)) / BATCH
        self.trained.step(min(_STEEPEST / max(norm, _STEEPEST), 1.0) / BATCH, factor)
        self.trained.ema.update(self.network.parameters, self.step - 1)
        return float((weights * np.square(errors)).mean())

    def grow(self, model: ResidualNetwork) -> None:
        """Begin with the weights of a network without the coarse block."""
        if model.sizes != self.sizes._replace(coarse_blocks=0):
            raise click.UsageError(f"the network to grow has {model.sizes}, not {self.sizes}")
        start = 0
        for index, layer in enumerate(self.network.layers):
            if is_coarse(layer, _ROWS):
                continue
            params = self.network.part(self.network.parameters, index)
            for values in layer.named_params(params).values():
                values[...] = model.numbers[start : start + values.size].reshape(values.shape)
                start += values.size

    def gain(self, crops: Crops) -> float:
        """Return the mean gain in dB of the averaged network over the filters, on whole crops."""
        network = self.model().network(*crops.sample(0)[0].shape[:2])
        cache = network.make_cache(1, ThreadPool(1))
        gains = []
        for index in range(len(crops)):
            inputs, targets = crops.sample(index)
            outputs = network.forward(inputs[np.newaxis], cache)[0]
            before, after = (np.square(each).mean() for each in (targets, outputs - targets))
            gains.append(10 * np.log10((before + 1e-3) / (after + 1e-3)))
        return float(np.mean(gains))

    def model(self) -> ResidualNetwork:
        """Return the averaged network."""
        with self.trained.averaged():
            return ResidualNetwork.of(self.network, self.sizes)

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        write_archive(path, _KIND, _VERSION, self.trained.state_dict())

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        self.trained.load_state_dict(read_archive(path, _KIND, _VERSION))


SIDE, BATCH = 96, 4  # pixels of a patch, and patches of a batch
_ROWS = SIDE // FACTOR


def _init(network: Network, seed: int) -> Network:
    """Draw weights that keep the variance (He et al., 2015), the last layer's smaller."""
    rng = np.random.default_rng([seed, _INIT])
    for index, layer in enumerate(network.layers):
        params = layer.named_params(network.part(network.parameters, index))
        if "weight" not in params:
            continue
        weights = params["weight"]
        last = index == len(network.layers) - 1
        std = (_LAST_LAYER if last else 1.0) * np.sqrt(2 / np.prod(weights.shape[:3]))
        if layer.skip:
            std *= 0.3
        if not last and isinstance(network.layers[index + 1], PixelShuffle):
            std = 0.0  # the coarse block starts as none
        weights[...] = rng.normal(0, std, weights.shape)
    return network


@click.group(help=__doc__)
def main() -> None:
    """Read the command line."""


@main.command("crops")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--count", default=4000, show_default=True)
@click.option("--noisy", default=0.0, show_default=True, help="Share of crops with noise.")
@click.option("--seed", default=0, show_default=True)
def make_crops(
    folders: tuple[Path, ...], output: Path, count: int, noisy: float, seed: int
) -> None:
    """Damage crops of the clean pictures in FOLDERS."""
    for done in Crops.make(output, folders, count, noisy, seed):
        if done % 100 == 0 or done == count:
            click.echo(f"{done} of {count}", err=True)


@main.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True)
@click.option("--held-out", type=click.Path(path_type=Path), required=True, help="Other crops.")
@click.option("--grow", type=click.Path(path_type=Path), help="Network without coarse blocks.")
@click.option("--channels", default=Sizes().channels, show_default=True)
@click.option("--blocks", default=Sizes().blocks, show_default=True)
@click.option("--coarse-channels", default=Sizes().coarse_channels, show_default=True)
@click.option("--coarse-blocks", default=Sizes().coarse_blocks, show_default=True)
@click.option("--steps", default=40_000, show_default=True)
@click.option("--rate", default=0.001, show_default=True)
@click.option("--seed", default=0, show_default=True)
def train(
    folders: tuple[Path, ...],
    output: Path,
    checkpoint: Path,
    held_out: Path,
    grow: Path | None,
    steps: int,
    rate: float,
    seed: int,
    **sizes: int,
) -> None:
    """Train on crops in FOLDERS."""
    crops = [Crops(folder) for folder in folders]
    judged = Crops(held_out)
    training = Training(crops, Sizes(**sizes), steps, rate, seed)
    if grow is not None:
        training.grow(ResidualNetwork.load(grow))
    if checkpoint.exists():
        training.load(checkpoint)
    start, losses = time.monotonic(), []
    while training.step < steps:
        losses.append(training.train_step())
        if training.step % _REPORT and training.step < steps:
            continue
        training.save(checkpoint)
        training.model().save(output)
        seconds = time.monotonic() - start
        click.echo(
            f"{training.step:7} steps, {seconds:6.0f} s, loss {np.mean(losses):.4f}, "
            f"gain {training.gain(judged):+.3f} dB"
        )
        sys.stdout.flush()
        losses.clear()


if __name__ == "__main__":
    main()
