"""Parts of the game of digits and whole steps, by both, which must agree."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmark import large_digit
from benchmark.timing import Contest, batches, microseconds
from benchmark.torch_networks import (
    Floats,
    Generator,
    TorchGame,
    maps_first,
    products,
    torch_chain,
)  # fmt: skip
from fit_image.apps.coordinates import INPUTS
from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.gan_trainer import GANTrainer
from fit_image.apps.digits.networks import (
    generator_coordinates,
    generator_layers,
    make_discriminator,
    make_generator,
)
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.mlp.conditioned_mlp import at_latent
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.network import Network
from fit_image.nn.runtime.machine import usable_cores
from fit_image.nn.runtime.threads import ThreadPool

BATCH, SIDE, CLASSES = 100, 26, 10
# What follows the classifier's first convolution and its normalisations.
_RECTIFIERS: dict[int, nn.Module] = dict.fromkeys((0, 2, 4), nn.LeakyReLU(0.2))

_PIECE, _PIECES = 1 << 17, 2  # points that PyTorch draws at a time, and how often in a job


class _ThereAndBack:
    """Forward, and backward to parameters and inputs."""

    def __init__(self, chain: Network, inputs: Floats, grad_y: Floats) -> None:
        self._chain, self._inputs, self._grad_y = chain, inputs, grad_y
        self._cache = chain.make_cache(len(inputs), ThreadPool())
        self.gradient = chain.zeros()

    def forward(self) -> Floats:
        return self._chain.forward(self._inputs, self._cache)

    def both(self) -> Any:
        """Fill the gradient; return that by the inputs."""
        self.forward()
        return self._chain.backward(self._cache, self._grad_y, self.gradient, to_input=True)


def _torch_both(peer: nn.Module, x: Tensor, by_y: Tensor) -> Callable[[], None]:
    def both() -> None:
        x.grad = None
        peer.zero_grad()
        peer(x).backward(by_y)

    return both


def _agree(ours: Any, peer: Any, share: float = 1e-3) -> None:
    """Fail if any number is wrong by more than a share of the largest one."""
    peer = peer.detach().numpy() if isinstance(peer, Tensor) else peer
    np.testing.assert_allclose(ours, peer, rtol=0, atol=share * max(np.abs(peer).max(), 1e-9))


def _norms_agree(gradient: Floats, peer: nn.Module, share: float) -> None:
    exact = sum(float((each.grad.double() ** 2).sum()) for each in peer.parameters())
    np.testing.assert_allclose(float(np.dot(gradient, gradient)), exact, rtol=share)


def generator(*, backward: bool) -> Contest:
    """The generator forward, or there and back."""
    recipe, rng = DigitsConfig(), np.random.default_rng(0)
    chain = make_generator(recipe, SIDE, SIDE, 1).init_params(rng)
    peer, network = _torch_generator(recipe, chain)
    points = generator_coordinates((SIDE, SIDE), SIDE, recipe.scale).reshape(-1, len(INPUTS))
    latents = recipe.scale * rng.standard_normal((BATCH, recipe.latent), dtype=np.float32)
    grad_y = rng.standard_normal((BATCH, SIDE, SIDE, 1), dtype=np.float32)
    repeated = np.repeat(latents, len(points), axis=0)
    x = torch.from_numpy(np.concatenate([repeated, np.tile(points, (BATCH, 1))], axis=1))
    # Latent numbers need to be multiplied by weights once only.
    flops = 2 * (network.num_params - recipe.latent * recipe.units) * len(x)
    ours = _ThereAndBack(chain, latents, grad_y)
    _agree(ours.forward().reshape(-1, 1), peer(x))
    if not backward:
        return batches(ours.forward, torch.inference_mode()(lambda: peer(x)), flops)
    theirs = _torch_both(peer, x.requires_grad_(), torch.from_numpy(grad_y.reshape(-1, 1)))
    below = ours.both()
    theirs()
    # Rounding decides on which side of a rectifier's bend a sum falls, and either of us is off by
    # 2% from double precision in a layer of small gradients.
    _norms_agree(ours.gradient, peer, 0.05)
    by_inputs = x.grad.numpy().reshape(BATCH, SIDE * SIDE, -1)
    _agree(below, by_inputs[..., : recipe.latent].sum(axis=1), 0.05)
    return batches(ours.both, theirs, 3 * flops)


def _torch_generator(recipe: DigitsConfig, chain: Network) -> tuple[Generator, MLP]:
    network = MLP(generator_layers(recipe, 1))
    network.parameters[:] = chain.parameters
    return Generator(network), network


def convolutions() -> list[tuple[int, str]]:
    """Return where the classifier's convolutions are, and what they make of what."""
    layers = make_discriminator(DigitsConfig(), SIDE, SIDE, 1, CLASSES).layers
    return [
        (
            index,
            " to ".join(" x ".join(map(str, shape)) for shape in (each.in_shape, each.out_shape)),
        )
        for index, each in enumerate(layers)
        if isinstance(each, Conv2D)
    ]


def classifier(convolution: int | None = None) -> Contest:
    """The classifier there and back, or one of its convolutions alone."""
    rng = np.random.default_rng(1)
    chain = make_discriminator(DigitsConfig(), SIDE, SIDE, 1, CLASSES).init_params(rng)
    activations = _RECTIFIERS
    if convolution is not None:
        layer = chain.layers[convolution]
        alone = Network([layer])
        alone.parameters[: layer.size] = chain.part(chain.parameters, convolution)
        chain, activations = alone, activations if convolution == 0 else {}
    peer = torch_chain(chain, activations)
    inputs = rng.random((BATCH, *chain.in_shape), dtype=np.float32)
    grad_y = rng.standard_normal((BATCH, *chain.out_shape), dtype=np.float32)
    x, by_y = (torch.from_numpy(maps_first(each)) for each in (inputs, grad_y))
    # As views, both have maps last in memory, which serves some convolutions better.
    last = copy.deepcopy(peer).to(memory_format=torch.channels_last)
    maps_last = _torch_both(last, x.clone().requires_grad_(), by_y)
    x = x.contiguous().requires_grad_()
    ours, theirs = _ThereAndBack(chain, inputs, grad_y), _torch_both(peer, x, by_y.contiguous())
    below = ours.both()
    theirs()
    _agree(maps_first(ours.forward()), peer(x))
    _agree(maps_first(below), x.grad)
    _norms_agree(ours.gradient, peer, 1e-3)
    flops = 6 * BATCH * products(chain)
    torch.set_num_threads(1)
    contests = [batches(ours.both, each, flops) for each in (theirs, maps_last)]
    return min(contests, key=lambda each: microseconds(each.peer))


def _step(*, of_classifier: bool) -> Contest:
    rng = np.random.default_rng(2)
    pictures = rng.random((BATCH, SIDE, SIDE, 1), dtype=np.float32)
    labels = rng.integers(0, CLASSES, BATCH)
    x, t = torch.from_numpy(maps_first(pictures).copy()), torch.from_numpy(labels)
    game, peer = _games(DigitsConfig(batch_size=BATCH))
    drawing = game.generator.network.num_params * SIDE * SIDE
    classifying, encoding = products(game.discriminator.network), products(game.encoder.network)
    if of_classifier:
        return batches(
            lambda: game.discriminator_step(pictures, labels, rng),
            lambda: peer.classifier_step(x, t),
            2 * BATCH * (drawing + 6 * classifying),
        )
    _check_steps(pictures, labels, x, t)
    return batches(
        lambda: game.generator_step(pictures, labels, rng),
        lambda: peer.step(x, t),
        2 * BATCH * (3 * drawing + 2 * classifying + 3 * encoding),
    )


generator_step = partial(_step, of_classifier=False)
"""A step of generator and encoder."""
classifier_step = partial(_step, of_classifier=True)
"""A step of the classifier, on real and on generated pictures."""


def _check_steps(pictures: Floats, labels: npt.NDArray[np.int64], x: Tensor, t: Tensor) -> None:
    """Fail if steps differ: with no dropout and the same noise, both must come to the same."""
    game, peer = _games(DigitsConfig(batch_size=BATCH, keep=1.0))
    same = np.random.default_rng(3)
    for _ in range(2):  # what dropout draws
        same.random((BATCH, game.config.encoder_units), dtype=np.float32)
    noise = torch.from_numpy(same.standard_normal((BATCH, game.config.latent), dtype=np.float32))
    loss, divergence, _ = game.generator_step(pictures, labels, np.random.default_rng(3))
    np.testing.assert_allclose((loss, divergence), peer.step(x, t, noise), rtol=1e-3)
    after, _, _ = game.generator_step(pictures, labels, np.random.default_rng(3))
    np.testing.assert_allclose(after, peer.step(x, t, noise)[0], rtol=1e-2)


def _games(recipe: DigitsConfig) -> tuple[GANTrainer, TorchGame]:
    """Return both games, with the same weights."""
    game, softplus = GANTrainer(recipe, (SIDE, SIDE, 1), CLASSES), nn.Softplus()
    encoder = game.encoder.network
    peer = TorchGame(
        recipe,
        torch_chain(encoder, {0: softplus, 2: softplus}, drop=1.0 - recipe.keep),
        _torch_generator(recipe, game.generator.network)[0],
        torch_chain(game.discriminator.network, _RECTIFIERS),
        generator_coordinates((SIDE, SIDE), SIDE, recipe.scale),
    )
    return game, peer


def drawing() -> Contest:
    """A part of a large picture; a unit is a pixel."""
    (model, chain, latents), side = large_digit.digit(), large_digit.SIDE
    scale = model.config.scale
    network = at_latent(_torch_generator(model.config, chain)[1], np.float32(scale) * latents)
    peer = Generator(network)
    count = _PIECES * _PIECE
    rows = range(side // 2, side // 2 + count // side + 1)
    seen = generator_coordinates((side, side), min(model.width, model.height), scale, rows)
    pieces = torch.from_numpy(seen.reshape(-1, len(INPUTS))[:count].copy()).split(_PIECE)
    _agree(network.predict(pieces[0].numpy()), peer(pieces[0]))
    drawn = model.render_strips(latents, side, side)

    def ours() -> int:
        nonlocal drawn
        band = next(drawn, None)
        if band is None:
            drawn = model.render_strips(latents, side, side)
            band = next(drawn)
        return band[1].size

    @torch.inference_mode()
    def theirs() -> int:
        for piece in pieces:
            peer(piece)
        return count

    return Contest({usable_cores(): ours}, theirs, flops=2 * network.num_params)
