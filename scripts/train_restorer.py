#!/usr/bin/env python3
"""Train the networks that come with ``fit-image unjpeg``.

``crops`` damages crops of clean pictures, as many of each FOLDER; ``train`` learns from them, on a
GPU if there is one, and goes on where it stopped when it is called again with the same checkpoint.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple, Self

import click
import torch

from command_line import run_command
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.apps.unjpeg.residual.network import Sizes
from restorer.crops import Crops, make_crops
from restorer.network import RestorerNetwork
from restorer.training import CropBuffer, Training, gain

_TARGETS = ("small=48x3,96x2@0.001", "large=64x4,128x6@0.0006")
_SAVE = 60.0  # seconds between checkpoints
_AHEAD = 20  # steps that are launched before the clock is read


class _Target(NamedTuple):
    """A network to train."""

    name: str
    sizes: Sizes
    rate: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read NAME=CHANNELSxBLOCKS,CHANNELSxBLOCKS@RATE."""
        try:
            name, rest = text.split("=")
            levels, rate = rest.split("@")
            numbers = [int(each) for level in levels.split(",") for each in level.split("x")]
            return cls(name, Sizes(*numbers), float(rate))
        except (ValueError, TypeError):
            raise click.BadParameter(f"{text!r} is not like {_TARGETS[0]}") from None


@click.group(help=__doc__)
def main() -> None:
    """Read the command line."""


@main.command("crops")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--count", default=4000, show_default=True)
@click.option("--noisy", default=0.1, show_default=True, help="Share of crops with noise.")
@click.option("--seed", default=0, show_default=True)
def crops(folders: tuple[Path, ...], output: Path, count: int, noisy: float, seed: int) -> None:
    """Damage crops of the clean pictures in FOLDERS."""
    for done in make_crops(output, folders, count, noisy, seed):
        if done % 100 == 0 or done == count:
            click.echo(f"{done} of {count}", err=True)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option(
    "--network",
    "networks",
    multiple=True,
    default=_TARGETS,
    show_default=True,
    help="Name, channels and blocks at two resolutions, and learning rate.",
)
@click.option("--held-out", type=click.Path(path_type=Path), required=True, help="Other crops.")
@click.option("--minutes", default=9.0, show_default=True)
@click.option("--batch", default=24, show_default=True, help="Patches.")
@click.option("--side", default=128, show_default=True, help="Of a patch, in pixels.")
@click.option(
    "--most",
    default=95_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Crops in memory; a thousand need 0.9 GB.",
)
@click.option("--seed", default=0, show_default=True)
def train(
    folder: Path,
    output: Path,
    networks: tuple[str, ...],
    held_out: Path,
    minutes: float,
    batch: int,
    side: int,
    most: int,
    seed: int,
) -> None:
    """Train on the folders of crops in FOLDER, to which more may be added meanwhile."""
    targets = [_Target.parse(text) for text in networks]
    torch.manual_seed(seed)
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    torch.backends.cudnn.benchmark = True
    judged = Crops.load(held_out)
    buffer = CropBuffer(folder, most, device)
    buffer.look()
    if not len(buffer):
        click.echo(f"waiting for crops in {folder}", err=True)
    while not len(buffer):
        time.sleep(1)
        buffer.look()
    learners = [(RestorerNetwork(each.sizes), each.rate) for each in targets]
    training = Training(buffer, learners, batch, side)
    output.mkdir(parents=True, exist_ok=True)
    checkpoint = output / "checkpoint.pt"
    seconds = before = 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        training.load_state_dict(state)
        seconds = before = state["seconds"]
    if cuda:
        training.capture()
    buffer.look_always()
    start = saved = time.monotonic()
    while seconds < 60 * minutes:
        for _ in range(_AHEAD if cuda else 1):
            training.train_step(seconds / (60 * minutes))
        if cuda:
            torch.cuda.synchronize()
        now = time.monotonic()
        seconds = before + now - start
        if now - saved > _SAVE or seconds >= 60 * minutes:
            torch.save({"seconds": seconds, **training.state_dict()}, new := output / "new.pt")
            new.replace(checkpoint)
            report = f"{training.steps:8} steps, {seconds:5.0f} s, {len(buffer)} crops"
            for target, learner in zip(targets, training.learners, strict=True):
                network, loss = learner.averaged(), float(learner.loss)
                ResidualNetwork(target.sizes, network.numbers()).save(output / f"{target.name}.npz")
                better = gain(network, judged, device)
                report += f"; {target.name}: loss {loss:.4f}, {better:+.3f} dB"
            click.echo(report)
            sys.stdout.flush()
            saved = time.monotonic()


if __name__ == "__main__":
    run_command(main)
