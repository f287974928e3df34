"""The same work done by fit-image and by PyTorch: callables that return the pixels they did."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from fit_image.model import PaintingNetwork
from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.nn.optimizers.registry import OPTIMIZERS
from fit_image.nn.training.minibatch import Minibatch
from fit_image.nn.training.per_sample_sgd import PerSampleSGD
from fit_image.notation import parse_layers

SLOPE = 0.01
WIDTH, HEIGHT = 300, 429
RATE = 1e-3

TORCH_OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, RATE),
    "momentum": lambda parameters: torch.optim.SGD(parameters, RATE, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, RATE),
}
"""The optimizers that are compared; what adamw does besides is one multiplication."""

Job = Callable[[], int]


def our_network(layers: str) -> PaintingNetwork:
    """Return an initialised network of ours."""
    widths = [layer.width for layer in parse_layers(layers)]
    network = PaintingNetwork(tuple(dense_stack(2, widths, 3, SLOPE)), (WIDTH, HEIGHT))
    return network.init_params(0.3, np.random.default_rng(0))


def torch_network(network: PaintingNetwork) -> torch.nn.Sequential:
    """Return the same network in PyTorch, weights included."""
    modules: list[torch.nn.Module] = []
    for layer, rows in zip(network.layers, network.rows(), strict=True):
        linear = torch.nn.Linear(layer.fan_in, layer.fan_out)
        with torch.no_grad():
            linear.weight[:] = torch.from_numpy(rows[:, : layer.fan_in].copy())
            linear.bias[:] = torch.from_numpy(rows[:, layer.fan_in].copy())
        modules += [linear, torch.nn.LeakyReLU(SLOPE)]
    return torch.nn.Sequential(*modules[:-1])


def samples(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random places and colours."""
    rng = np.random.default_rng(0)
    return rng.random((count, 2), dtype=np.float32), rng.random((count, 3), dtype=np.float32)


def our_sgd(layers: str, threads: int) -> Job:
    """Return a job of ours: one step for each sample."""
    network = our_network(layers)
    sgd, loss = PerSampleSGD(network, network.layer_rates(0.1)), np.zeros(1)
    places, colours = samples(1000)
    weights = np.ones(len(places), dtype=np.float32)

    def job() -> int:
        sgd.learn(places, colours, weights, loss, threads=threads)
        return len(places)

    return job


def torch_sgd(layers: str) -> Job:
    """Return the same job in PyTorch."""
    network = our_network(layers)
    peer = torch_network(network)
    linears = [module for module in peer if isinstance(module, torch.nn.Linear)]
    optimizer = torch.optim.SGD(
        [
            {"params": linear.parameters(), "lr": float(rate)}
            for linear, rate in zip(linears, network.layer_rates(0.1), strict=True)
        ]
    )
    x, t = map(torch.from_numpy, samples(50))
    return _torch_steps(peer, optimizer, x.split(1), t.split(1))


def our_batches(layers: str, batch: int, optimizer: str, threads: int) -> Job:
    """Return a job of ours: one step for each batch of about 8,192 samples."""
    network = our_network(layers)
    learner = Minibatch(network, OPTIMIZERS[optimizer](network.parameters.size), RATE, batch)
    places, colours = samples(max(8192, batch))
    weights = np.ones(len(places), dtype=np.float32)
    loss = np.zeros(1)

    def job() -> int:
        learner.learn(places, colours, weights, loss, threads=threads)
        return len(places)

    return job


def torch_batches(layers: str, batch: int, optimizer: str) -> Job:
    """Return the same job in PyTorch."""
    peer = torch_network(our_network(layers))
    steps = TORCH_OPTIMIZERS[optimizer](peer.parameters())
    x, t = map(torch.from_numpy, samples(max(2048, batch)))
    return _torch_steps(peer, steps, x.split(batch), t.split(batch))


def _torch_steps(
    peer: torch.nn.Sequential, optimizer: torch.optim.Optimizer, xs: object, ts: object
) -> Job:
    def job() -> int:
        for x, t in zip(xs, ts, strict=True):
            optimizer.zero_grad()
            loss = 0.5 * ((peer(x) - t) ** 2).sum(dim=1).mean()
            loss.backward()
            optimizer.step()
        return sum(len(x) for x in xs)

    return job


def our_drawing(layers: str, threads: int) -> Job:
    """Return a job of ours: one frame."""
    network = our_network(layers)

    def job() -> int:
        network.render(threads=threads)
        return WIDTH * HEIGHT

    return job


def torch_drawing(layers: str) -> Job:
    """Return the same job in PyTorch, in batches of the size that serves it well."""
    peer = torch_network(our_network(layers))
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    places = np.stack((x / (WIDTH - 1), y / (HEIGHT - 1)), axis=2).reshape(-1, 2)
    batches = torch.from_numpy(places.astype(np.float32)).split(4096)

    def job() -> int:
        with torch.inference_mode():
            for batch in batches:
                peer(batch)
        return WIDTH * HEIGHT

    return job
