"""Parts of the game of digits, done by fit-image and by PyTorch, which must agree."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from benchmark import digit_drawing, digit_peers
from benchmark.compare import microseconds
from benchmark.jobs import Job
from fit_image.apps.coordinates import INPUTS, pixel_coordinates
from fit_image.apps.digits.game import Game
from fit_image.apps.digits.networks import generator_layers, make_classifier, make_generator
from fit_image.apps.digits.recipe import Recipe
from fit_image.nn.layers.layer import Layer
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.network import Network
from fit_image.nn.runtime.threads import ThreadPool

BATCH, SIDE, CLASSES = 100, 26, 10
_PIECE = 1 << 17  # points that PyTorch draws at a time
_PIECES = 2  # drawn in a job; the time of a picture follows from these

# What is compared: a name, both jobs, and the floating-point operations that cannot be avoided.
Pair = tuple[str, Job, Job, float]


def generators() -> Iterator[Pair]:
    """Yield the generator forward, and there and back."""
    recipe, rng = Recipe(), np.random.default_rng(0)
    chain = make_generator(recipe, SIDE, SIDE, 1).init_params(rng)
    network = MLP(generator_layers(recipe, 1))
    network.parameters[:] = chain.parameters
    peer = digit_peers.Generator(network)
    points = pixel_coordinates(SIDE, SIDE, recipe.scale).reshape(-1, len(INPUTS))
    latents = recipe.scale * rng.standard_normal((BATCH, recipe.latent), dtype=np.float32)
    repeated = np.repeat(latents, len(points), axis=0)
    inputs = np.concatenate([repeated, np.tile(points, (BATCH, 1))], axis=1)
    by_outputs = rng.standard_normal((BATCH, SIDE, SIDE, 1), dtype=np.float32)
    x = torch.from_numpy(inputs)
    x_back = x.clone().requires_grad_()
    by_y = torch.from_numpy(by_outputs.reshape(-1, 1))

    cache = chain.make_cache(BATCH, ThreadPool())
    back, torch_back = _ThereAndBack(chain, latents, by_outputs), _torch_back(peer, x_back, by_y)
    gradient, below = back.gradients()
    torch_back()
    own = list(MLP(network.layers).rows(gradient))
    for linear, rows, layer in zip(peer.linears, own, network.layers, strict=True):
        # Rounding decides on which side of a rectifier's bend a sum falls, and either of us is off
        # by 2% from double precision in a layer of small gradients.
        _agree(rows[:, : layer.fan_in], linear.weight.grad, 0.05)
        _agree(rows[:, layer.fan_in], linear.bias.grad, 0.05)
    by_inputs = x_back.grad.numpy().reshape(BATCH, len(points), -1)
    _agree(below, by_inputs[..., : recipe.latent].sum(axis=1), 0.05)

    def forward() -> int:
        chain.forward(latents, cache)
        return 1

    def torch_forward() -> int:
        with torch.inference_mode():
            peer(x)
        return 1

    forward()
    _agree(cache.output.reshape(-1, 1), peer(x))
    # Latent numbers need to be multiplied by weights once only.
    weights = network.num_params - recipe.latent * recipe.units
    work = 2 * weights * len(x)
    yield "generator, forward", forward, torch_forward, work
    yield "generator, forward and backward", back, torch_back, 3 * work


class _ThereAndBack:
    """A job of ours: forward, and backward to parameters and inputs."""

    def __init__(self, chain: Network, inputs: np.ndarray, by_outputs: np.ndarray) -> None:
        self._chain, self._inputs, self._by_outputs = chain, inputs, by_outputs
        self._cache = chain.make_cache(len(inputs), ThreadPool())
        self._gradient = chain.zeros()

    def gradients(self) -> tuple[np.ndarray, np.ndarray]:
        """Return those by parameters and by inputs."""
        self._chain.forward(self._inputs, self._cache)
        below = self._chain.backward(self._cache, self._by_outputs, self._gradient, to_input=True)
        return self._gradient, below

    def __call__(self) -> int:
        self.gradients()
        return 1

    @property
    def output(self) -> np.ndarray:
        """What came out."""
        return self._cache.output


def _torch_back(peer: nn.Module, x: torch.Tensor, by_y: torch.Tensor) -> Job:
    def job() -> int:
        x.grad = None
        peer.zero_grad()
        peer(x).backward(by_y)
        return 1

    return job


def _agree(ours: np.ndarray, peer: torch.Tensor | np.ndarray, share: float = 1e-3) -> None:
    """Fail if any number is wrong by more than a share of the largest one."""
    peer = peer.detach().numpy() if isinstance(peer, torch.Tensor) else peer
    np.testing.assert_allclose(ours, peer, rtol=0, atol=share * max(np.abs(peer).max(), 1e-9))


def _maps_first(pictures: np.ndarray) -> np.ndarray:
    return pictures.transpose(0, 3, 1, 2) if pictures.ndim == 4 else pictures


def classifiers() -> Iterator[Pair]:
    """Yield the classifier's convolutions one by one, and the whole of it."""
    rng = np.random.default_rng(1)
    chain = make_classifier(Recipe(), SIDE, SIDE, 1, CLASSES).init_params(rng)
    total = 0.0
    for number, index in enumerate((0, 1, 3), 1):
        stage = chain.layers[index]
        alone = Network([stage])
        alone.parameters[: stage.size] = chain.part(chain.parameters, index)
        height, _, maps = stage.in_shape
        out, _, units = stage.out_shape
        work = 6 * BATCH * _products(stage)
        total += work
        name = f"convolution {number}: {height} x {height} x {maps} to {out} x {out} x {units}"
        peer = digit_peers.Convolution(chain, index, leaky=index == 0)
        yield _pair(name, alone, peer, work, rng)
    total += 6 * BATCH * _products(chain.layers[-1])
    yield _pair("classifier", chain, digit_peers.Classifier(chain), total, rng)


def _products(stage: Layer) -> int:
    """Return the multiplications of a sample in a convolution or a dense stage."""
    return stage.num_params * int(np.prod(stage.out_shape[:-1], dtype=np.int64))


def _pair(
    name: str, chain: Network, peer: nn.Module, work: float, rng: np.random.Generator
) -> Pair:
    inputs = rng.random((BATCH, *chain.in_shape), dtype=np.float32)
    by_outputs = rng.standard_normal((BATCH, *chain.out_shape), dtype=np.float32)
    x, by_y = (torch.from_numpy(_maps_first(each)) for each in (inputs, by_outputs))
    # As views, both have maps last in memory, which serves some convolutions better.
    there = _torch_back(
        copy.deepcopy(peer).to(memory_format=torch.channels_last), x.clone().requires_grad_(), by_y
    )
    x, by_y = x.contiguous().requires_grad_(), by_y.contiguous()
    ours, theirs = _ThereAndBack(chain, inputs, by_outputs), _torch_back(peer, x, by_y)
    gradient, below = ours.gradients()
    theirs()
    _agree(_maps_first(ours.output), peer(x))
    _agree(_maps_first(below), x.grad)
    exact = sum(float((each.grad.double() ** 2).sum()) for each in peer.parameters())
    np.testing.assert_allclose(float(np.dot(gradient, gradient)), exact, rtol=1e-3)
    torch.set_num_threads(1)
    theirs = min(theirs, there, key=microseconds)
    return name, ours, theirs, work


def step() -> Pair:
    """Return a step of generator and encoder."""
    rng = np.random.default_rng(2)
    pictures = rng.random((BATCH, SIDE, SIDE, 1), dtype=np.float32)
    labels = rng.integers(0, CLASSES, BATCH)
    x, t = torch.from_numpy(_maps_first(pictures).copy()), torch.from_numpy(labels)

    # With no dropout and the same noise, both must come to the same.
    game, peer = _games(Recipe(batch_size=BATCH, keep=1.0))
    seed = 3
    same = np.random.default_rng(seed)
    for _ in range(2):
        same.random((BATCH, game.recipe.encoder_units), dtype=np.float32)
    noise = torch.from_numpy(same.standard_normal((BATCH, game.recipe.latent), dtype=np.float32))
    loss, divergence, _ = game._generator_step(pictures, labels, np.random.default_rng(seed))

    def look() -> None:
        for player, module in ((game._encoder, peer.encoder), (game._generator, peer.generator)):
            exact = sum(float((each.grad.double() ** 2).sum()) for each in module.parameters())
            found = float(np.dot(player.gradient, player.gradient))
            np.testing.assert_allclose(found, exact, rtol=1e-2)

    np.testing.assert_allclose((loss, divergence), peer.step(x, t, noise, look), rtol=1e-3)
    after, _, _ = game._generator_step(pictures, labels, np.random.default_rng(seed))
    np.testing.assert_allclose(after, peer.step(x, t, noise)[0], rtol=1e-2)

    game, peer = _games(Recipe(batch_size=BATCH))
    encoder, generator, classifier = (
        player.chain for player in (game._encoder, game._generator, game._classifier)
    )
    work = 2 * 3 * generator.num_params * SIDE * SIDE
    work += sum(2 * 2 * _products(classifier.layers[index]) for index in (0, 1, 3, -1))
    work += 2 * 3 * encoder.num_params

    def ours() -> int:
        game._generator_step(pictures, labels, rng)
        return 1

    def theirs() -> int:
        peer.step(x, t)
        return 1

    return "step of generator and encoder", ours, theirs, BATCH * work


def classifier_step() -> Pair:
    """Return a step of the classifier, on real and on generated pictures."""
    rng = np.random.default_rng(2)
    pictures = rng.random((BATCH, SIDE, SIDE, 1), dtype=np.float32)
    labels = rng.integers(0, CLASSES, BATCH)
    x, t = torch.from_numpy(_maps_first(pictures).copy()), torch.from_numpy(labels)
    game, peer = _games(Recipe(batch_size=BATCH))
    generator, classifier = game._generator.chain, game._classifier.chain
    work = 2 * generator.num_params * SIDE * SIDE
    work += sum(2 * 2 * 3 * _products(classifier.layers[index]) for index in (0, 1, 3, -1))

    def ours() -> int:
        game._classifier_step(pictures, labels, rng)
        return 1

    def theirs() -> int:
        peer.classifier_step(x, t)
        return 1

    return "step of the classifier", ours, theirs, BATCH * work


def _games(recipe: Recipe) -> tuple[Game, digit_peers.Game]:
    game = Game(recipe, (SIDE, SIDE, 1), CLASSES)
    network = MLP(generator_layers(recipe, 1))
    network.parameters[:] = game._generator.chain.parameters
    peer = digit_peers.Game(
        recipe,
        digit_peers.Encoder(game._encoder.chain, recipe.keep),
        digit_peers.Generator(network),
        digit_peers.Classifier(game._classifier.chain),
        pixel_coordinates(SIDE, SIDE, recipe.scale).reshape(-1, len(INPUTS)),
        SIDE,
    )
    return game, peer


def drawing() -> Pair:
    """Return the drawing of a large picture, whose jobs return pixels."""
    (model, latents), side = digit_drawing.digit(), digit_drawing.SIDE
    network = model._network(latents)
    peer = digit_peers.Generator(network)
    count = _PIECES * _PIECE
    seen = pixel_coordinates(
        side, side, Recipe().scale, range(side // 2, side // 2 + count // side + 1)
    )
    pieces = torch.from_numpy(seen.reshape(-1, len(INPUTS))[:count].copy()).split(_PIECE)
    _agree(network.predict(pieces[0].numpy()), peer(pieces[0]).detach())
    drawn = model.bands(latents, side, side)

    def ours() -> int:
        nonlocal drawn
        band = next(drawn, None)
        if band is None:
            drawn = model.bands(latents, side, side)
            band = next(drawn)
        return band[1].size

    def theirs() -> int:
        with torch.inference_mode():
            for piece in pieces:
                peer(piece)
        return count

    name = f"drawing {side} x {side}"
    return name, ours, theirs, 2 * network.num_params
