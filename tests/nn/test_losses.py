"""Losses against their float64 twins, central differences, and in every way to learn."""

from __future__ import annotations

import numpy as np
import pytest
from test_minibatch import learn_all, teach
from test_per_sample_sgd import learn, make, ones, samples

from fit_image.config import registry
from fit_image.nn.losses import LOSSES, error_gradient, error_loss, mean_squared_error
from fit_image.nn.runtime.jit import kernel
from naive import NAIVE_LOSSES, NaiveNetwork, NaiveSGD, values

# Both sides of every kink and not on one; errors of colours, and far beyond.
ERRORS = np.array([-7, -0.9, -0.101, -0.099, -0.03, -1e-4, 1e-4, 0.03, 0.099, 0.101, 0.9, 7])


@kernel
def _apply(errors, code, losses, gradients):
    for i in range(errors.size):
        losses[i] = error_loss(errors[i], code)
        gradients[i] = error_gradient(errors[i], code)


def apply(name, errors):
    """Return losses (float64) and gradients (float32) of errors as float32 numbers."""
    losses, gradients = np.zeros(len(errors)), np.zeros(len(errors), dtype=np.float32)
    _apply(np.asarray(errors, dtype=np.float32), LOSSES[name], losses, gradients)
    return losses, gradients


@pytest.mark.parametrize("shape", [(1, 1), (3, 5, 7), (11, 4096)])
def test_the_mean_squared_error_and_its_derivative(shape, rng):
    outputs, targets = rng.standard_normal((2, *shape)).astype(np.float32)
    grad = np.full(shape, np.nan, dtype=np.float32)
    found = mean_squared_error(outputs, targets, grad)
    errors = outputs.astype(np.float64) - targets
    np.testing.assert_allclose(found, np.square(errors).mean(), rtol=1e-6)
    np.testing.assert_allclose(grad, 2 * errors / errors.size, rtol=1e-5, atol=1e-7)
    outputs.flat[-1] = np.nan
    assert np.isnan(mean_squared_error(outputs, targets, grad))


def test_every_loss_is_offered_and_has_a_twin():
    assert list(LOSSES) == list(registry.LOSSES) == list(NAIVE_LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_equals_its_naive_twin(name):
    losses, gradients = apply(name, ERRORS)
    loss, gradient = NAIVE_LOSSES[name]
    np.testing.assert_allclose(losses, [loss(e) for e in ERRORS], rtol=1e-6)
    np.testing.assert_allclose(gradients, [gradient(e) for e in ERRORS], rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_equal_central_differences(name):
    step = np.abs(ERRORS) * 1e-3
    (above, _), (below, _) = apply(name, ERRORS + step), apply(name, ERRORS - step)
    difference = (above - below) / (
        (ERRORS + step).astype(np.float32) - (ERRORS - step).astype(np.float32)
    )
    np.testing.assert_allclose(apply(name, ERRORS)[1], difference, rtol=2e-3)


@pytest.mark.parametrize("name", LOSSES)
def test_no_error_is_no_loss_and_nan_stays_nan(name):
    losses, gradients = apply(name, [0.0, np.nan])
    assert (losses[0], gradients[0]) == (0, 0)
    assert np.isnan(losses[1])


@pytest.mark.parametrize("name", LOSSES)
def test_training_by_samples_equals_the_naive_twin(name, rng):
    network = make((17, 4), rng)
    twin = NaiveNetwork.copy_of(network)
    inputs, targets = samples(rng, 100)
    weights, factors = rng.random((2, 100), dtype=np.float32)
    before = values(network)
    loss = learn(network, inputs, targets, weights, factors=factors, loss=name)
    twin_loss = sum(
        twin.learn(x, t, 0.1, weight=weight, factor=factor, loss=name)
        for x, t, weight, factor in zip(inputs, targets, weights, factors, strict=True)
    )
    assert np.abs(twin.values() - before).max() > 0.02
    np.testing.assert_allclose(values(network), twin.values(), atol=2e-5)
    assert loss == pytest.approx(twin_loss, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_training_by_batches_equals_the_naive_twin(name, rng):
    network = make((17, 4), rng)
    twin = NaiveNetwork.copy_of(network)
    inputs, targets = samples(rng, 75)
    weights, factors = rng.random((2, 75), dtype=np.float32)
    before = values(network)
    learner = teach(network, "sgd", 10, loss=name)
    loss = learn_all(learner, inputs, targets, weights=weights, factors=factors)
    twin_loss = sum(
        twin.learn_batch(
            inputs[part],
            targets[part],
            0.2,
            NaiveSGD(),
            weights=weights[part],
            factors=factors[part],
            loss=name,
        )
        for part in (slice(i, i + 10) for i in range(0, 75, 10))  # the last batch is one of 5
    )
    assert np.abs(twin.values() - before).max() > 0.01
    np.testing.assert_allclose(values(network), twin.values(), atol=2e-5)
    assert loss == pytest.approx(twin_loss, rel=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_weights_and_factors_of_one_change_nothing(threads, rng):
    inputs, targets = samples(rng, 60)
    first = make((120,), rng)
    results = []
    for options in ({}, {"weights": ones(inputs), "factors": ones(inputs)}):
        network = make((120,), rng)
        network.parameters[:] = first.parameters
        loss = learn(network, inputs, targets, threads=threads, **options)
        results.append((network.parameters.tobytes(), loss))
    assert results[0] == results[1]
