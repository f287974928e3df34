#!/usr/bin/env python3
"""Train the calibration of ``fit-image unjpeg``: how far its estimates of coefficients are right.

Crops of clean pictures are compressed in many ways, and restored with all places of coefficients
counting wholly. The calibration learns from the features of their blocks by how much to shrink the
places of three kinds of coefficients, so that what is restored has most decibels.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from command_line import run_command
from fit_image.apps.unjpeg.estimators import ResidualEstimator
from fit_image.apps.unjpeg.floor.places import INWARD, OUTWARD, ZERO
from fit_image.apps.unjpeg.floor.strip import Strip, of_blocks
from fit_image.apps.unjpeg.patches.pictures import find_pictures, read_clean
from fit_image.apps.unjpeg.residual.gate import BEYOND, SLOPE, Gate
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.images.formats.jpeg import decompress
from fit_image.images.formats.jpeg_blocks import BLOCK
from fit_image.images.formats.jpeg_planes import BASIS, JpegPlanes, read_planes
from fit_image.images.ycbcr import FROM_RGB
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.atomic import atomic_path
from restorer.damage import SIDE, SLACK, Picture, as_planes, compress

_BLOCKS = 150  # of a component that are learned from, at most
_DULL = 3.0  # standard deviation in levels below which crops are left out
_KINDS = 3
_NOISE = 0.01  # mean squared error that is no loss: that of rounding
_ODD = 0.15  # share of crops with odd tables
_RATE = 0.008
_SOME = 250  # blocks of a sample in a step
_USUAL, _COARSE = 4, 2  # samples of a folder in a step


@dataclass(frozen=True, eq=False)
class _Whole(Gate):
    """Lets all places count wholly, and keeps the features of blocks."""

    features: list[FloatArray] = field(default_factory=list)

    def values(self, features: FloatArray) -> FloatArray:
        self.features.append(features)
        return np.ones((*features.shape[:2], _KINDS), np.float32)


class _Sample(NamedTuple):
    """Blocks of a crop.

    Attributes
    ----------
    features : float32 (blocks, features)
    places, right : float32 (blocks, 64)
        Estimated, within the intervals, and those of the clean crop.
    kinds : int64 (blocks, 64)
    weights : float32 (blocks, 64)
        Mean squared error of red, green and blue, in levels, for a place that is wrong by 1.
    """

    features: Tensor
    places: Tensor
    right: Tensor
    kinds: Tensor
    weights: Tensor


@click.command(help=__doc__)
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--count", default=800, show_default=True, help="Crops of each of FOLDERS.")
@click.option("--coarse", default=300, show_default=True, help="More of the lowest qualities.")
@click.option(
    "--loss", default=20.0, show_default=True, help="Extra weight of decibels below the JPEG."
)
@click.option("--units", default=32, show_default=True, help="Leaky ReLUs.")
@click.option("--steps", default=16_000, show_default=True, help="Steps of Adam.")
@click.option("--seed", default=0, show_default=True)
def main(
    folders: tuple[Path, ...],
    output: Path,
    count: int,
    coarse: int,
    loss: float,
    units: int,
    steps: int,
    seed: int,
) -> None:
    """Make samples, and learn from as many of each folder."""
    groups = []
    for folder in folders:
        for is_coarse, number in ((False, count), (True, coarse)):
            rng = np.random.default_rng([seed, is_coarse])
            groups.append(list(_samples(folder, number, rng, is_coarse=is_coarse)))
        click.echo(f"{folder}: {count + coarse} samples", err=True)
    torch.manual_seed(seed)
    calibration = _fit(groups, units, steps, loss, np.random.default_rng(seed))
    with atomic_path(output) as temporary, temporary.open("wb") as file:
        np.savez(file, hidden=calibration.hidden, output=calibration.output)


def _samples(
    folder: Path, count: int, rng: np.random.Generator, *, is_coarse: bool
) -> Iterator[_Sample]:
    found = (read_clean(each.file) for each in find_pictures(folder)[0])
    pictures = [each for each in found if each is not None and min(each.shape[:2]) >= 2 * SLACK]
    if not any(each.std() > _DULL for each in pictures):
        raise click.UsageError(f"{folder} has no picture to learn from")
    done = 0
    while done < count:
        picture = pictures[rng.integers(len(pictures))]
        sides = [min(side, SIDE + SLACK) // SLACK * SLACK for side in picture.shape[:2]]
        y, x = (
            int(rng.integers(0, whole - side + 1))
            for whole, side in zip(picture.shape, sides, strict=False)
        )
        crop = np.rot90(picture[y : y + sides[0], x : x + sides[1]], int(rng.integers(2)))
        if crop.std() < _DULL:
            continue
        data, clean, _ = compress(np.ascontiguousarray(crop), rng, _ODD, is_coarse=is_coarse)
        jpeg = read_planes(io.BytesIO(data))
        if jpeg is None:
            continue
        parts = list(_components(decompress(data), jpeg, clean, rng))
        if parts:
            done += 1
            yield _Sample(*(torch.from_numpy(np.concatenate(p)) for p in zip(*parts, strict=True)))


def _components(
    picture: Picture, jpeg: JpegPlanes, clean: Picture, rng: np.random.Generator
) -> Iterator[tuple[npt.NDArray[np.generic], ...]]:
    """Yield some blocks of each component, as the arrays of `_Sample`."""
    nothing, pool = np.empty((0, 0), np.float32), ThreadPool(1)
    watched, strip = _Whole(nothing, nothing), Strip(jpeg, pool)
    gates = Gate.shipped(), watched
    quality, views = 85, 1  # neither counts
    estimator = ResidualEstimator(
        ResidualNetwork.shipped(), *gates, pool, quality, views, SIDE, SIDE
    )
    estimator.move(strip, picture)
    rows, columns = strip.full[0].shape
    edges = (0, rows - len(clean)), (0, columns - clean.shape[1])
    truth = as_planes(np.pad(clean, (*edges, (0, 0)), mode="edge"))
    of_levels = np.square(np.linalg.inv(FROM_RGB)).sum(axis=0) if len(jpeg.planes) > 1 else [3.0]
    for index, plane in enumerate(jpeg.planes):
        ratio = plane.down, plane.across
        active = np.flatnonzero(of_blocks(strip.active, ratio, np.max))
        if not active.size:
            continue
        own = rng.choice(active, min(active.size, _BLOCKS), replace=False)
        numbers = _blocks(plane.quantised)[own]
        places, right = (
            BASIS @ _blocks(of_blocks(each, ratio, np.mean))[own] @ BASIS.T / plane.table - numbers
            for each in (strip.full[index], truth[index])
        )
        moved = np.where(places * numbers > 0, OUTWARD, INWARD)
        kinds = np.where(numbers == 0, ZERO, moved)
        scale = active.size / own.size * np.prod(ratio) / (3 * clean[..., 0].size)
        weights = np.broadcast_to(scale * of_levels[index] * plane.table**2, places.shape)
        features = watched.features[index].reshape(-1, watched.features[index].shape[-1])[own]
        types = np.float32, np.float32, np.int64, np.float32
        values = zip((places, right, kinds, weights), types, strict=True)
        yield (features, *(each.astype(kind).reshape(len(own), -1) for each, kind in values))


def _blocks(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    rows, columns = plane.shape
    cells = plane.reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK)
    return cells.transpose(0, 2, 1, 3).reshape(-1, BLOCK, BLOCK)


def _fit(
    groups: list[list[_Sample]], units: int, steps: int, loss: float, rng: np.random.Generator
) -> Gate:
    """Return the calibration of most decibels; usual and coarse samples are groups in turn."""
    features = torch.cat([each.features for samples in groups for each in samples])
    mean, deviation = features.mean(0), features.std(0) + 1e-3
    hidden, output = nn.Linear(features.shape[1], units), nn.Linear(units, _KINDS)
    nn.init.constant_(output.bias, 1.0)
    optimizer = torch.optim.Adam([*hidden.parameters(), *output.parameters()], _RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for _ in range(steps):
        aims = []
        for samples, times in zip(groups, itertools.cycle((_USUAL, _COARSE))):
            for _ in range(times):
                own = samples[rng.integers(len(samples))]
                count = len(own.features)
                some = torch.from_numpy(rng.integers(0, count, min(count, _SOME)))
                x, places, right, kinds, weights = (each[some] for each in own)
                score = output(functional.leaky_relu(hidden((x - mean) / deviation), SLOPE))
                factors = ((1 + 2 * BEYOND) * torch.sigmoid(score) - BEYOND).clamp(0, 1)
                weights = weights * (count / len(some))
                errors = (factors.gather(1, kinds) * places - right).square()
                after = torch.log((weights * errors).sum() + _NOISE)
                before = torch.log((weights * right.square()).sum() + _NOISE)
                aims.append(after + loss * functional.relu(after - before))
        optimizer.zero_grad()
        torch.stack(aims).mean().backward()
        optimizer.step()
        schedule.step()
    inner = hidden.weight.detach() / deviation
    bias = hidden.bias.detach() - inner @ mean
    outer = [output.weight.detach().T, output.bias.detach()[None]]
    parts = torch.cat([inner.T, bias[None]]), torch.cat(outer)
    return Gate(*(each.numpy().astype(np.float32) for each in parts))


if __name__ == "__main__":
    run_command(main)
