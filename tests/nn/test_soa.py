"""Narrow networks, whose points lie side by side in vectors, against those of any width."""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.nn.layers.layer import GradMode
from fit_image.nn.mlp import soa
from fit_image.nn.mlp.conditioned_mlp import ConditionedMLP, at_latent
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.network import Network
from fit_image.nn.runtime.threads import ThreadPool
from naive import ALL_ACTIVATIONS, NaiveNetwork
from passes import passes

LATENTS = 3


def blocks(units=6, inputs=LATENTS + 2, outputs=1):
    """Blocks of three layers and of two, and what is not a block between them."""
    return [
        LayerSpec(inputs, units, "tanh"),
        LayerSpec(units, units + 1, "relu"),
        LayerSpec(units + 1, units, "tanh", skip=2),
        LayerSpec(units, units, "relu"),
        LayerSpec(units, 2, "softplus"),
        LayerSpec(2, units, "relu", skip=3),
        LayerSpec(units, units, "leaky-relu"),
        LayerSpec(units, units, "relu", skip=2),
        LayerSpec(units, outputs, "sigmoid"),
    ]


def of_activation(name):
    return [
        LayerSpec(LATENTS + 2, 5, name, omega=1.5, scale=1.5),
        LayerSpec(5, 5, name, omega=1.5, scale=1.5, skip=1),
        LayerSpec(5, 4, name, omega=1.5, scale=1.5),
        LayerSpec(4, 2, "identity"),
    ]


STACKS = {
    **{name: of_activation(name) for name in ALL_ACTIVATIONS},
    **{f"{units} units": blocks(units) for units in (1, 4, 6, 11)},
    "3 outputs": blocks(outputs=3),
}


def generator(layers, rng, sides=(5, 9)):
    points = rng.uniform(-1, 1, (*sides, 2)).astype(np.float32)
    layer = ConditionedMLP(layers, points, [0.4] * len(layers))
    return layer, Network([layer]).init_params(rng), points.reshape(-1, 2)


def as_network(layer, chain):
    network = MLP(layer.network.specs)
    network.parameters[:] = chain.parameters
    return network


def every_point(latents, points):
    """The inputs of all points, sample after sample."""
    repeated = np.repeat(latents, len(points), axis=0)
    return np.concatenate([repeated, np.tile(points, (len(latents), 1))], axis=1)


@pytest.mark.parametrize("name", STACKS)
def test_predictions_equal_the_naive_twin(name, rng):
    layers = STACKS[name]
    network = MLP(layers).draw_params(1.0, rng, "classic")
    assert soa.is_narrow(network.specs)
    places = rng.uniform(-1, 1, (7, layers[0].fan_in)).astype(np.float32)
    twin = NaiveNetwork.copy_of(network)
    expected = [twin.predict(place) for place in places]
    np.testing.assert_allclose(network.predict(places), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("count", [0, 1, 15, 191, 192, 193, 1000])
def test_predictions_do_not_depend_on_threads_or_on_what_is_computed_beside(count, rng):
    network = MLP(blocks()).draw_params(1.0, rng, "classic")
    places = rng.uniform(-1, 1, (1000, LATENTS + 2)).astype(np.float32)
    whole = network.predict(places, threads=1)
    for threads in (1, 3):
        np.testing.assert_array_equal(
            network.predict(places[:count], threads=threads), whole[:count]
        )
        np.testing.assert_array_equal(
            network.predict(places[1000 - count :], threads=threads), whole[1000 - count :]
        )


@pytest.mark.parametrize("name", STACKS)
def test_a_generator_is_its_network_at_every_point(name, rng):
    layer, chain, points = generator(STACKS[name], rng)
    network = as_network(layer, chain)
    latents = rng.standard_normal((3, LATENTS)).astype(np.float32)
    cache = chain.make_cache(4, ThreadPool(1))
    pictures = chain.forward(latents, cache)
    inputs = every_point(latents, points)
    outputs, _, _ = passes(network, inputs)
    # Sums are added in another order, and waves that grow steeper make more of the difference.
    np.testing.assert_allclose(
        pictures.reshape(outputs.shape),
        outputs,
        rtol=2e-6,
        atol=5e-5 if name == "finer" else 5e-6,
    )

    grad_y = rng.standard_normal(pictures.shape).astype(np.float32)
    gradient = chain.zeros()
    gradient[:] = 1.0
    below = chain.backward(cache, grad_y, gradient, GradMode.ADD, to_input=True)
    _, expected, grad_x = passes(network, inputs, grad_y.reshape(outputs.shape))
    size = np.abs(expected).max()
    np.testing.assert_allclose(gradient - 1, expected, atol=2e-5 * max(size, 1))
    by_latents = grad_x.reshape(3, len(points), -1)[..., :LATENTS].sum(axis=1)
    np.testing.assert_allclose(below, by_latents, atol=2e-5 * np.abs(by_latents).max())


@pytest.mark.parametrize("samples", [1, 5, 30])
def test_a_generator_has_the_same_bits_for_any_number_of_threads(samples, rng):
    layer, chain, _ = generator(blocks(), rng, sides=(17, 13))
    latents = rng.standard_normal((samples, LATENTS)).astype(np.float32)
    grad_y = rng.standard_normal((samples, *layer.out_shape)).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        cache = chain.make_cache(samples, ThreadPool(threads))
        pictures = chain.forward(latents, cache).copy()
        gradient = chain.zeros()
        below = chain.backward(cache, grad_y, gradient, to_input=True)
        results.append((pictures, gradient, below.copy()))
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_generator_can_change_its_own_parameters(rng):
    layer, chain, _ = generator(blocks(), rng)
    latents = rng.standard_normal((5, LATENTS)).astype(np.float32)
    grad_y = rng.standard_normal((5, *layer.out_shape)).astype(np.float32)
    cache, gradient = chain.make_cache(5, ThreadPool(2)), chain.zeros()
    for step in (
        lambda: chain.backward(cache, grad_y, gradient),
        lambda: chain.descend(cache, grad_y, [0.01]),
    ):
        before = chain.parameters.copy()
        chain.forward(latents, cache)
        step()
    expected = before - np.float32(0.01) * gradient
    np.testing.assert_allclose(chain.parameters, expected, rtol=0, atol=1e-6)


def test_the_gradient_by_parameters_may_be_left_out(rng):
    _, chain, _ = generator(blocks(), rng)
    latents = rng.standard_normal((2, LATENTS)).astype(np.float32)
    cache = chain.make_cache(2, ThreadPool(1))
    grad_y = np.ones_like(chain.forward(latents, cache))
    gradient = chain.zeros()
    with_it = chain.backward(cache, grad_y, gradient, to_input=True).copy()
    without = chain.backward(cache, grad_y, to_input=True)
    np.testing.assert_array_equal(with_it, without)
    assert chain.backward(cache, grad_y, gradient) is None


def test_initial_parameters_have_the_deviation_of_their_layer(rng):
    layers = [LayerSpec(5, 12, "tanh"), LayerSpec(12, 12, "relu"), LayerSpec(12, 1, "sigmoid")]
    points = np.zeros((2, 2, 2), np.float32)
    layer = ConditionedMLP(layers, points, [0.05, 1.0, 0.5])
    chain = Network([layer]).init_params(rng)
    rows = list(layer.network.rows(chain.parameters))
    assert 0.03 < rows[0].std() < 0.07
    assert 0.8 < rows[1].std() < 1.2
    assert layer.network.is_padded(chain.parameters)


@pytest.mark.parametrize("first", [0, 2])
def test_a_network_at_a_latent_vector_is_the_whole_network_with_it(first, rng):
    network = MLP(blocks()).draw_params(1.0, rng, "classic")
    latent = rng.standard_normal(LATENTS).astype(np.float32)
    places = rng.uniform(-1, 1, (40, 2)).astype(np.float32)
    fixed = at_latent(network, latent, first)
    assert fixed.specs[0].fan_in == 2
    repeated = np.tile(latent, (len(places), 1))
    inputs = np.concatenate([places[:, :first], repeated, places[:, first:]], axis=1)
    np.testing.assert_allclose(fixed.predict(places), network.predict(inputs), atol=2e-6)


def test_wide_layers_and_missing_latents_are_refused():
    points = np.zeros((2, 2, 2), np.float32)
    with pytest.raises(ValueError, match="narrow"):
        ConditionedMLP([LayerSpec(5, 40, "tanh"), LayerSpec(40, 1, "sigmoid")], points, [1.0, 1.0])
    with pytest.raises(ValueError, match="latent"):
        ConditionedMLP([LayerSpec(2, 4, "tanh"), LayerSpec(4, 1, "sigmoid")], points, [1.0, 1.0])
    layers = [LayerSpec(4, 4, "relu"), LayerSpec(4, 4, "tanh", skip=2), LayerSpec(4, 1, "sigmoid")]
    with pytest.raises(ValueError, match="residual"):
        ConditionedMLP(layers, points, [1.0, 1.0, 1.0])
