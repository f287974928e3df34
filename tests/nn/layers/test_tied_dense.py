"""Tied weights: networks whose second half has the weights of the first."""

from __future__ import annotations

import numpy as np
import pytest
from test_layers import (
    assert_central_differences,
    assert_close,
    doubles,
    named_params,
    normal,
    there_and_back,
)

from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.tied_dense import TiedDense
from fit_image.nn.network import Network
from fit_image.nn.runtime.threads import ThreadPool
from naive_layers import NaiveDense, NaiveTiedDense

# Shape of a sample, units of the two dense layers.
SHAPES = [((7,), 5, 3), ((4, 5, 3), 40, 11), ((32,), 16, 48), ((3, 3), 70, 1)]


def tied(shape, first, second):
    """Dense, dense, tied, tied; and the twins."""
    dense = Dense(shape, first, "tanh", tied=True)
    inner = Dense((first,), second, "softplus", tied=True)
    layers = [dense, inner, TiedDense(inner, "sigmoid"), TiedDense(dense, "scaled-tanh")]
    twins = [
        NaiveDense(activation="tanh"),
        NaiveDense(activation="softplus"),
        NaiveTiedDense((first,), activation="sigmoid"),
        NaiveTiedDense(shape, activation="scaled-tanh"),
    ]
    return Network(layers), twins


@pytest.fixture(params=SHAPES, ids=str)
def pair(request, rng):
    """A network with parameters, none of them zero, and its twins."""
    network, twins = tied(*request.param)
    for values in named_params(network, network.parameters).values():
        values[:] = 0.3 * normal(rng, *values.shape)
    return network, twins


def batch(network, rng, samples=5):
    return normal(rng, samples, *network.in_shape), normal(rng, samples, *network.out_shape)


def test_tied_weights_equal_the_naive_twins_and_their_gradients_add_up(pair, rng):
    network, twins = pair
    x, grad_y = batch(network, rng)
    own = doubles(named_params(network, network.parameters))
    parts = [
        {"weight": own[f"{owner}.weight"], "bias": own[f"{index}.bias"]}
        for index, owner in enumerate((0, 1, 1, 0))
    ]
    values = [x.astype(np.float64)]
    for twin, part in zip(twins, parts, strict=True):
        values.append(twin.forward(part, values[-1]))
    below, expected = grad_y.astype(np.float64), {}
    for index, owner in ((3, 0), (2, 1), (1, 1), (0, 0)):
        found, below = twins[index].backward(parts[index], values[index], below)
        expected[f"{index}.bias"] = found["bias"]
        expected[f"{owner}.weight"] = expected.get(f"{owner}.weight", 0.0) + found["weight"]
    y, grads, grad_x = there_and_back(network, x, grad_y)
    assert_close(y, values[-1])
    assert_close(grad_x, below, 1e-5)
    named = named_params(network, grads)
    assert named.keys() == expected.keys()
    for name, found in named.items():
        assert_close(found, expected[name], 1e-5)
        found[:] = 0.0
    assert not grads.any()  # nothing was added to the padding


def test_the_gradient_of_tied_weights_equals_central_differences(pair, rng):
    network, _ = pair
    x, grad_y = batch(network, rng)
    _, grads, grad_x = there_and_back(network, x, grad_y)
    values, gradients = named_params(network, network.parameters), named_params(network, grads)
    pairs = [(values[name], gradients[name]) for name in values]
    assert_central_differences(network, x, grad_y, [(x, grad_x), *pairs], rng)


@pytest.mark.parametrize("samples", [0, 1, 5, 203])
def test_the_number_of_threads_changes_no_bit_of_tied_weights(pair, samples, rng):
    network, _ = pair
    x, grad_y = batch(network, rng, samples)
    results = [there_and_back(network, x, grad_y, threads) for threads in (1, 2, 3)]
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_either_gradient_of_tied_weights_may_be_left_out_and_batches_be_smaller(pair, rng):
    network, _ = pair
    x, grad_y = batch(network, rng)
    y, grads, grad_x = there_and_back(network, x, grad_y)
    cache = network.make_cache(15, ThreadPool(2))
    there_and_back(network, *batch(network, rng, 15), cache=cache)
    np.testing.assert_array_equal(network.forward(x, cache), y)
    np.testing.assert_array_equal(network.backward(cache, grad_y, to_input=True), grad_x)
    other = network.zeros()
    for _ in range(2):
        network.forward(x, cache)
        assert network.backward(cache, grad_y, other) is None
        np.testing.assert_array_equal(other, grads)


def test_tied_weights_are_counted_and_stored_once(rng):
    network, _ = tied((4, 5, 3), 40, 11)
    assert network.num_params == 60 * 40 + 40 + 60 + 40 * 11 + 11 + 40
    assert network.parameters.size == 61 * 48 + 64 + 41 * 16 + 48
    assert network.part(network.parameters, 3).base is network.part(network.parameters, 0).base
    network.init_params(rng)
    for name, values in named_params(network, network.parameters).items():
        assert values.all() if name.endswith("weight") else not values.any()


def test_layers_that_cannot_be_tied_are_refused():
    dense = Dense((3,), 4, tied=True)
    with pytest.raises(ValueError, match="tied=True"):
        TiedDense(Dense((3,), 4))
    with pytest.raises(ValueError, match="earlier layer"):
        Network([TiedDense(dense), dense])
    with pytest.raises(ValueError, match="earlier layer"):
        Network([Dense((3,), 4, tied=True), TiedDense(dense)])


def test_tied_weights_cannot_descend_layer_by_layer(pair, rng):
    network, _ = pair
    x, grad_y = batch(network, rng)
    cache = network.make_cache(len(x), ThreadPool(1))
    network.forward(x, cache)
    with pytest.raises(ValueError, match="tied layers"):
        network.descend(cache, grad_y, [0.1] * 4)
