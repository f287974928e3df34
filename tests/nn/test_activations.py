"""Activations against float64, and the functions they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.config import registry
from fit_image.nn.activations import ACTIVATIONS, activate, differentiate
from fit_image.nn.initializers import INITS
from fit_image.nn.kernels import vector_math
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.runtime.arrays import Matrix, aligned_zeros
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.simd import WIDTH, load, store
from naive import ALL_ACTIVATIONS, NAIVE_ACTIVATIONS


@kernel
def _sine(x, y):
    for i in range(x.size):
        y[i] = vector_math.sine(x[i])


@kernel
def _cosine(x, y):
    for i in range(x.size):
        y[i] = vector_math.cosine(x[i])


@kernel
def _logarithm(x, y):
    for i in range(x.size):
        y[i] = vector_math.logarithm(x[i])


@kernel
def _exponential(x, y):
    for i in range(x.size):
        y[i] = vector_math.exponential(x[i])


@kernel
def _log_one_plus(x, y):
    for i in range(x.size):
        y[i] = vector_math.log_one_plus(x[i])


@kernel
def _hyperbolic_tangent(x, y):
    for i in range(x.size):
        y[i] = vector_math.hyperbolic_tangent(x[i])


@kernel
def _in_vectors(memory):
    for i in range(0, memory.size, WIDTH):
        store(memory, i, vector_math.hyperbolic_tangents(load(memory, i)))


def _hyperbolic_tangents(x, y):
    memory = aligned_zeros(-(-x.size // WIDTH) * WIDTH)
    memory[: x.size] = x
    _in_vectors(memory)
    y[:] = memory[: x.size]


TANH_FUNCTIONS = [_hyperbolic_tangent, _hyperbolic_tangents]


@kernel
def _activate(memory, rows, count, code, constants):
    size = rows * count
    sums, values = Matrix(memory, 0, count, 1), Matrix(memory, size, count, 1)
    activate(sums, values, rows, count, code, constants)
    differentiate(sums, rows, count, code, constants)


def applied(function, x):
    x = np.asarray(x, dtype=np.float32)
    y = np.empty_like(x)
    function(x, y)
    return y


# A function, what it should be, the largest argument, and the largest error for a value of 1.
FUNCTIONS = [
    (_sine, np.sin, -1.0, 1.0, 1e-7),
    (_sine, np.sin, -300.0, 300.0, 2e-7),
    (_sine, np.sin, -10_000.0, 10_000.0, 2e-7),
    (_cosine, np.cos, -1.0, 1.0, 2e-7),
    (_cosine, np.cos, -300.0, 300.0, 2e-7),
    (_cosine, np.cos, -10_000.0, 10_000.0, 2e-7),
    (_exponential, np.exp, -1.0, 1.0, 2e-7),
    (_exponential, np.exp, -87.0, 88.0, 2e-7),
    (_log_one_plus, np.log1p, 0.0, 1.0, 1e-7),
    (_logarithm, np.log, 1e-3, 1.0, 2e-7),
    (_logarithm, np.log, 1.0, 1e9, 2e-7),
    *[(each, np.tanh, -1.0, 1.0, 2e-7) for each in TANH_FUNCTIONS],
    *[(each, np.tanh, -20.0, 20.0, 3e-7) for each in TANH_FUNCTIONS],
]


@pytest.mark.parametrize(("function", "exact", "least", "most", "error"), FUNCTIONS)
def test_functions_are_good_to_seven_digits(function, exact, least, most, error, rng):
    x = rng.uniform(least, most, 100_003).astype(np.float32)
    expected = exact(x.astype(np.float64))
    found = applied(function, x)
    assert (np.abs(found - expected) <= error * np.maximum(np.abs(expected), 1.0)).all()


def test_multiples_of_a_quarter_turn_are_exact_enough():
    x = (np.arange(-2000, 2000) * (np.pi / 2)).astype(np.float32)
    np.testing.assert_allclose(applied(_sine, x), np.sin(x.astype(np.float64)), atol=2e-7)
    np.testing.assert_allclose(applied(_cosine, x), np.cos(x.astype(np.float64)), atol=2e-7)


@pytest.mark.parametrize("function", [_sine, _cosine])
def test_waves_of_what_is_not_finite_are_nan(function):
    assert np.isnan(applied(function, [np.nan, np.inf, -np.inf])).all()


def test_the_exponential_of_what_is_too_large_or_small_stays_a_number():
    found = applied(_exponential, [-np.inf, -200.0, 200.0, np.inf])
    assert (found[:2] < 2e-38).all()
    assert (found[2:] > 2e38).all()
    assert np.isnan(applied(_exponential, [np.nan])).all()


def test_the_logarithm_of_what_is_not_positive_is_that_of_python():
    found = applied(_logarithm, [-1.0, 0.0, np.inf, np.nan, 1.0])
    np.testing.assert_array_equal(found, np.float32([np.nan, -np.inf, np.inf, np.nan, 0.0]))


@pytest.mark.parametrize("function", TANH_FUNCTIONS)
def test_tanh_is_wrong_by_a_small_share_even_of_a_small_value(function, rng):
    sizes = np.concatenate([10.0 ** rng.uniform(-30, 2, 50_000), rng.uniform(0, 9, 50_003)])
    x = (sizes * rng.choice([-1.0, 1.0], sizes.size)).astype(np.float32)
    expected = np.tanh(x.astype(np.float64))
    found = applied(function, x)
    assert (np.abs(found - expected) <= 3e-7 * np.abs(expected)).all()
    assert (applied(function, [0.0]) == 0.0).all()


@pytest.mark.parametrize("function", TANH_FUNCTIONS)
def test_tanh_of_infinity_is_one_and_of_nan_is_nan(function):
    found = applied(function, [-np.inf, -1e30, 1e30, np.inf])
    np.testing.assert_allclose(found, [-1.0, -1.0, 1.0, 1.0], rtol=3e-7)
    assert np.isnan(applied(function, [np.nan])).all()


def rows_of(name, sums, layer):
    """Return f(s) and f'(s) of rows of sums."""
    memory = np.zeros(2 * sums.size, dtype=np.float32)
    memory[: sums.size] = sums.ravel()
    constants = tuple(np.float32(each) for each in (layer.slope, layer.omega, layer.scale))
    _activate(memory, *sums.shape, ACTIVATIONS[name].code, constants)
    return memory[sums.size :].reshape(sums.shape), memory[: sums.size].reshape(sums.shape)


def test_the_tables_of_activations_agree():
    assert list(ACTIVATIONS) == list(registry.ACTIVATIONS) == list(NAIVE_ACTIVATIONS)
    codes = {activation.code for activation in ACTIVATIONS.values()}
    assert len(codes) == len(ACTIVATIONS)
    assert ACTIVATIONS["leaky-relu"].code == 0
    assert {activation.init for activation in ACTIVATIONS.values()} <= set(INITS)


@pytest.mark.parametrize("name", ALL_ACTIVATIONS)
@pytest.mark.parametrize("constants", [(0.01, 1.0, 1.0), (0.3, 5.0, 2.5)])
def test_an_activation_and_its_derivative_equal_the_naive_twin(name, constants, rng):
    layer = LayerSpec(1, 1, name, *constants)
    sums = rng.uniform(-4.0, 4.0, (3, 501)).astype(np.float32)  # and not a multiple of a vector
    f, df = ALL_ACTIVATIONS[name]
    values, derivatives = rows_of(name, sums, layer)
    # Of sums near 4, an angle of omega (|s| + 1) s is known to 1e-5 in float32.
    np.testing.assert_allclose(values, np.vectorize(f)(sums.astype(float), layer), atol=2e-5)
    exact = np.vectorize(df)(sums.astype(float), layer)
    np.testing.assert_allclose(derivatives, exact, atol=2e-5 * max(np.abs(exact).max(), 1.0))


@pytest.mark.parametrize("name", ALL_ACTIVATIONS)
def test_an_activation_of_large_sums_is_finite_and_of_nan_is_nan(name):
    sums = np.array([[-90.0, -30.0, 0.0, 30.0, 90.0]], dtype=np.float32)
    values, derivatives = rows_of(name, sums, LayerSpec(1, 1, name))
    assert np.isfinite(values).all()
    assert np.isfinite(derivatives).all()
    values, _ = rows_of(name, np.full((1, 19), np.nan, dtype=np.float32), LayerSpec(1, 1, name))
    assert np.isnan(values).all()


@pytest.mark.parametrize("name", ALL_ACTIVATIONS)
def test_an_activation_uses_the_constants_that_its_help_names(name):
    sums = np.linspace(-0.5, 0.5, 64, dtype=np.float32)[np.newaxis]
    usual = dict(zip(("slope", "omega", "scale"), (0.1, 3.0, 2.0), strict=True))
    values, _ = rows_of(name, sums, LayerSpec(1, 1, name, **usual))
    for field in usual:
        others, _ = rows_of(name, sums, LayerSpec(1, 1, name, **usual | {field: 0.7}))
        assert (others != values).any() == (field in registry.ACTIVATIONS[name].fields), field
