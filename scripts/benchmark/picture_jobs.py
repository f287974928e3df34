"""Training steps of networks on whole pictures and on patches, by fit-image and by PyTorch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmark import picture_peers
from benchmark.jobs import Job
from fit_image.apps.autoencode.recipe import Recipe as AutoencoderRecipe
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.apps.unjpeg.pictures import split_folder
from fit_image.apps.unjpeg.recipe import Recipe as PatchRecipe
from fit_image.apps.unjpeg.trainer import PatchTrainer
from fit_image.notation import parse_layers

BATCH = 100

# What is compared: a name, both jobs, and the floating-point operations that cannot be avoided.
Pair = tuple[str, Job, Job, float]


def steps() -> Iterator[Pair]:
    """Yield the steps, whose jobs return 1; ours and the peer's agree in their losses."""
    for units in (1024, 128):
        yield _autoencoder(
            f"4096 to {units} to 4096, Adam", (64, 64, 1), AutoencoderRecipe(bottleneck=units)
        )
    for height, channels in ((64, 1), (32, 3)):
        name = f"convolutional, {height} x {height} x {channels}, Adam"
        yield _autoencoder(name, (height, height, channels), AutoencoderRecipe(conv=True))
    for layers in ("4x2047", "2x480"):
        yield _unjpeg(layers, 24 if layers == "4x2047" else 16)


def _autoencoder(name: str, shape: tuple[int, int, int], recipe: AutoencoderRecipe) -> Pair:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (BATCH, *shape), dtype=np.uint8)
    trainer = AutoencoderTrainer(pictures, pictures[:1], recipe)
    peer = picture_peers.Autoencoder(trainer.network, trainer.mean, recipe)
    inputs = pictures.astype(np.float32) / 255
    x = torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy())
    for _ in range(2):
        np.testing.assert_allclose(trainer._step(inputs), peer.step(x), rtol=1e-3)

    def ours() -> int:
        trainer._step(inputs)
        return 1

    def theirs() -> int:
        peer.step(x)
        return 1

    return name, ours, theirs, 6 * BATCH * picture_peers.products(trainer.network.chain)


def _unjpeg(layers: str, block: int) -> Pair:
    recipe = PatchRecipe(block=block, layers=parse_layers(layers), batch_size=BATCH, patches=BATCH)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(4):
            picture = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            large = Image.fromarray(picture).resize((128, 128), Image.Resampling.BICUBIC)
            large.save(Path(folder) / f"{index}.png")
        trainer = PatchTrainer(split_folder(Path(folder), recipe), recipe)
        trainer.stream.next()
        trainer.close()
    inputs, targets = trainer.stream.inputs, trainer.stream.targets
    peer = picture_peers.Patches(trainer.chain, trainer.cutter, recipe.rate)
    x, t = torch.from_numpy(inputs), torch.from_numpy(targets)
    for _ in range(2):
        figures = trainer._learn(inputs, targets)
        np.testing.assert_allclose(figures.error, peer.step(x, t), rtol=5e-3)

    def ours() -> int:
        trainer._learn(inputs, targets)
        return 1

    def theirs() -> int:
        peer.step(x, t)
        return 1

    name = f"unjpeg, {layers} on {block} x {block}, descent"
    return name, ours, theirs, 6 * BATCH * picture_peers.products(trainer.chain)
