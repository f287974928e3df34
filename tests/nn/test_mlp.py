"""The core against its float64 twin, central differences, and itself."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.config.registry import OUTPUT_ACTIVATIONS
from fit_image.nn.mlp.layer_spec import LayerSpec, dense_stack
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.mlp.predictor import Predictor
from naive import ALL_ACTIVATIONS, NaiveNetwork, values
from passes import passes

# Widths around the kernels' groups of 4 rows and 16 columns, and one that fills neither.
STACKS = [(1,), (3,), (15, 16), (17, 4, 33), (8, 8, 8, 8)]


def make(hidden, rng, *, scale=1.0, slope=0.01, inputs=2, outputs=3):
    return MLP(dense_stack(inputs, hidden, outputs, slope)).draw_params(scale, rng)


def samples(rng, count, inputs=2, outputs=3):
    return (
        rng.random((count, inputs), dtype=np.float32),
        rng.random((count, outputs), dtype=np.float32),
    )


@pytest.mark.parametrize("hidden", STACKS)
def test_predict_equals_the_naive_twin(hidden, rng):
    network = make(hidden, rng)
    twin = NaiveNetwork.copy_of(network)
    inputs, _ = samples(rng, 20)
    expected = [twin.predict(x) for x in inputs]
    np.testing.assert_allclose(network.predict(inputs), expected, atol=1e-5)


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS)
@pytest.mark.parametrize("constants", [(0.01, 3.0, 1.0), (0.5, 1.0, 0.7)])
@pytest.mark.parametrize("output", OUTPUT_ACTIVATIONS)
def test_gradients_equal_central_differences(activation, constants, output, rng):
    layers = [
        LayerSpec(3, 5, activation, *constants),
        LayerSpec(5, 6, activation, *constants),
        LayerSpec(6, 2, output),
    ]
    check_gradients(MLP(layers).draw_params(1.0, rng, "classic"), rng)


def check_gradients(network, rng):
    """Compare the gradients of a network of 3 inputs and 2 outputs with differences of its twin."""
    inputs = rng.random((7, 3), dtype=np.float32)
    targets = rng.random((7, 2), dtype=np.float32)
    _, gradient, input_gradient = passes(network, inputs, lambda outputs: outputs - targets)

    twin = NaiveNetwork.copy_of(network)
    # Wide of every kink, so that a step of the difference does not cross one.
    sums = [s for x in inputs for layer in twin.forward(x)[1] for s in layer]
    assert np.abs(sums).min() > 1e-4

    def loss(x):
        return sum(
            0.5 * sum((o - float(t)) ** 2 for o, t in zip(twin.predict(row), target, strict=True))
            for row, target in zip(x, targets, strict=True)
        )

    step = 1e-5
    for index, (weights, biases) in enumerate(network.weights(gradient)):
        for i in range(len(biases)):
            for holder, key, found in [
                *((twin.weights[index][i], j, weights[i, j]) for j in range(weights.shape[1])),
                (twin.biases[index], i, biases[i]),
            ]:
                kept = holder[key]
                holder[key] = kept + step
                above = loss(inputs)
                holder[key] = kept - step
                below = loss(inputs)
                holder[key] = kept
                assert found == pytest.approx((above - below) / (2 * step), rel=1e-3, abs=1e-4)

    assert np.count_nonzero(gradient) <= network.num_params  # none in the padding

    for sample in range(7):
        for j in range(3):
            shifted = inputs.astype(np.float64)
            shifted[sample, j] += step
            above = loss(shifted)
            shifted[sample, j] -= 2 * step
            numeric = (above - loss(shifted)) / (2 * step)
            assert input_gradient[sample, j] == pytest.approx(numeric, rel=1e-3, abs=1e-4)


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


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("widths", [(4, 4), (70, 30, 70)])
def test_a_predictor_serves_again_and_again_and_tells_of_every_sample(rng, widths, threads):
    network = make(widths, rng)
    inputs, _ = samples(rng, 50_000)
    expected = network.predict(inputs, threads=1)
    predictor, seen = Predictor(network, len(inputs), threads), np.zeros(len(inputs), np.int64)

    def note(first, outputs):
        seen[first : first + len(outputs)] += 1
        outputs[:] = -outputs

    for start, stop in ((0, 31_111), (31_111, 31_112), (31_112, 50_000)):
        output = np.empty((stop - start, 3), np.float32)
        seen[:] = 0
        predictor.predict(inputs[start:stop], output, note)
        assert seen.tolist() == [1] * (stop - start) + [0] * (len(inputs) - stop + start)
        assert (-output).tobytes() == expected[start:stop].tobytes()


def test_inputs_may_be_read_only(rng):
    network, (inputs, _) = make((40,), rng), samples(rng, 5)
    expected = network.predict(inputs)
    inputs.flags.writeable = False
    assert network.predict(inputs).tobytes() == expected.tobytes()


def test_predict_of_nothing_is_nothing(rng):
    assert make((4,), rng).predict(np.empty((0, 2))).shape == (0, 3)


@pytest.mark.parametrize("shape", [(3, 3), (3,), (3, 1)])
def test_inputs_of_another_shape_are_refused(shape, rng):
    with pytest.raises(ValueError, match="shape"):
        make((4,), rng).predict(np.zeros(shape))


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="does not fit"):
        MLP([LayerSpec(2, 4, "identity"), LayerSpec(5, 3, "identity")])
