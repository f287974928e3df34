"""How weights begin."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.config import registry
from fit_image.config.layer_spec import parse_init
from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.initializers import INITS, rules
from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.nn.mlp.mlp import MLP

# Deviation of the weights of a layer with so many inputs and outputs, and whether they are uniform.
DEVIATIONS = {
    "classic": (lambda i, o: 0.3 / np.sqrt(i + 1), False),
    "he": (lambda i, o: np.sqrt(2 / i), False),
    "xavier": (lambda i, o: np.sqrt(2 / (i + o)), True),
    "siren": (lambda i, o: np.sqrt(2 / i) / 20.0, True),
    "normal": (lambda i, o: 0.3, False),
}


def begun(init, rng, **options):
    layers = dense_stack(2, (300, 200), 3, omega=20.0)
    return MLP(layers).draw_params(0.3, rng, init, **options)


def test_the_names_are_those_of_the_options():
    names = [parse_init(name.replace("STD", "1"))[0] for name in registry.INITS]
    assert names == ["auto", *INITS] == ["auto", *DEVIATIONS]


@pytest.mark.parametrize("name", INITS)
def test_weights_are_spread_as_published(name, rng):
    deviation, uniform = DEVIATIONS[name]
    network = begun(name, rng)
    _, (weights, biases), _ = network.weights()
    assert weights.std() == pytest.approx(deviation(300, 200), rel=0.02)
    assert abs(weights.mean()) < 0.02 * weights.std()
    assert (np.abs(weights).max() < 1.75 * weights.std()) == uniform  # sqrt(3) for a uniform
    bound = {"classic": 1.0, "normal": 1.0}.get(name, 1 / np.sqrt(300))
    assert np.abs(biases).max() == pytest.approx(bound, rel=0.05) or bound == 1.0
    assert biases.std() > 0
    assert np.count_nonzero(network.parameters) <= network.num_params  # none in the padding


def test_the_first_layer_of_a_siren_sees_the_picture_as_a_square_around_zero(rng):
    raw = begun("siren", np.random.default_rng(3))
    around_zero = begun("siren", np.random.default_rng(3), unit_inputs=False)
    ((first, _), *others), ((plain, biases), *same) = raw.weights(), around_zero.weights()
    for one, other in zip(others, same, strict=True):
        np.testing.assert_array_equal(np.column_stack(one), np.column_stack(other))
    assert np.abs(plain).max() == pytest.approx(1 / 2, rel=0.02)
    assert np.abs(biases).max() == pytest.approx(1 / np.sqrt(2), rel=0.02)
    x = rng.random((50, 2), dtype=np.float32)
    np.testing.assert_allclose(raw.predict(x), around_zero.predict(2 * x - 1), atol=1e-5)
    assert np.abs(first).max() == pytest.approx(1, rel=0.02)


def test_classic_begins_as_it_always_did():
    rng = np.random.default_rng(0)
    for layer, (fan_in, fan_out) in zip(
        begun("auto", np.random.default_rng(0)).weights(),
        [(2, 300), (300, 200), (200, 3)],
        strict=True,
    ):
        expected = rng.standard_normal((fan_out, fan_in + 1), dtype=np.float32)
        expected *= np.float32(0.3 / np.sqrt(fan_in + 1))
        assert np.column_stack(layer).tobytes() == expected.tobytes()


def test_each_layer_begins_as_suits_its_activation():
    for name, activation in ACTIVATIONS.items():
        assert rules([name, "tanh", name, "identity"], "auto") == [
            activation.init,
            "xavier",
            *[activation.init] * 2,
        ]
    assert rules(["sine", "identity"], "he") == ["he", "he"]
    assert rules(["identity"], "auto") == ["xavier"]
