"""The core against its float64 twin, central differences, and itself."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.core.dense import ACTIVATIONS, LANES
from fit_image.core.network import Layer, Network, dense_stack
from naive import NaiveNetwork

# Widths around the kernels' groups of 4 rows and 16 columns, and one that fills neither.
STACKS = [(1,), (3,), (15, 16), (17, 4, 33), (8, 8, 8, 8)]


def make(hidden, rng, *, scale=1.0, slope=0.01, inputs=2, outputs=3):
    return Network(dense_stack(inputs, hidden, outputs, slope)).initialise(scale, rng)


def learn(network, inputs, targets, lr):
    loss = np.zeros(1)
    network.sgd_steps(network.layer_rates(lr), inputs, targets, loss, network.sgd_scratch())
    return loss[0]


def values(network):
    """All weights and biases without padding."""
    return np.concatenate(
        [
            rows[:, : layer.fan_in + 1].ravel()
            for layer, rows in zip(network.layers, network.rows(), strict=True)
        ]
    )


def samples(rng, count, inputs=2, outputs=3):
    return (
        rng.random((count, inputs), dtype=np.float32),
        rng.random((count, outputs), dtype=np.float32),
    )


@pytest.mark.parametrize("hidden", STACKS)
@pytest.mark.parametrize("slope", [0.01, 0.0, 0.3])
def test_per_sample_training_equals_the_naive_twin(hidden, slope, rng):
    network = make(hidden, rng, slope=slope)
    twin = NaiveNetwork.copy_of(network)
    inputs, targets = samples(rng, 300)
    before = values(network).copy()

    loss = learn(network, inputs, targets, lr=0.1)
    twin_loss = sum(twin.learn(x, t, 0.1) for x, t in zip(inputs, targets, strict=True))

    expected = values_of_twin(twin)
    assert np.abs(expected - before).max() > 0.05  # there was something to learn
    np.testing.assert_allclose(values(network), expected, atol=2e-5)
    assert loss == pytest.approx(twin_loss, rel=1e-5)


def values_of_twin(twin):
    return np.concatenate(
        [
            np.column_stack((weights, biases)).ravel()
            for weights, biases in zip(twin.weights, twin.biases, strict=True)
        ]
    )


@pytest.mark.parametrize("hidden", STACKS)
def test_predict_equals_the_naive_twin(hidden, rng):
    network = make(hidden, rng)
    twin = NaiveNetwork.copy_of(network)
    inputs, _ = samples(rng, 20)
    expected = [twin.predict(x) for x in inputs]
    np.testing.assert_allclose(network.predict(inputs), expected, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("slope", [0.01, 0.5])
def test_gradients_equal_central_differences(activation, slope, rng):
    layers = [
        Layer(3, 5, activation, slope),
        Layer(5, 6, activation, slope),
        Layer(6, 2, "identity"),
    ]
    network = Network(layers).initialise(2.0, rng)
    # Wide of every kink, so that a step of the difference does not cross one.
    inputs = rng.random((7, 3), dtype=np.float32)
    targets = rng.random((7, 2), dtype=np.float32)
    trace = network.forward(inputs)
    assert min(np.abs(sums).min() for sums in trace.sums) > 1e-3
    gradient, input_gradient = network.backward(trace, trace.output - targets)

    twin = NaiveNetwork.copy_of(network)

    def loss(x):
        return sum(
            0.5 * sum((o - float(t)) ** 2 for o, t in zip(twin.predict(row), target, strict=True))
            for row, target in zip(x, targets, strict=True)
        )

    step = 1e-5
    for index, (layer, rows) in enumerate(zip(network.layers, network.rows(gradient), strict=True)):
        for i in range(layer.fan_out):
            for holder, key, found in [
                *((twin.weights[index][i], j, rows[i, j]) for j in range(layer.fan_in)),
                (twin.biases[index], i, rows[i, layer.fan_in]),
            ]:
                kept = holder[key]
                holder[key] = kept + step
                above = loss(inputs)
                holder[key] = kept - step
                below = loss(inputs)
                holder[key] = kept
                assert found == pytest.approx((above - below) / (2 * step), rel=1e-3, abs=1e-4)
        assert not rows[:, layer.fan_in + 1 :].any()  # padding never moves

    for sample in range(7):
        for j in range(3):
            shifted = inputs.astype(np.float64)
            shifted[sample, j] += step
            above = loss(shifted)
            shifted[sample, j] -= 2 * step
            numeric = (above - loss(shifted)) / (2 * step)
            assert input_gradient[sample, j] == pytest.approx(numeric, rel=1e-3, abs=1e-4)


def test_training_does_not_depend_on_how_it_is_cut(rng):
    whole, cut = make((20, 20), rng), None
    cut = Network(whole.layers)
    cut.parameters[:] = whole.parameters
    inputs, targets = samples(rng, 100)
    whole_loss, cut_loss = np.zeros(1), np.zeros(1)
    rates = whole.layer_rates(0.1)
    whole.sgd_steps(rates, inputs, targets, whole_loss, whole.sgd_scratch())
    scratch = cut.sgd_scratch()
    for start, stop in [(0, 1), (1, 1), (1, 40), (40, 100)]:
        cut.sgd_steps(rates, inputs[start:stop], targets[start:stop], cut_loss, scratch)
    assert cut.parameters.tobytes() == whole.parameters.tobytes()
    assert cut_loss[0] == whole_loss[0]


def test_padding_stays_zero_in_training(rng):
    network = make((5, 7), rng)
    inputs, targets = samples(rng, 50)
    learn(network, inputs, targets, 0.1)
    for layer, rows in zip(network.layers, network.rows(), strict=True):
        assert layer.stride % LANES == 0
        assert not rows[:, layer.fan_in + 1 :].any()


def test_learning_rate_and_scale_of_a_layer_divide_by_the_root_of_fan_in(rng):
    network = make((300,), rng, scale=0.3)
    deviation = values(network)[900:].std()
    assert deviation == pytest.approx(0.3 / np.sqrt(301), rel=0.1)
    np.testing.assert_allclose(network.layer_rates(0.1), 0.1 / np.sqrt([3, 301]), rtol=1e-6)


def test_predict_does_not_depend_on_the_number_of_threads(rng):
    network = make((40, 40), rng)
    inputs, _ = samples(rng, 30_000)
    one = network.predict(inputs, threads=1)
    assert one.tobytes() == network.predict(inputs, threads=3).tobytes()


def test_predict_of_nothing_is_nothing(rng):
    assert make((4,), rng).predict(np.empty((0, 2))).shape == (0, 3)


def test_nan_is_not_optimised_away(rng):
    network = make((4,), rng)
    inputs, targets = samples(rng, 2)
    targets[0, 0] = np.nan
    assert np.isnan(learn(network, inputs, targets, 0.1))


@pytest.mark.parametrize("shape", [(3, 3), (3,), (3, 1)])
def test_inputs_of_another_shape_are_refused(shape, rng):
    with pytest.raises(ValueError, match="shape"):
        make((4,), rng).predict(np.zeros(shape))


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Network([Layer(2, 4, "identity"), Layer(5, 3, "identity")])


def test_samples_that_do_not_fit_are_refused(rng):
    inputs, targets = samples(rng, 4)
    with pytest.raises(ValueError, match="do not fit"):
        learn(make((4,), rng), inputs, targets[:3], 0.1)
