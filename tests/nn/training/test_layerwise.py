"""Any network learns by batches, layer by layer: as the fused kernels do where both can."""

from __future__ import annotations

import numpy as np
import pytest
from test_minibatch import RATES, learn_all
from test_mlp import samples
from test_residual import stack

from fit_image.nn.encodings.fourier import Fourier
from fit_image.nn.encodings.hash_grid import HashGrid
from fit_image.nn.layers.batch_norm import BatchNorm
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.dropout import Dropout
from fit_image.nn.layers.tied_dense import TiedDense
from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.network import Network
from fit_image.nn.optimizers.registry import OPTIMIZERS
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.minibatch import Minibatch


def networks():
    grid = HashGrid(3, 2, 32, 2, 9, (30, 20))
    yield "residual", MLP(stack(2, 3))
    yield "grid", MLP(dense_stack(grid.outputs, [12], 3), grid)
    yield "fourier", MLP(dense_stack(8, [12, 5], 3), Fourier(2, 4, 2.0, np.random.default_rng(1)))


NETWORKS = dict(networks())


def teach(network, name, batch, rates, **options):
    optimizer = OPTIMIZERS[name](network.parameters.size)
    return Minibatch(network, optimizer, rates, batch, **options)


@pytest.mark.parametrize("micro_batch", [None, 64])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("kind", NETWORKS)
def test_both_executors_learn_the_same(kind, name, micro_batch, rng):
    fused = NETWORKS[kind].draw_params(1.0, rng, "classic")
    general = Network(fused.layers)
    general.parameters[:] = fused.parameters
    inputs, targets = samples(rng, 500)
    weights, factors = rng.random((2, 500), dtype=np.float32)
    drawn = {"weights": weights, "factors": factors}
    before, losses = fused.parameters.copy(), []
    for network in (fused, general):
        rates = fused.rates(RATES[name], by_fan_in=name == "sgd")
        learner = teach(network, name, 200, rates, micro_batch=micro_batch)
        cuts = [200, 400] if micro_batch is None else [64, 128, 192, 200, 264, 328, 392, 400, 464]
        losses.append(learn_all(learner, inputs, targets, cuts, **drawn))
    assert np.abs(fused.parameters - before).max() > 0.001
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    np.testing.assert_allclose(general.parameters, fused.parameters, atol=2e-3)
    assert np.abs(general.parameters - fused.parameters).mean() < 2e-5


def mixed():
    """Shapes, tied weights, normalisation, dropout and a residual block behind an encoding."""
    encoding = Fourier(2, 8, 2.0, np.random.default_rng(0))
    first = Dense((16,), 20, "tanh", std=0.3, tied=True)
    normal = BatchNorm((16,), "relu")
    square = Dense((16,), 16, "tanh", std=0.1, out_shape=(4, 4, 1))
    convolution = Conv2D((4, 4, 1), 1, 3, 1, activation="tanh", std=0.3)
    convolution.skip = 1
    last = Dense((4, 4, 1), 3, "sigmoid", std=0.3)
    layers = [encoding, first, TiedDense(first), normal, Dropout((16,), 0.8)]
    return Network([*layers, square, convolution, last])


def test_layers_of_all_kinds_learn_a_picture(rng):
    network = mixed().init_params(rng)
    inputs, _ = samples(rng, 600)
    targets = np.concatenate([inputs, 1 - inputs[:, :1]], axis=1)
    learner = teach(network, "adam", 50, 0.01)
    first = learn_all(learner, inputs, targets)
    for _ in range(5):
        last = learn_all(learner, inputs, targets)
    assert last < 0.5 * first


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_neither_threads_nor_resuming_change_a_bit(name, rng):
    start = mixed().init_params(rng).parameters
    inputs, targets = samples(rng, 300)
    results = []
    for threads, cuts in ((1, ()), (3, ()), (2, (100,))):
        network = mixed()
        network.parameters[:] = start
        learner = teach(network, name, 50, 0.02, pool=ThreadPool(threads))
        for begin, end in zip((0, *cuts), (*cuts, 300), strict=True):
            if begin:  # goes on in another process
                state, learner = learner.to_arrays(), teach(network, name, 50, 0.02)
                learner.restore(state)
            learn_all(learner, inputs[begin:end], targets[begin:end], threads=threads)
        results.append(network.parameters.tobytes())
    assert len(set(results)) == 1


def test_blocks_that_do_not_fit_are_refused():
    layer = Dense((4,), 5)
    layer.skip = 1
    with pytest.raises(ValueError, match="residual block"):
        Network([layer])
