"""Stacks of 3 x 3 convolutions beside the matrix product, and PyTorch where it is installed.

All with one thread and in CPU time, in turns.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

from fit_image.nn.kernels.gemm import PANEL, gemm
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.layer import Layer
from fit_image.nn.network import Network
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.runtime.arrays import FloatArray, Matrix, aligned_zeros
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.minibatch import Minibatch

_SIDE, _IN, _CHANNELS, _OUT, _DEPTH, _BATCH = 32, 32, 48, 12, 8, 16
_SECONDS = 0.1

Job = tuple[Callable[[], object], float]  # and its floating-point operations


def measure_convolutions(turns: int) -> dict[str, dict[str, float]]:
    """Return the rates of a stack forward and of a training step, the medians of all turns.

    The product is of as many rows and columns as a convolution of the stack has patches and
    channels.
    """
    jobs = _jobs()
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    for work, _ in jobs.values():
        work()
    for _ in range(turns):
        for name, (work, operations) in jobs.items():
            rates[name].append(operations / _seconds(work) / 1e9)
    medians = {name: statistics.median(each) for name, each in rates.items()}
    return {
        "gflops": medians,
        "share_of_product": {
            name: rate / medians["product"] for name, rate in medians.items() if name != "product"
        },
    }


def _seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    calls, began = 0, time.process_time()
    while time.process_time() < began + _SECONDS:
        work()
        calls += 1
    return (time.process_time() - began) / calls


def stack() -> list[Layer]:
    """Return a network that restores pictures, at half resolution: residual blocks of two."""
    shape = (_SIDE, _SIDE, _CHANNELS)
    layers = [Conv2D((_SIDE, _SIDE, _IN), _CHANNELS, 3, 1, "leaky-relu", std=0.05)]
    layers += [Conv2D(shape, _CHANNELS, 3, 1, "leaky-relu", std=0.05) for _ in range(_DEPTH)]
    for layer in layers[2::2]:
        layer.skip = 2
    return [*layers, Conv2D(shape, _OUT, 3, 1, std=0.05)]


def _jobs() -> dict[str, Job]:
    rng = np.random.default_rng(0)
    network = Network(stack()).init_params(rng)
    x = rng.standard_normal((_BATCH, _SIDE, _SIDE, _IN), dtype=np.float32)
    y = rng.standard_normal((_BATCH, *network.out_shape), dtype=np.float32)
    pool, weights, loss = ThreadPool(1), np.ones(_BATCH, np.float32), np.zeros(1)
    cache = network.make_cache(_BATCH, pool, training=False)
    teacher = Minibatch(network, Adam(network.parameters.size), 1e-4, _BATCH, pool=pool)
    forward = 2.0 * network.num_params * _SIDE**2 * _BATCH
    # The input's gradient is not needed.
    step = 3 * forward - 2.0 * 9 * _IN * _CHANNELS * _SIDE**2 * _BATCH
    jobs: dict[str, Job] = {
        "product": _product(rng),
        "forward": (lambda: network.forward(x, cache), forward),
        "training step": (lambda: teacher.learn(x, y, weights, loss), step),
    }
    if importlib.util.find_spec("torch"):
        names = ("PyTorch forward", "PyTorch training step")
        jobs |= zip(names, _peer(x, y, forward, step), strict=True)
    return jobs


def _product(rng: np.random.Generator) -> Job:
    rows, depth = _SIDE**2, 9 * _CHANNELS
    a, b, c, panel = map(aligned_zeros, (rows * depth, depth * _CHANNELS, rows * _CHANNELS, PANEL))
    for factor in (a, b):
        factor[:] = rng.standard_normal(factor.size)
    matrices = Matrix(a, 0, depth, 1), Matrix(b, 0, _CHANNELS, 1), Matrix(c, 0, _CHANNELS, 1)
    return (
        lambda: _product_kernel(rows, _CHANNELS, depth, *matrices, panel),
        2.0 * rows * depth * _CHANNELS,
    )


@kernel
def _product_kernel(rows, columns, depth, a, b, c, panel):
    gemm(rows, columns, depth, a, b, c, panel, False)


def _peer(x: FloatArray, y: FloatArray, forward: float, step: float) -> Iterator[Job]:
    import torch
    from torch import Tensor, nn

    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(_IN, _CHANNELS, 3, padding=1)
            self.inner = nn.ModuleList(
                nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1) for _ in range(_DEPTH)
            )
            self.last = nn.Conv2d(_CHANNELS, _OUT, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            x = nn.functional.leaky_relu(self.first(x))
            for one, other in zip(self.inner[::2], self.inner[1::2], strict=True):
                inside = nn.functional.leaky_relu(one(x))
                x = x + nn.functional.leaky_relu(other(inside))
            return self.last(x)

    torch.set_num_threads(1)
    inputs, targets = (torch.from_numpy(each.transpose(0, 3, 1, 2).copy()) for each in (x, y))
    net = Stack()
    optimizer = torch.optim.Adam(net.parameters(), 1e-4)

    def predict() -> None:
        with torch.inference_mode():
            net(inputs)

    def learn() -> None:
        optimizer.zero_grad()
        nn.functional.mse_loss(net(inputs), targets).backward()
        optimizer.step()

    yield predict, forward
    yield learn, step


if __name__ == "__main__":
    for name, figures in measure_convolutions(9).items():
        for job, figure in figures.items():
            print(f"{name} {job}: {figure:.3g}")
