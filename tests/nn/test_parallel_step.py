"""Steps of optimizers that threads share."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.nn.optimizers.base import Step
from fit_image.nn.optimizers.registry import OPTIMIZERS
from fit_image.nn.runtime.threads import ThreadPool


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("size", [1000, 300_007])
def test_a_step_has_the_same_bits_for_any_number_of_threads(name, size, rng):
    # A span that is left out, and one too short for every thread to have a line of it.
    spans = np.array([[0, size // 3], [size // 3 + 5, size - 20], [size - 20, size]])
    rates = np.array([0.1, 0.01, 0.3], dtype=np.float32)
    start = rng.standard_normal(size, dtype=np.float32)
    gradients = rng.standard_normal((3, size), dtype=np.float32)

    def steps(advance):
        optimizer, parameters = OPTIMIZERS[name](size), start.copy()
        for gradient in gradients:
            advance(optimizer, parameters, gradient)
        return parameters, optimizer

    def alone(optimizer, parameters, gradient):
        optimizer.steps += 1
        optimizer.update(parameters, gradient, Step(spans, rates, np.float32(0.5), optimizer.steps))

    expected, single = steps(alone)
    assert (expected != start).sum() >= 0.99 * (size - 5)
    for threads in (1, 2, 3):
        pool = ThreadPool(threads)
        found, optimizer = steps(
            lambda optimizer, *vectors, pool=pool: optimizer.parallel_step(
                *vectors, spans, rates, 0.5, pool
            )
        )
        np.testing.assert_array_equal(found, expected)
        assert optimizer.steps == 3
        for key, state in optimizer.state.items():
            np.testing.assert_array_equal(state, single.state[key])
