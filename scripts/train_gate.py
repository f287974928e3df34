#!/usr/bin/env python3
"""Train the gate of ``fit-image unjpeg``: how much the changes of its network count in a block.

Crops of clean pictures are compressed in many ways, and restored by the filters alone, and with all
of the network's changes. The gate learns from the features of their blocks to take from either
what gives most decibels.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from command_line import run_command
from fit_image.apps.unjpeg.patches.pictures import find_pictures, read_clean
from fit_image.apps.unjpeg.residual.gate import BEYOND, SLOPE, Gate
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.images.formats.jpeg import decompress
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_planes import read_planes
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.storage.atomic import atomic_path
from restorer.damage import SLACK, Picture, compress

_HEIGHT, _WIDTH = 160, 192
_WITH_SLACK = _HEIGHT + SLACK, _WIDTH + SLACK
_NOISE = 0.01 * 3 * BLOCK**2  # squared error of a block that is no loss: that of rounding
_MOST = 12.0  # decibels: of patterns that are restored all but wholly, more is no better
_RATE = 0.01
_NOTHING = np.empty((0, 0), np.float32), np.empty(0, np.float32)


@dataclass(frozen=True, eq=False)
class _Constant(Gate):
    """Gives all blocks the same value, and keeps their features."""

    value: float = 1.0
    features: list[FloatArray] = field(default_factory=list)

    def values(self, features: FloatArray) -> FloatArray:
        self.features.append(features)
        return np.full(features.shape[:2], self.value, np.float32)


class _Sample(NamedTuple):
    """A restored crop: features (blocks, features), and sums of squared errors (blocks, 4).

    The errors are those of the JPEG, of the filters, of all changes, and the products of the last
    two.
    """

    features: FloatArray
    errors: FloatArray


@click.command(help=__doc__)
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--patterns",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of patterns, of weight 1.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--tries", default=16, show_default=True, help="Compressions of each picture.")
@click.option("--usual", default=4.0, show_default=True, help="Weight of each of FOLDERS.")
@click.option(
    "--loss", default=4.0, show_default=True, help="Extra weight of decibels below the JPEG."
)
@click.option("--units", default=16, show_default=True, help="Leaky ReLUs.")
@click.option("--steps", default=260, show_default=True, help="Steps of Adam.")
@click.option("--seed", default=0, show_default=True)
def main(
    folders: tuple[Path, ...],
    patterns: Path,
    output: Path,
    tries: int,
    usual: float,
    loss: float,
    units: int,
    steps: int,
    seed: int,
) -> None:
    """Make samples, and learn from them."""
    samples, weights = [], []
    for folder, weight in ((patterns, 1.0), *((each, usual) for each in folders)):
        own = list(_samples(folder, tries, np.random.default_rng(seed)))
        if not own:
            raise click.UsageError(f"{folder} has no picture of {_WITH_SLACK[1]}x{_WITH_SLACK[0]}")
        samples += own
        weights += [weight / len(own)] * len(own)
        click.echo(f"{folder}: {len(own)} samples", err=True)
    torch.manual_seed(seed)
    gate = _fit(samples, weights, units, steps, loss)
    with atomic_path(output) as temporary, temporary.open("wb") as file:
        np.savez(file, hidden=gate.hidden, output=gate.output)


def _samples(folder: Path, tries: int, rng: np.random.Generator) -> Iterator[_Sample]:
    restoration = replace(Restoration.shipped(), calibration=None, threads=1)
    for found in find_pictures(folder)[0]:
        picture = read_clean(found.file)
        if picture is None or any(np.less(picture.shape[:2], _WITH_SLACK)):
            continue
        y, x = (
            int(rng.integers(0, size - side + 1))
            for size, side in zip(picture.shape, _WITH_SLACK, strict=False)
        )
        crop = picture[y : y + _WITH_SLACK[0], x : x + _WITH_SLACK[1]]
        for _ in range(tries):
            yield from _restore(crop, restoration, rng)


def _restore(
    crop: Picture, restoration: Restoration, rng: np.random.Generator
) -> Iterator[_Sample]:
    """Yield the sample of a crop, unless it is not restored at all."""
    data, clean, is_grey = compress(crop, rng)
    if is_grey:
        clean = np.asarray(Image.fromarray(clean).convert("L").convert("RGB"))
    picture, jpeg = decompress(data), read_planes(io.BytesIO(data))
    without, whole = (_Constant(*_NOTHING, value) for value in (0.0, 1.0))
    gated = (replace(restoration, gate=gate) for gate in (without, whole))
    pictures = picture, *(each.restore(picture, jpeg) for each in gated)
    of_jpeg, of_filters, of_all = (each.astype(np.float32) - clean for each in pictures)
    if not whole.features:
        return
    products = of_jpeg**2, of_filters**2, of_all**2, of_filters * of_all
    sums = [
        each.reshape(_HEIGHT // BLOCK, BLOCK, _WIDTH // BLOCK, BLOCK, 3).sum((1, 3, 4))
        for each in products
    ]
    features = whole.features[0][: _HEIGHT // BLOCK, : _WIDTH // BLOCK]
    yield _Sample(
        features.reshape(-1, features.shape[-1]), np.stack(sums, axis=-1).reshape(-1, len(sums))
    )


def _fit(
    samples: Sequence[_Sample], weights: Sequence[float], units: int, steps: int, loss: float
) -> Gate:
    """Return the gate of most decibels."""
    features, errors = (np.concatenate(each) for each in zip(*samples, strict=True))
    blocks = torch.tensor([len(each.features) for each in samples])
    of_sample, noise = torch.arange(len(samples)).repeat_interleave(blocks), blocks * _NOISE
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    x, sums = torch.from_numpy((features - mean) / deviation), torch.from_numpy(errors)
    weight = torch.tensor(weights)
    hidden, output = nn.Linear(x.shape[1], units), nn.Linear(units, 1)
    optimizer = torch.optim.Adam([*hidden.parameters(), *output.parameters()], _RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    before = noise.index_add(0, of_sample, sums[:, 0])
    for _ in range(steps):
        score = output(functional.leaky_relu(hidden(x), SLOPE))[:, 0]
        # Not clipped, or far beyond nothing would be learned; the gate, which is, goes from 0 to 1
        # within a shorter range of scores.
        share = (1 + BEYOND / 2) * torch.sigmoid(score) - BEYOND / 4
        mixed = (1 - share) ** 2 * sums[:, 1] + share**2 * sums[:, 2]
        mixed = mixed + 2 * share * (1 - share) * sums[:, 3]
        after = noise.index_add(0, of_sample, mixed)
        gain = 10 * torch.log10(before / after)
        aim = -(weight * (gain.clamp(max=_MOST) - loss * functional.relu(-gain))).sum()
        optimizer.zero_grad()
        aim.backward()
        optimizer.step()
        schedule.step()
    click.echo(f"mean gain {float(gain.mean().detach()):.3f} dB", err=True)
    inner = hidden.weight.detach().numpy() / deviation
    bias = hidden.bias.detach().numpy() - inner @ mean
    outer = [output.weight.detach().numpy()[0], output.bias.detach().numpy()]
    return Gate(np.vstack([inner.T, bias]).astype(np.float32), np.concatenate(outer))


if __name__ == "__main__":
    run_command(main)
