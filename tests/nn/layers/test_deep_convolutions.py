"""Stacks of convolutions: residual blocks, strips, and memory without training."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from test_layers import assert_central_differences, bound, named_params, normal, there_and_back

from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.convolution.geometry import make_geometry
from fit_image.nn.layers.convolution.implicit_gemm import ImplicitGemmConvolution
from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import Call
from fit_image.nn.layers.pixel_shuffle import PixelShuffle, PixelUnshuffle
from fit_image.nn.network import Network
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.runtime.arrays import aligned_zeros
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.minibatch import Minibatch


def restorer(height=6, width=8, activation="tanh"):
    """Squares of pixels, a residual block at the very beginning, and one further on."""
    inside = (height // 2, width // 2, 24)
    first = Conv2D(inside, 24, 3, 1, activation, std=0.05)
    first.skip = 1
    layers = [
        PixelUnshuffle((height, width, 6)),
        first,
        Conv2D(inside, 20, 3, 1, activation, std=0.05),
        Conv2D((*inside[:2], 20), 33, 3, 1, activation, std=0.05),
        Conv2D((*inside[:2], 33), 20, 3, 1, activation, std=0.05),
        Conv2D((*inside[:2], 20), 12, 3, 1, std=0.05),
        PixelShuffle((*inside[:2], 12)),
    ]
    layers[4].skip = 2
    return Network(layers)


def nested(height=6, width=8):
    """Residual blocks in a block at half the resolution, and one that begins with another."""
    inside, coarse = (height, width, 6), (height // 2, width // 2, 24)
    convolutions = [Conv2D(coarse, 24, 3, 1, "tanh", std=0.05) for _ in range(4)]
    layers = [
        Conv2D(inside, 6, 3, 1, "tanh", std=0.05),
        PixelUnshuffle(inside),
        *convolutions,
        PixelShuffle(coarse),
        Conv2D(inside, 6, 3, 1, std=0.05),
        Conv2D(inside, 3, 3, 1, std=0.05),
    ]
    layers[3].skip, layers[5].skip, layers[6].skip, layers[7].skip = 2, 2, 6, 8
    return Network(layers)


def vectors(height=9, width=11):
    """A residual block whose channels fill vectors, of images that squares of 4 do not."""
    shape = (height, width, 32)
    layers = [Conv2D(shape, 32, 3, 1, "leaky-relu", std=0.05) for _ in range(3)]
    layers[2].skip = 2
    return Network(layers)


@pytest.mark.parametrize("make_network", [restorer, nested])
def test_residual_blocks_of_convolutions_equal_central_differences(make_network, rng):
    network = make_network().init_params(rng)
    x, grad_y = normal(rng, 3, 6, 8, 6), normal(rng, 3, 6, 8, 3)
    _, grads, grad_x = there_and_back(network, x, grad_y)
    pairs = [
        (values, named_params(network, grads)[name])
        for name, values in named_params(network, network.parameters).items()
    ]
    assert_central_differences(network, x, grad_y, [*pairs, (x, grad_x)], rng)


def test_blocks_that_overlap_are_refused():
    layers = [Conv2D((4, 4, 3), 3, 3, 1) for _ in range(4)]
    layers[2].skip, layers[3].skip = 3, 2
    with pytest.raises(ValueError, match="overlap"):
        Network(layers)


@pytest.mark.parametrize("channels", [4, 20, 32])
def test_a_block_adds_its_input(channels, rng):
    shape = (9, 11, channels)
    layer = Conv2D(shape, channels, 3, 1, "tanh", std=0.2)
    network = Network([layer]).init_params(rng)
    x, cache = normal(rng, 3, *shape), network.make_cache(3, ThreadPool(2))
    expected = network.forward(x, cache) + x
    layer.skip = 1
    np.testing.assert_array_equal(Network([layer]).forward(x, cache), expected)


def test_residual_blocks_of_convolutions_learn(rng):
    network = restorer(activation="leaky-relu").init_params(rng)
    x = normal(rng, 16, 6, 8, 6)
    teacher = Minibatch(network, Adam(network.parameters.size), 3e-3, 8, pool=ThreadPool(1))
    losses = []
    for _ in range(30):
        total = np.zeros(1)
        teacher.learn(x, x[..., :3], np.ones(16, np.float32), total)
        losses.append(total[0])
    assert losses[-1] < 0.1 * losses[0]


def algorithm(strip, threads=2):
    """Return output, gradients by input and parameters of a convolution in strips."""
    rng = np.random.default_rng(3)
    geometry = make_geometry((9, 10, 20), 36, 3, 1)
    layer = ImplicitGemmConvolution(geometry, bound("tanh"), strip)
    params, grads = aligned_zeros(181 * 48), aligned_zeros(181 * 48)
    params.reshape(181, 48)[:, :36] = 0.1 * normal(rng, 181, 36)
    x, y, grad_x = aligned_zeros(5, 9, 10, 20), aligned_zeros(5, 9, 10, 36), aligned_zeros(9000)
    x[:] = normal(rng, *x.shape)
    call = Call(params, None, x, y, layer.make_cache(5), ThreadPool(threads))
    layer.forward(call)
    layer.backward(call, Grads(normal(rng, y.size), grad_x, grads, 1.0, False))
    return y, grad_x, grads


@pytest.mark.parametrize("strip", [1, 3000, 9000, 40_000])
def test_strips_of_rows_change_no_bit(strip):
    for one, other in zip(algorithm(1 << 16), algorithm(strip), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make_network", [restorer, nested, vectors])
def test_a_cache_without_training_gives_the_same_bits(make_network, rng):
    network = make_network().init_params(rng)
    x = normal(rng, 5, *network.in_shape)
    expected = network.forward(x, network.make_cache(5, ThreadPool(1)))
    for threads in (1, 2):
        cache = network.make_cache(5, ThreadPool(threads), training=False)
        np.testing.assert_array_equal(network.forward(x, cache), expected)
        np.testing.assert_array_equal(network.forward(x[3:], cache), expected[3:])
    with pytest.raises(ValueError, match="without training"):
        network.backward(cache, expected[3:])


@pytest.mark.parametrize("make_network", [restorer, nested, vectors])
def test_samples_may_begin_anywhere_and_be_read_only(make_network, rng):
    network = make_network().init_params(rng)
    x, cache = normal(rng, 2, *network.in_shape), network.make_cache(2, ThreadPool(2))
    expected = network.forward(x, cache).copy()
    moved = aligned_zeros(x.size + 1)[1:].reshape(x.shape)
    moved[:] = x
    moved.flags.writeable = False
    np.testing.assert_array_equal(network.forward(moved, cache), expected)


def test_a_deep_stack_keeps_three_outputs(rng):
    inside = (64, 64, 48)
    layers = [Conv2D(inside, 48, 3, 1, "relu") for _ in range(8)]
    for layer in layers[1::2]:
        layer.skip = 2
    network = Network(layers).init_params(rng)
    x = normal(rng, 1, *inside)
    network.forward(x, network.make_cache(1, ThreadPool(1), training=False))  # compiles
    tracemalloc.start()
    network.forward(x, network.make_cache(1, ThreadPool(1), training=False))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 * x.nbytes + 2**21
