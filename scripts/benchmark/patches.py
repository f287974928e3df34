"""Training steps of networks on whole pictures and on patches, by both, which must agree."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmark.timing import Contest, batches
from benchmark.torch_networks import maps_first, products, torch_chain
from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.networks import Autoencoder
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.patches.pictures import split_folder
from fit_image.apps.unjpeg.trainer import PatchTrainer
from fit_image.config.layer_spec import parse_layers
from fit_image.nn.network import Network

BATCH = 100
_ACTIVATIONS = {"elu": nn.ELU, "tanh": nn.Tanh, "relu": nn.ReLU, "identity": nn.Identity}


def _contest(
    ours: Callable[[], float], theirs: Callable[[], float], chain: Network, tolerance: float
) -> Contest:
    """Make a contest out of steps that return the loss before them, and fail if these differ."""
    for _ in range(2):
        np.testing.assert_allclose(ours(), theirs(), rtol=tolerance)
    return batches(ours, theirs, 6 * BATCH * products(chain))


def autoencoder(shape: tuple[int, int, int], recipe: AutoencodeConfig) -> Contest:
    """A step of an auto-encoder with Adam."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (BATCH, *shape), dtype=np.uint8)
    trainer = AutoencoderTrainer(pictures, pictures[:1], recipe)
    inputs = pictures.astype(np.float32) / np.float32(255)
    x = torch.from_numpy(maps_first(inputs).copy())
    net = torch_chain(trainer.autoencoder.network, _activations(trainer.autoencoder, recipe))
    mean = trainer.mean.mean(axis=(0, 1), keepdims=True) if recipe.conv else trainer.mean
    centre = torch.from_numpy(mean.transpose(2, 0, 1).copy())
    optimizer = torch.optim.Adam(net.parameters(), recipe.rate)

    def theirs() -> float:
        optimizer.zero_grad()
        drawn = net(x - centre).reshape(x.shape)
        loss = nn.functional.mse_loss(drawn, x)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return _contest(lambda: trainer.learn(inputs), theirs, trainer.autoencoder.network, 1e-3)


def _activations(network: Autoencoder, recipe: AutoencodeConfig) -> dict[int, nn.Module]:
    indices = [index for index, *_ in network.weights(network.network.parameters)]
    names = dict.fromkeys(indices, recipe.activation) | {network.code_at: recipe.code_activation}
    return {index: _ACTIVATIONS[names[index]]() for index in indices} | {indices[-1]: nn.Sigmoid()}


class _ScaledTanh(nn.Module):
    def forward(self, sums: Tensor) -> Tensor:
        """Compute 1.7159 tanh(2 s / 3)."""
        return 1.7159 * torch.tanh(sums * (2 / 3))


def unjpeg(layers: str, block: int) -> Contest:
    """A step of a network that removes JPEG's artefacts, by plain descent."""
    recipe = UnjpegConfig(block=block, layers=parse_layers(layers), batch_size=BATCH, patches=BATCH)
    trainer = _patch_trainer(recipe)
    inputs, targets = trainer.loader.inputs, trainer.loader.targets
    chain, extractor = trainer.trained.network, trainer.extractor
    net = torch_chain(chain, {index: _ScaledTanh() for index in range(len(chain.layers) - 1)})
    linears = [each for each in net if isinstance(each, nn.Linear)]
    optimizer = torch.optim.SGD(
        [{"params": each.parameters(), "lr": recipe.rate / each.in_features} for each in linears]
    )
    x, t = torch.from_numpy(inputs), torch.from_numpy(targets)

    def theirs() -> float:
        """Take a step; return the root mean square error before it, of colours in 0..1."""
        optimizer.zero_grad()
        outputs = net(x)
        clipped = outputs.clamp(extractor.lowest, extractor.highest)
        # The derivative passes the clipping, as ours does.
        errors = outputs + (clipped - outputs).detach() - t
        squares = errors.square().mean(dim=1)
        (errors.shape[1] * squares.sqrt().mean()).backward()
        optimizer.step()
        return extractor.deviation * math.sqrt(float(squares.detach().mean()))

    return _contest(lambda: trainer.learn(inputs, targets).error, theirs, chain, 5e-3)


def _patch_trainer(recipe: UnjpegConfig) -> PatchTrainer:
    """Return a trainer that has cut a batch of patches."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(4):
            picture = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            large = picture.resize((128, 128), Image.Resampling.BICUBIC)
            large.save(Path(folder) / f"{index}.png")
        trainer = PatchTrainer(split_folder(Path(folder), recipe), recipe)
        trainer.loader.next()
        trainer.close()
    return trainer
