"""Exponential moving averages of parameters."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from fit_image.nn.optimizers.ema import EMA


@pytest.mark.parametrize("limited", [False, True])
def test_an_average_equals_its_definition(limited, rng):
    ema, expected = EMA(0.9), None
    for step in range(200):
        params = rng.standard_normal(50, dtype=np.float32)
        decay = min(0.9, (1 + step) / (10 + step)) if limited else 0.9
        before = params if expected is None else expected
        expected = decay * before.astype(np.float64) + (1 - decay) * params
        ema.update(params, step if limited else None)
        np.testing.assert_allclose(ema.average, expected, rtol=0, atol=1e-6)


def test_parameters_are_their_average_inside_the_block_only():
    ema, params = EMA(0.5), np.array([1.0, 3.0], dtype=np.float32)
    with ema.applied(params):
        assert params.tolist() == [1.0, 3.0]  # nothing is averaged yet
    ema.update(np.zeros(2, dtype=np.float32))
    with ema.applied(params):
        assert params.tolist() == [0.0, 0.0]
    assert params.tolist() == [1.0, 3.0]


def test_parameters_come_back_after_an_error():
    ema, params = EMA(0.5), np.array([1.0, 3.0], dtype=np.float32)
    ema.update(np.zeros(2, dtype=np.float32))
    with contextlib.suppress(ValueError), ema.applied(params):
        raise ValueError
    assert params.tolist() == [1.0, 3.0]
