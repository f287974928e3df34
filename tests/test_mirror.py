"""Mirrors: chains whose second half has the weights of the first."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.layer import Workers
from fit_image.nn.layers.tied_dense import TiedDense
from fit_image.nn.network import Network
from naive_stages import NaiveMirror, NaiveMirrored
from test_stages import assert_close, normal, there_and_back

# Shape of a sample, units of the two dense stages.
SHAPES = [((7,), 5, 3), ((4, 5, 3), 40, 11), ((32,), 16, 48), ((3, 3), 70, 1)]


def tied(shape, first, second):
    """Dense, dense, mirror, mirror; and the twins."""
    dense = Dense(shape, first, "tanh", mirrored=True)
    inner = Dense((first,), second, "softplus", mirrored=True)
    stages = [dense, inner, TiedDense(inner, "sigmoid"), TiedDense(dense, "scaled-tanh")]
    outer_twin = NaiveMirrored(first, int(np.prod(shape)), activation="tanh")
    inner_twin = NaiveMirrored(second, first, activation="softplus")
    mirrors = [
        NaiveMirror(inner_twin, (first,), activation="sigmoid"),
        NaiveMirror(outer_twin, shape, activation="scaled-tanh"),
    ]
    return Network(stages), [outer_twin, inner_twin, *mirrors]


@pytest.fixture(params=SHAPES, ids=str)
def pair(request, rng):
    """A chain with parameters, none of them zero, and its twins."""
    chain, twins = tied(*request.param)
    for index in range(2):
        for numbers in twins[index].split(chain.part(chain.parameters, index)):
            numbers[:] = 0.3 * normal(rng, *numbers.shape)
    return chain, twins


def batch(chain, rng, samples=5):
    return normal(rng, samples, *chain.inputs), normal(rng, samples, *chain.outputs)


def test_tied_weights_equal_the_naive_twins_and_their_gradients_add_up(pair, rng):
    chain, twins = pair
    inputs, by_outputs = batch(chain, rng)
    parts = [
        [each.astype(np.float64) for each in twin.split(chain.part(chain.parameters, index))]
        for index, twin in enumerate(twins)
    ]
    values = [inputs.astype(np.float64)]
    for twin, part in zip(twins, parts, strict=True):
        values.append(twin.forward(part, values[-1]))
    upstream, expected = by_outputs.astype(np.float64), {}
    for index in (3, 2, 1, 0):
        found, upstream = twins[index].backward(parts[index], values[index], upstream)
        expected[index] = found
    outputs, gradient, below = there_and_back(chain, inputs, by_outputs)
    assert_close(outputs, values[-1])
    assert_close(below, upstream, 1e-5)
    for index in range(2):
        found = twins[index].split(chain.part(gradient, index))
        for numbers, one, other in zip(found, expected[index], expected[3 - index], strict=True):
            assert_close(numbers, one + other, 1e-5)
            numbers[:] = 0.0
    assert not gradient.any()  # nothing was added to the padding


def test_the_gradient_of_tied_weights_is_what_small_changes_make_of_the_loss(pair, rng):
    chain, twins = pair
    inputs, by_outputs = batch(chain, rng)
    _, gradient, below = there_and_back(chain, inputs, by_outputs)
    passage, workers = chain.passage(len(inputs)), Workers(1)

    def loss():
        outputs = chain.forward(inputs, passage, workers)
        return float((outputs.astype(np.float64) * by_outputs).sum())

    pairs = [(inputs, below)]
    for index in range(2):
        parts = (chain.part(vector, index) for vector in (chain.parameters, gradient))
        pairs += zip(*(twins[index].split(part) for part in parts), strict=True)
    for numbers, derivatives in pairs:
        found, expected = [], []
        for place in rng.permutation(numbers.size)[:25]:
            spot = np.unravel_index(place, numbers.shape)
            before, changed = numbers[spot], []
            for step in (-0.02, -0.01, 0.01, 0.02):
                numbers[spot] = before + np.float32(step)
                changed.append((float(numbers[spot]), loss()))
            numbers[spot] = before
            (a, f), (b, g), (c, h), (d, i) = changed
            # The error of the wide difference is four times that of the narrow one.
            expected.append((4 * (h - g) / (c - b) - (i - f) / (d - a)) / 3)
            found.append(derivatives[spot])
        size = max(np.abs(derivatives).max(), np.abs(by_outputs).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=3e-4 * size)


@pytest.mark.parametrize("samples", [0, 1, 5, 203])
def test_the_number_of_threads_changes_no_bit_of_tied_weights(pair, samples, rng):
    chain, _ = pair
    inputs, by_outputs = batch(chain, rng, samples)
    results = [there_and_back(chain, inputs, by_outputs, threads) for threads in (1, 2, 3)]
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_either_gradient_of_tied_weights_may_be_left_out_and_batches_be_smaller(pair, rng):
    chain, _ = pair
    inputs, by_outputs = batch(chain, rng)
    outputs, gradient, below = there_and_back(chain, inputs, by_outputs)
    passage, workers = chain.passage(15), Workers(2)
    there_and_back(chain, *batch(chain, rng, 15), passage=passage)
    np.testing.assert_array_equal(chain.forward(inputs, passage, workers), outputs)
    alone = chain.backward(passage, by_outputs, workers, to_inputs=True)
    np.testing.assert_array_equal(alone, below)
    chain.forward(inputs, passage, workers)
    other = chain.zeros()
    assert chain.backward(passage, by_outputs, workers, other) is None
    np.testing.assert_array_equal(other, gradient)
    chain.forward(inputs, passage, workers)
    chain.backward(passage, by_outputs, workers, other, add=False)
    np.testing.assert_array_equal(other, gradient)


def test_tied_weights_are_counted_and_kept_once(rng):
    chain, twins = tied((4, 5, 3), 40, 11)
    assert chain.parameter_count == 60 * 40 + 40 + 60 + 40 * 11 + 11 + 40
    assert chain.parameters.size == 61 * 48 + 64 + 41 * 16 + 48
    assert chain.part(chain.parameters, 3).base is chain.part(chain.parameters, 0).base
    chain.initialise(rng)
    for index in range(4):
        weights, *biases = twins[index].split(chain.part(chain.parameters, index))
        assert weights.all()
        assert not any(each.any() for each in biases)


def test_mirrors_of_other_stages_are_refused():
    dense = Dense((3,), 4, mirrored=True)
    with pytest.raises(ValueError, match="mirrored=True"):
        TiedDense(Dense((3,), 4))
    with pytest.raises(ValueError, match="earlier stage"):
        Network([TiedDense(dense), dense])
    with pytest.raises(ValueError, match="earlier stage"):
        Network([Dense((3,), 4, mirrored=True), TiedDense(dense)])


def test_tied_weights_cannot_descend_stage_by_stage(pair, rng):
    chain, _ = pair
    inputs, by_outputs = batch(chain, rng)
    passage, workers = chain.passage(len(inputs)), Workers(1)
    chain.forward(inputs, passage, workers)
    with pytest.raises(ValueError, match="share parameters"):
        chain.descend(passage, by_outputs, workers, [0.1] * 4)
