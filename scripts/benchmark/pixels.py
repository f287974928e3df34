"""A network learns and draws a picture, pixel by pixel or by batches, by both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmark.timing import Contest, Work
from benchmark.torch_networks import Floats, torch_layers
from fit_image import Network, parse_layers
from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.nn.optimizers.registry import OPTIMIZERS
from fit_image.nn.runtime.machine import usable_cores
from fit_image.nn.training.minibatch import Minibatch
from fit_image.nn.training.per_sample_sgd import PerSampleSGD

WIDTH, HEIGHT = 300, 429
SLOPE, RATE = 0.01, 1e-3

TORCH_OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, RATE),
    "momentum": lambda parameters: torch.optim.SGD(parameters, RATE, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, RATE),
}
"""The optimizers that are compared; what adamw does besides is one multiplication."""


def our_network(layers: str) -> Network:
    """Return an initialised network of ours."""
    widths = [layer.width for layer in parse_layers(layers)]
    network = Network(tuple(dense_stack(2, widths, 3, SLOPE)), (WIDTH, HEIGHT))
    return network.draw_params(0.3, np.random.default_rng(0))


def _torch_network(network: Network) -> torch.nn.Module:
    modules: list[torch.nn.Module] = []
    for linear in torch_layers(network):
        modules += [linear, torch.nn.LeakyReLU(SLOPE)]
    return torch.nn.Sequential(*modules[:-1])


def _samples(count: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(0)
    return rng.random((count, 2), dtype=np.float32), rng.random((count, 3), dtype=np.float32)


def _learning(learner: PerSampleSGD | Minibatch, count: int, threads: int) -> Work:
    (places, colours), weights, loss = _samples(count), np.ones(count, np.float32), np.zeros(1)

    def work() -> int:
        learner.learn(places, colours, weights, loss, threads=threads)
        return count

    return work


def _torch_learning(peer: Any, optimizer: Any, count: int, batch: int) -> Work:
    xs, ts = (torch.from_numpy(each).split(batch) for each in _samples(count))

    def work() -> int:
        for x, t in zip(xs, ts, strict=True):
            optimizer.zero_grad()
            loss = 0.5 * ((peer(x) - t) ** 2).sum(dim=1).mean()
            loss.backward()
            optimizer.step()
        return count

    return work


def peer_and_optimizer(layers: str, batch: int, device: str = "cpu") -> tuple[Any, Any]:
    """Return PyTorch's network, and its descent by single pixels, or by batches with Adam."""
    network = our_network(layers)
    peer = _torch_network(network).to(device)
    if batch > 1:
        return peer, TORCH_OPTIMIZERS["adam"](peer.parameters())
    linears = [module for module in peer if isinstance(module, torch.nn.Linear)]
    rates = [
        {"params": linear.parameters(), "lr": float(rate)}
        for linear, rate in zip(linears, network.layer_rates(0.1), strict=True)
    ]
    return peer, torch.optim.SGD(rates)


def peer_learning(layers: str, batch: int) -> Work:
    """Return the work of PyTorch that `peer_and_optimizer` is made for."""
    count = 50 if batch == 1 else max(2048, batch)
    return _torch_learning(*peer_and_optimizer(layers, batch), count, batch)


def descend(layers: str) -> Contest:
    """One step of plain gradient descent for each pixel."""
    network = our_network(layers)
    rates = network.layer_rates(0.1)
    ours = {}
    for threads in sorted({1, usable_cores()}):
        ours[threads] = _learning(PerSampleSGD(our_network(layers), rates), 1000, threads)
    # All weights are read upwards, and read and written downwards.
    swept = 4 * network.num_params
    return Contest(ours, peer_learning(layers, 1), swept_bytes=swept)


def learn_batches(layers: str, batch: int, optimizer: str) -> Contest:
    """One step for each batch, with all cores."""
    network, threads = our_network(layers), usable_cores()
    peer = _torch_network(network)
    theirs = TORCH_OPTIMIZERS[optimizer](peer.parameters())
    ours = OPTIMIZERS[optimizer](network.parameters.size)
    rates = network.rates(RATE, by_fan_in=ours.rate_of_layer)
    learner = Minibatch(network, ours, rates, batch)
    return Contest(
        {threads: _learning(learner, max(8192, batch), threads)},
        _torch_learning(peer, theirs, max(2048, batch), batch),
        flops=6 * network.num_params,
    )


def draw(layers: str) -> Contest:
    """One frame, with all cores; PyTorch in batches of the size that serves it well."""
    network, threads = our_network(layers), usable_cores()
    peer = _torch_network(network)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    places = np.stack((x / (WIDTH - 1), y / (HEIGHT - 1)), axis=2).reshape(-1, 2)
    batches: Sequence[Any] = torch.from_numpy(places.astype(np.float32)).split(4096)

    def ours() -> int:
        network.render(threads=threads)
        return WIDTH * HEIGHT

    @torch.inference_mode()
    def theirs() -> int:
        for batch in batches:
            peer(batch)
        return WIDTH * HEIGHT

    return Contest({threads: ours}, theirs, flops=2 * network.num_params)
