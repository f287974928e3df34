"""Layers, one table of them, against float64 twins and central differences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from fit_image.nn.layers.batch_norm import BatchNorm
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.dropout import Dropout
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.layers.layer import PARTS, Call, GradMode, Layer
from fit_image.nn.layers.max_pool import MaxPool2D
from fit_image.nn.layers.pixel_shuffle import PixelShuffle, PixelUnshuffle
from fit_image.nn.layers.upsample import UpSample2D
from fit_image.nn.losses import cross_entropy
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import aligned_zeros
from fit_image.nn.runtime.threads import ThreadPool
from naive_layers import (
    NaiveBatchNorm,
    NaiveConv2D,
    NaiveDense,
    NaiveIdentity,
    NaiveMaxPool2D,
    NaivePixelShuffle,
    NaivePixelUnshuffle,
    NaiveUpSample2D,
    naive_cross_entropy,
)


@dataclass
class Case:
    """A layer and its twin.

    ``samples`` is the size of a batch, such that the twin is quick; ``smooth`` says that finite
    differences approximate the gradient; ``std`` is that of parameters with which sums are about 1;
    ``rounding`` multiplies the errors that are allowed.
    """

    layer: Layer
    twin: Any
    samples: int = 5
    smooth: bool = True
    std: float = 0.3
    rounding: float = 1.0


def bound(activation="identity", **constants):
    return BoundActivation.of(activation, **constants)


def dense(in_shape, units, samples=5, std=0.3, **activation):
    layer, twin = Dense(in_shape, units, bound(**activation)), NaiveDense(**activation)
    return Case(layer, twin, samples, _smooth(activation), std)


def convolution(in_shape, units, side, stride, samples=5, std=0.3, **activation):
    layer = Conv2D(in_shape, units, side, stride, bound(**activation))
    twin = NaiveConv2D(units, side, stride, **activation)
    return Case(layer, twin, samples, _smooth(activation), std)


def winograd(in_shape, units, samples=5, **activation):
    """A convolution whose products are fewer, and of larger numbers than the sums."""
    case = convolution(in_shape, units, 3, 1, samples, 0.05, **activation)
    return replace(case, rounding=20.0)


def normalisation(shape, samples=5, **activation):
    layer = BatchNorm(shape, bound(**activation))
    return Case(layer, NaiveBatchNorm(**activation), samples, _smooth(activation))


def pooling(in_shape, side):
    return Case(MaxPool2D(in_shape, side), NaiveMaxPool2D(side), smooth=False)


def upsampling(in_shape, height, width, factor):
    layer = UpSample2D(in_shape, height, width, factor)
    return Case(layer, NaiveUpSample2D(height, width, factor))


def _smooth(activation):
    return activation.get("activation") not in ("relu", "leaky-relu")


LEAKY = {"activation": "leaky-relu", "slope": 0.2}
CASES = {
    "dense": lambda: dense((7,), 16),
    "dense, 11 units": lambda: dense((24,), 11, activation="tanh"),
    "dense, 1 unit": lambda: dense((3,), 1, samples=PARTS - 1, activation="sigmoid"),
    "dense, 40 units": lambda: dense((19,), 40, activation="softplus"),
    "dense, sine": lambda: dense((9,), 17, activation="sine", omega=1.5),
    "dense, leaky": lambda: dense((33,), 11, **LEAKY),
    "dense, relu, 32 units": lambda: dense((17,), 32, activation="relu"),
    "dense, 32 inputs": lambda: dense((32,), 16, activation="tanh"),
    "dense, pictures": lambda: dense((4, 5, 3), 11, activation="softplus"),
    "dense, many samples": lambda: dense((6,), 11, samples=203, activation="tanh"),
    "dense, many inputs": lambda: dense((351,), 11, std=0.1, activation="tanh"),
    "convolution of digits": lambda: convolution((26, 26, 1), 11, 5, 2, samples=3),
    "convolution, leaky": lambda: convolution((13, 7, 3), 16, 5, 2, std=0.1, **LEAKY),
    "convolution, stride 1": lambda: convolution((7, 7, 5), 19, 5, 1, std=0.1, activation="tanh"),
    "convolution, side 3": lambda: convolution((13, 7, 3), 11, 3, 2, activation="softplus"),
    "convolution, side 3, stride 1": lambda: convolution((6, 5, 2), 3, 3, 1, activation="sigmoid"),
    "convolution, 1 unit": lambda: convolution((9, 8, 7), 1, 3, 1, activation="sigmoid"),
    "convolution, 8 maps, 8 units": lambda: convolution(
        (6, 19, 8), 8, 3, 1, std=0.1, activation="tanh"
    ),
    "convolution, wide picture": lambda: convolution((21, 30, 1), 2, 3, 1, 2, activation="tanh"),
    "convolution, even side": lambda: convolution((5, 6, 2), 5, 4, 1, activation="tanh"),
    "convolution, side 1, stride 1": lambda: convolution((5, 6, 3), 4, 1, 1),
    "convolution, side beyond picture, stride 1": lambda: convolution((2, 3, 2), 6, 5, 1),
    "convolution, stride beyond side": lambda: convolution((7, 8, 2), 4, 1, 3),
    "convolution, side beyond picture": lambda: convolution((2, 3, 2), 4, 5, 2),
    "convolution, many channels": lambda: convolution(
        (7, 5, 20), 35, 3, 1, std=0.05, activation="tanh"
    ),
    "convolution, many channels, leaky": lambda: convolution(
        (4, 9, 33), 70, 3, 1, std=0.05, **LEAKY
    ),
    "convolution, many channels, side 5": lambda: convolution(
        (6, 8, 24), 16, 5, 1, 9, std=0.03, activation="tanh"
    ),
    "convolution, many channels, even side": lambda: convolution(
        (6, 5, 32), 64, 2, 1, 2, std=0.1, activation="softplus"
    ),
    "convolution, many channels, one pixel": lambda: convolution(
        (1, 1, 40), 48, 3, 1, 11, std=0.1, activation="tanh"
    ),
    "convolution, many channels, 3 x 2": lambda: convolution(
        (3, 2, 48), 24, 3, 1, 1, std=0.05, activation="sigmoid"
    ),
    "convolution, vectors of channels": lambda: winograd((8, 7, 16), 32, activation="tanh"),
    "convolution, vectors of channels, leaky": lambda: winograd((6, 11, 48), 48, **LEAKY),
    "convolution, vectors of channels, many squares": lambda: winograd(
        (16, 13, 32), 16, 3, activation="softplus"
    ),
    "convolution, vectors of channels, squares inside": lambda: winograd(
        (12, 13, 48), 32, 2, activation="tanh"
    ),
    "convolution, vectors of channels, one square": lambda: winograd(
        (4, 3, 16), 64, 1, activation="sigmoid"
    ),
    "convolution, one picture": lambda: convolution((13, 7, 3), 11, 5, 2, 1, activation="tanh"),
    "convolution, many pictures": lambda: convolution(
        (4, 4, 2), 11, 3, 2, samples=8 * 50, activation="tanh"
    ),
    "normalisation": lambda: normalisation((4, 3, 5)),
    "normalisation, 16 maps": lambda: normalisation((3, 16), samples=40),
    "normalisation, tanh": lambda: normalisation((4, 4, 18), activation="tanh"),
    "normalisation, leaky": lambda: normalisation((3, 3, 19), **LEAKY),
    "normalisation of vectors": lambda: normalisation((11,), PARTS - 1, activation="sigmoid"),
    "normalisation, one sample": lambda: normalisation((3, 3, 5), 1),
    "dropout, not training": lambda: Case(Dropout((3, 5), 0.4), NaiveIdentity()),
    "pooling": lambda: pooling((6, 8, 3), 2),
    "pooling, cut off": lambda: pooling((7, 5, 19), 3),
    "pooling, side beyond picture": lambda: pooling((3, 2, 8), 4),
    "upsampling": lambda: upsampling((3, 2, 5), 6, 4, 2),
    "upsampling, cut off": lambda: upsampling((3, 2, 19), 7, 5, 3),
    "upsampling, factor beyond picture": lambda: upsampling((1, 1, 8), 2, 3, 4),
    "pixel shuffle": lambda: Case(PixelShuffle((3, 2, 12)), NaivePixelShuffle(2)),
    "pixel shuffle, 1 channel": lambda: Case(PixelShuffle((2, 5, 9), 3), NaivePixelShuffle(3)),
    "pixel unshuffle": lambda: Case(PixelUnshuffle((6, 4, 3)), NaivePixelUnshuffle(2)),
    "pixel unshuffle, 1 pixel": lambda: Case(PixelUnshuffle((3, 3, 2), 3), NaivePixelUnshuffle(3)),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]()


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def used(case, vector):
    """The parameters in a vector, as views."""
    return list(case.layer.named_params(vector).values())


def named_params(network, vector):
    """All parameters of a network in a vector, as views: "0.weight" and so on."""
    return {
        f"{index}.{name}": values
        for index, layer in enumerate(network.layers)
        for name, values in layer.named_params(network.part(vector, index)).items()
    }


def doubles(named):
    return {name: values.astype(np.float64) for name, values in named.items()}


def ready(case, rng):
    """Return a network of the layer alone with parameters, none of them zero, and a batch."""
    network = Network([case.layer])
    for values in used(case, network.parameters):
        values[:] = case.std * normal(rng, *values.shape)
    # Not of mean 0 and variance 1, so that normalisation has something to do.
    x = 0.3 + 0.8 * normal(rng, case.samples, *case.layer.in_shape)
    return network, x.astype(np.float32)


def there_and_back(network, x, grad_y, threads=2, cache=None, rng=None):
    """Return the output, and the gradients with respect to parameters and input."""
    cache = cache or network.make_cache(len(x), ThreadPool(threads))
    y = network.forward(x, cache, rng).copy()
    grads = network.zeros()
    grad_x = network.backward(cache, grad_y, grads, to_input=True)
    return y, grads, grad_x.copy()


def assert_close(found, expected, error=3e-6):
    """Assert that no error exceeds this part of the largest number."""
    size = np.abs(expected).max(initial=1e-3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=error * size)


def test_dense_outputs_of_any_shape_are_as_many_as_units():
    assert Dense((3,), 12, out_shape=(2, 3, 2)).out_shape == (2, 3, 2)
    with pytest.raises(ValueError, match="12 units"):
        Dense((3,), 12, out_shape=(2, 3))


def test_a_layer_equals_its_naive_twin(case, rng):
    network, x = ready(case, rng)
    grad_y = normal(rng, case.samples, *case.layer.out_shape)
    params = doubles(case.layer.named_params(network.parameters))
    expected = case.twin.forward(params, x.astype(np.float64))
    grads, grad_x = case.twin.backward(params, x.astype(np.float64), grad_y.astype(np.float64))

    y, found, below = there_and_back(network, x, grad_y)
    assert y.shape == expected.shape
    assert_close(y, expected, 3e-6 * case.rounding)
    named = case.layer.named_params(found)
    assert named.keys() == grads.keys()
    for name, values in named.items():
        assert_close(values, grads[name], 1e-5 * case.rounding)
    assert_close(below, grad_x, 1e-5 * case.rounding)


def test_a_layer_counts_its_parameters(case):
    vector = np.zeros(case.layer.size, dtype=np.float32)
    assert sum(values.size for values in used(case, vector)) == case.layer.num_params
    assert Network([case.layer]).num_params == case.layer.num_params


@pytest.mark.parametrize("name", [name for name, make in CASES.items() if make().smooth])
def test_the_gradient_equals_central_differences(name, rng):
    case = CASES[name]()
    network, x = ready(case, rng)
    grad_y = normal(rng, case.samples, *case.layer.out_shape)
    _, grads, grad_x = there_and_back(network, x, grad_y)
    pairs = list(zip(used(case, network.parameters), used(case, grads), strict=True))
    error = 3e-4 * case.rounding
    assert_central_differences(network, x, grad_y, [*pairs, (x, grad_x)], rng, error)


def assert_central_differences(network, x, grad_y, pairs, rng, error=3e-4):
    """Compare gradients of sum(y grad_y); ``pairs`` are of numbers and the gradient by them."""
    cache = network.make_cache(len(x), ThreadPool(1))

    def loss():
        y = network.forward(x, cache)
        return float((y.astype(np.float64) * grad_y).sum())

    for values, gradient in pairs:
        found, expected = [], []
        for place in rng.permutation(values.size)[:25]:
            index = np.unravel_index(place, values.shape)
            before, changed = values[index], []
            for step in (-0.02, -0.01, 0.01, 0.02):
                values[index] = before + np.float32(step)
                changed.append((float(values[index]), loss()))
            values[index] = before
            (a, f), (b, g), (c, h), (d, i) = changed
            # The error of the wide difference is four times that of the narrow one.
            expected.append((4 * (h - g) / (c - b) - (i - f) / (d - a)) / 3)
            found.append(gradient[index])
        size = max(np.abs(gradient).max(), np.abs(grad_y).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=error * size)


@pytest.mark.parametrize("samples", [1, PARTS - 1, None])
def test_the_number_of_threads_changes_no_bit(case, samples, rng):
    network, x = ready(case, rng)
    x = x[:samples]
    grad_y = normal(rng, len(x), *case.layer.out_shape)
    results = [
        there_and_back(network, x, grad_y, threads, rng=np.random.default_rng(3))
        for threads in (1, 2, 3)
    ]
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_gradients_are_added_and_padding_stays_zero(case, rng):
    network, x = ready(case, rng)
    grad_y = normal(rng, case.samples, *case.layer.out_shape)
    _, once, _ = there_and_back(network, x, grad_y)
    cache, grads = network.make_cache(case.samples, ThreadPool(2)), network.zeros()
    for values in used(case, grads):
        values[:] = 1.0
    for _ in range(2):
        network.forward(x, cache)
        network.backward(cache, grad_y, grads, GradMode.ADD)
    for values, single in zip(used(case, grads), used(case, once), strict=True):
        assert_close(values, 1.0 + 2.0 * single.astype(np.float64))
        values[:] = 0.0
    assert not grads.any()


def test_a_gradient_replaces_another(case, rng):
    network, x = ready(case, rng)
    grad_y = normal(rng, case.samples, *case.layer.out_shape)
    _, once, _ = there_and_back(network, x, grad_y)
    cache, grads = network.make_cache(case.samples, ThreadPool(2)), network.zeros()
    for values in used(case, grads):
        values[:] = np.nan
    network.forward(x, cache)
    network.backward(cache, grad_y, grads)
    np.testing.assert_array_equal(grads, once)
    network.forward(x[:0], cache)
    network.backward(cache, grad_y[:0], grads)
    assert not grads.any()


def test_either_gradient_may_be_left_out(case, rng):
    network, x = ready(case, rng)
    grad_y = normal(rng, case.samples, *case.layer.out_shape)
    _, grads, grad_x = there_and_back(network, x, grad_y)
    cache = network.make_cache(case.samples, ThreadPool(2))

    network.forward(x, cache)
    alone = network.backward(cache, grad_y, to_input=True)
    np.testing.assert_array_equal(alone, grad_x)
    network.forward(x, cache)
    other = network.zeros()
    assert network.backward(cache, grad_y, other) is None
    np.testing.assert_array_equal(other, grads)
    network.forward(x, cache)
    assert network.backward(cache, grad_y) is None


def call_of(case, network, x):
    """Return a call of the layer, without the network around it, after the forward pass."""
    y, cache = aligned_zeros(len(x), *case.layer.out_shape), case.layer.make_cache(len(x))
    call = Call(network.parameters[: case.layer.size], None, x, y, cache, ThreadPool(2))
    case.layer.forward(call)
    return call


def test_a_layer_that_changes_its_own_parameters_takes_the_step_of_its_gradient(case, rng):
    network, x = ready(case, rng)
    grad_y = normal(rng, case.samples, *case.layer.out_shape)
    _, grads, grad_x = there_and_back(network, x, grad_y)
    expected = network.parameters - 0.25 * grads.astype(np.float64)
    params = network.parameters.copy()
    cache = network.make_cache(case.samples, ThreadPool(2))
    network.forward(x, cache)
    network.descend(cache, grad_y, [0.25])
    assert_close(network.parameters, expected)
    network.parameters[:] = params
    below = aligned_zeros(*grad_x.shape)
    call = call_of(case, network, x)
    case.layer.backward(call, grad_y.copy(), below, GradMode.DESCEND, -0.25)
    np.testing.assert_array_equal(below, grad_x)
    assert_close(network.parameters, expected)


def test_a_layer_without_parameters_needs_no_gradient_of_them(rng):
    layer = Dropout((3, 5), 0.4)
    x, grad_y, grad_x = rng.random((3, 2, 3, 5), dtype=np.float32)
    call = Call(np.zeros(0, np.float32), None, x, x.copy(), layer.make_cache(2), ThreadPool(1))
    layer.forward(call)
    layer.backward(call, grad_y, grad_x)
    np.testing.assert_array_equal(grad_x, grad_y)


@pytest.mark.parametrize("mode", [GradMode.WRITE, GradMode.ADD])
def test_the_gradient_is_multiplied_by_the_scale(case, mode, rng):
    network, x = ready(case, rng)
    grad_y = normal(rng, case.samples, *case.layer.out_shape)
    _, grads, _ = there_and_back(network, x, grad_y)
    call = call_of(case, network, x)
    call.grads = aligned_zeros(case.layer.size)
    for values in used(case, call.grads):
        values[:] = 1.0
    above = grad_y.copy()
    case.layer.backward(call, above, mode=mode, scale=0.25)
    np.testing.assert_array_equal(above, grad_y)
    before = 1.0 if mode is GradMode.ADD else 0.0
    for values, single in zip(used(case, call.grads), used(case, grads), strict=True):
        assert_close(values, before + 0.25 * single.astype(np.float64))


def test_a_gradient_without_a_place_is_refused(rng):
    case = dense((3,), 4)
    network, x = ready(case, rng)
    with pytest.raises(ValueError, match="no vector for the gradient"):
        case.layer.backward(call_of(case, network, x), normal(rng, case.samples, 4))


def test_a_smaller_batch_after_a_larger_one_is_as_if_it_were_alone(case, rng):
    network, x = ready(case, rng)
    larger = np.concatenate([x + 1, x, x])
    cache = network.make_cache(3 * case.samples, ThreadPool(2))
    there_and_back(network, larger, normal(rng, len(larger), *case.layer.out_shape), cache=cache)
    grad_y = normal(rng, case.samples, *case.layer.out_shape)
    again = there_and_back(network, x, grad_y, cache=cache)
    alone = there_and_back(network, x, grad_y)
    for one, other in zip(again, alone, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(cache.output) == case.samples


def test_initial_parameters_leave_padding_zero_and_biases_too(case, rng):
    chain = Network([case.layer]).init_params(rng)
    numbers = used(case, chain.parameters)
    if numbers:
        assert numbers[0].all()
        assert not numbers[1].any()
    for each in numbers:
        each[:] = 0.0
    assert not chain.parameters.any()


def mixed():
    """Every kind of layer, and their twins."""
    cases = [
        convolution((9, 8, 2), 11, 3, 2, **LEAKY),
        normalisation((5, 4, 11), activation="tanh"),
        Case(Dropout((5, 4, 11), 0.5), NaiveIdentity()),
        dense((5, 4, 11), 11, activation="softplus"),
        dense((11,), 3),
    ]
    return Network([case.layer for case in cases]), [case.twin for case in cases]


def test_a_network_equals_its_twins_one_after_the_other(rng):
    network, twins = mixed()
    network.init_params(rng)
    assert network.in_shape == (9, 8, 2)
    assert network.out_shape == (3,)
    x, grad_y = normal(rng, 6, 9, 8, 2), normal(rng, 6, 3)
    parts = []
    for index, layer in enumerate(network.layers):
        named = layer.named_params(network.part(network.parameters, index))
        for each in named.values():
            each += 0.1 * normal(rng, *each.shape)
        parts.append(doubles(named))
    values = [x.astype(np.float64)]
    for twin, part in zip(twins, parts, strict=True):
        values.append(twin.forward(part, values[-1]))
    below, expected = grad_y.astype(np.float64), {}
    for index in reversed(range(len(twins))):
        found, below = twins[index].backward(parts[index], values[index], below)
        expected |= {f"{index}.{name}": each for name, each in found.items()}

    y, grads, grad_x = there_and_back(network, x, grad_y)
    assert_close(y, values[-1])
    assert_close(grad_x, below, 2e-5)
    named = named_params(network, grads)
    assert named.keys() == expected.keys()
    for name, found in named.items():
        assert_close(found, expected[name], 2e-5)
        found[:] = 0.0
    assert not grads.any()


@pytest.mark.parametrize("samples", [1, 5, 40])
def test_a_network_that_trains_has_the_same_bits_for_any_number_of_threads(samples, rng):
    network, _ = mixed()
    network.init_params(rng)
    x, grad_y = normal(rng, samples, 9, 8, 2), normal(rng, samples, 3)
    results = [
        there_and_back(network, x, grad_y, threads, rng=np.random.default_rng(5))
        for threads in (1, 2, 3)
    ]
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_network_descends_with_a_rate_for_each_layer(rng):
    network, _ = mixed()
    network.init_params(rng)
    x, grad_y = normal(rng, 6, 9, 8, 2), normal(rng, 6, 3)
    _, grads, _ = there_and_back(network, x, grad_y)
    rates, expected = [0.3, 0.1, 7.0, 0.0, 0.02], network.parameters.astype(np.float64)
    for index, rate in enumerate(rates):
        network.part(expected, index)[:] -= rate * network.part(grads, index)
    results = []
    params = network.parameters.copy()
    for threads in (1, 2, 3):
        network.parameters[:] = params
        cache = network.make_cache(6, ThreadPool(threads))
        network.forward(x, cache)
        network.descend(cache, grad_y, rates)
        results.append(network.parameters.copy())
        np.testing.assert_array_equal(results[0], results[-1])
    assert_close(results[0], expected)
    with pytest.raises(ValueError, match="4 rates are not one for each of 5 layers"):
        network.descend(cache, grad_y, rates[1:])


def test_no_thread_changes_what_another_still_reads(rng):
    network = Network([Dense((300,), 400), Dense((400,), 30)]).init_params(rng)
    x, grad_y = normal(rng, 96, 300), normal(rng, 96, 30)
    first, results = network.parameters.copy(), []
    for threads in (1, 3):
        cache = network.make_cache(96, ThreadPool(threads))
        for _ in range(60):
            network.parameters[:] = first
            network.forward(x, cache)
            network.descend(cache, grad_y, [0.5, 0.5])
            results.append(network.parameters.copy())
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_normalisation_of_what_is_nearly_or_wholly_constant(rng):
    network = Network([BatchNorm((7, 3))]).init_params(rng)
    x = np.float32(1000) + np.float32(0.1) * normal(rng, 60, 7, 3)
    x[..., 2] = 1_234_567.0
    y = network.forward(x, network.make_cache(60, ThreadPool(2)))
    params = doubles(network.layers[0].named_params(network.parameters))
    expected = NaiveBatchNorm().sums(params, x.astype(np.float64))
    np.testing.assert_allclose(y, expected, atol=5e-3)
    assert y[..., 0].std() > 0.5


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="does not fit"):
        Network([Dense((3,), 4), Dense((5,), 1)])
    with pytest.raises(ValueError, match="does not fit"):
        Network([Conv2D((4, 4, 1), 3, 3, 1), Dense((4 * 4 * 3,), 1)])


def test_a_network_without_layers_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Network([])


def test_more_samples_than_the_cache_was_made_for_are_refused(rng):
    network = Network([Dense((3,), 4)]).init_params(rng)
    with pytest.raises(ValueError, match="3 samples are more than 2"):
        network.forward(normal(rng, 3, 3), network.make_cache(2, ThreadPool(1)))


def test_samples_of_another_shape_are_refused(rng):
    network = Network([Dense((3, 2), 4)]).init_params(rng)
    cache = network.make_cache(3, ThreadPool(1))
    for shape in ((2, 6), (2, 2, 3), (3, 2), (2, 3, 1)):
        with pytest.raises(ValueError, match="do not fit"):
            network.forward(normal(rng, *shape), cache)


def test_a_gradient_that_kernels_cannot_fill_is_refused(rng):
    network = Network([Dense((3,), 4)]).init_params(rng)
    x, grad_y = normal(rng, 2, 3), normal(rng, 2, 4)
    cache = network.make_cache(2, ThreadPool(1))
    network.forward(x, cache)
    size = network.parameters.size
    for grads in (aligned_zeros(size - 16), aligned_zeros(size + 1)[1:]):
        with pytest.raises(ValueError, match="zeros"):
            network.backward(cache, grad_y, grads)


def test_an_empty_batch_leaves_no_gradient(rng):
    network, _ = mixed()
    network.init_params(rng)
    x, grad_y = normal(rng, 0, 9, 8, 2), normal(rng, 0, 3)
    cache = network.make_cache(4, ThreadPool(2))
    y, grads, grad_x = there_and_back(network, x, grad_y, cache=cache)
    assert y.shape == (0, 3)
    assert grad_x.shape == (0, 9, 8, 2)
    assert not grads.any()


def test_dropout_keeps_a_share_and_the_mean(rng):
    chain, inputs = Network([Dropout((100, 10), 0.65)]), 1.0 + rng.random((50, 100, 10), np.float32)
    outputs, _, below = there_and_back(chain, inputs, np.full_like(inputs, 2.0), rng=rng)
    kept = outputs != 0.0
    # Five deviations of a share of 50,000.
    assert abs(kept.mean() - 0.65) < 5 * np.sqrt(0.65 * 0.35 / kept.size)
    assert abs(outputs.mean() / inputs.mean() - 1.0) < 0.02
    np.testing.assert_allclose(outputs[kept], inputs[kept] / np.float32(0.65), rtol=1e-6)
    np.testing.assert_allclose(below, np.where(kept, 2.0 / 0.65, 0.0), rtol=1e-6)


def test_dropout_draws_another_mask_each_time_and_none_without_a_generator(rng):
    chain, inputs = Network([Dropout((200,), 0.5)]), np.ones((3, 200), np.float32)
    cache = chain.make_cache(3, ThreadPool(1))
    first = chain.forward(inputs, cache, rng).copy()
    assert (first != chain.forward(inputs, cache, rng)).any()
    np.testing.assert_array_equal(chain.forward(inputs, cache), inputs)
    below = chain.backward(cache, inputs, to_input=True)
    np.testing.assert_array_equal(below, inputs)


@pytest.mark.parametrize("keep", [0.0, -0.1, 1.1, float("nan")])
def test_dropout_refuses_to_keep_what_is_no_share(keep):
    with pytest.raises(ValueError, match="keep_prob must be above 0"):
        Dropout((3,), keep)


def test_dropout_that_keeps_all_changes_nothing(rng):
    inputs = normal(rng, 3, 7)
    outputs, _, _ = there_and_back(Network([Dropout((7,), 1.0)]), inputs, inputs, rng=rng)
    np.testing.assert_array_equal(outputs, inputs)


def test_pooling_gives_the_gradient_to_the_first_largest_and_passes_on_what_is_no_number():
    inputs = np.zeros((1, 4, 2, 1), np.float32)
    inputs[0, 1:3, :, 0] = [[2.0, 2.0], [1.0, np.nan]]
    outputs, _, below = there_and_back(
        Network([MaxPool2D((4, 2, 1))]), inputs, np.full((1, 2, 1, 1), 3.0, np.float32)
    )
    np.testing.assert_array_equal(outputs.ravel(), [2.0, np.nan])
    np.testing.assert_array_equal(below[0, ..., 0], [[0, 0], [3, 0], [0, 3], [0, 0]])


def test_pooling_and_upsampling_refuse_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="at least 1, not 0"):
        MaxPool2D((4, 4, 1), 0)
    with pytest.raises(ValueError, match="factor must be at least 1, not 0"):
        UpSample2D((4, 4, 1), 4, 4, 0)
    for height, width in ((9, 6), (6, 6), (8, 7), (8, 4)):
        with pytest.raises(ValueError, match=f"4 x 3 values.*does not fill {height} x {width}"):
            UpSample2D((4, 3, 2), height, width)


def test_squares_of_pixels_that_do_not_fit_are_refused():
    for layer in (PixelShuffle, PixelUnshuffle):
        with pytest.raises(ValueError, match="factor must be at least 1, not 0"):
            layer((4, 4, 4), 0)
    with pytest.raises(ValueError, match="6 channels are not squares of 2 x 2"):
        PixelShuffle((4, 4, 6))
    for shape in ((4, 5, 1), (5, 4, 1)):
        with pytest.raises(ValueError, match="does not consist of squares of 2 x 2"):
            PixelUnshuffle(shape)


def drawn(layer, rng):
    return layer.named_params(Network([layer]).init_params(rng).parameters)["weight"]


def test_initial_weights_of_dense_layers_are_normal(rng):
    for std in (0.02, 0.5):
        weights = drawn(Dense((20, 10), 101, std=std), rng)
        assert weights.std() == pytest.approx(std, rel=0.03)
        assert abs(weights.mean()) < 0.03 * std
        assert 0.03 < (np.abs(weights) > 2 * std).mean() < 0.06  # of a normal, 4.6 %


def test_initial_weights_of_convolutions_are_normal_up_to_two_deviations(rng):
    for std in (0.02, 0.5):
        weights = drawn(Conv2D((8, 8, 7), 101, 5, 2, std=std), rng)
        largest = np.abs(weights).max() / std
        assert 1.99 < largest < 2.0001
        assert weights.std() == pytest.approx(0.87963 * std, rel=0.03)
        assert abs(weights.mean()) < 0.03 * std
        # Drawn again, not cut off: no heap at the end.
        assert (np.abs(weights) > 1.99 * std).mean() < 0.005


def test_initial_scales_are_about_one(rng):
    scales = drawn(BatchNorm((3, 1000)), rng)
    assert scales.mean() == pytest.approx(1.0, abs=0.005)
    assert scales.std() == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_cross_entropy_equals_the_naive_twin(spread, rng):
    logits, labels = spread * normal(rng, 40, 11), rng.integers(0, 11, 40)
    judged = cross_entropy(logits, labels)
    twins = [naive_cross_entropy(row, label) for row, label in zip(logits, labels, strict=True)]
    np.testing.assert_allclose(judged.losses, [loss for loss, _ in twins], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(judged.grad, [gradient for _, gradient in twins], atol=1e-7)
    likeliest = [max(range(11), key=row.__getitem__) for row in logits.tolist()]
    assert judged.accuracy == np.mean(labels == np.array(likeliest))
    assert judged.grad.dtype == np.float32


def test_cross_entropy_of_large_logits_is_exact():
    logits = np.array([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0], [1e4, 1e4, -1e4]], dtype=np.float32)
    judged = cross_entropy(logits, np.array([0, 1, 1]))
    np.testing.assert_allclose(judged.losses, [0.0, 2e4, np.log(2.0)], rtol=1e-12)
    gradient = [[0.0, 0.0, 0.0], [1.0, -1.0, 0.0], [0.5, -0.5, 0.0]]
    np.testing.assert_array_equal(judged.grad, np.array(gradient, dtype=np.float32))
    assert judged.accuracy == pytest.approx(1 / 3)


def test_the_gradient_of_cross_entropy_is_what_small_changes_make_of_it(rng):
    logits, labels = normal(rng, 4, 5), np.array([0, 4, 2, 2])
    gradient, step = cross_entropy(logits, labels).grad, np.float32(2.0**-8)
    for index in np.ndindex(4, 5):
        losses = []
        for sign in (-1, 1):
            changed = logits.astype(np.float64)
            changed[index] += sign * step
            losses.append(cross_entropy(changed, labels).losses.sum())
        assert gradient[index] == pytest.approx((losses[1] - losses[0]) / (2 * step), abs=2e-6)


def test_cross_entropy_of_nothing_is_nothing():
    judged = cross_entropy(np.empty((0, 3), np.float32), np.empty(0, np.int64))
    assert judged.losses.shape == (0,)
    assert judged.grad.shape == (0, 3)
    assert judged.accuracy == 0.0


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0], [0, 1, 2], [[0, 1]]])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ValueError, match="do not fit"):
        cross_entropy(np.zeros((2, 3), np.float32), np.array(labels))
