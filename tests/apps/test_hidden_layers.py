"""Hidden units, against the outputs of networks that end with their layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fit_image.apps.fit.architecture import make_network
from fit_image.apps.hidden_layers import HiddenLayers, describe_silent, layer_answers
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.config.fit import FitConfig
from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.nn.mlp.mlp import MLP

SIZE = (24, 16)
ALL = ",".join(f"{width}:{name}" for width, name in enumerate(ACTIVATIONS, start=4))


def truncated(network, count):
    """The first layers of a network, the last of them without what a residual block adds."""
    *layers, last = network.specs[:count]
    shorter = MLP([*layers, replace(last, skip=0)], network.encoding)
    for (weights, biases), (own, own_biases) in zip(
        network.weights(), shorter.weights(), strict=False
    ):
        own[:], own_biases[:] = weights, biases
    shorter.tables()[:] = network.tables()
    return shorter


def made(layers, encoding="none", size=SIZE, **options):
    return make_network(FitConfig(layers=layers, encoding=encoding, **options), size, 3)


@pytest.mark.parametrize("encoding", ["none", "positional:3", "fourier:5@2", "grid"])
@pytest.mark.parametrize("layers", [ALL, "70,3", "residual:2x2x6", "residual:2x1x40"])
def test_outputs_are_those_of_a_truncated_network(layers, encoding, rng):
    network = made(layers, encoding, init="normal:0.6", omega=1.0, scale=1.0)
    places = rng.uniform(-0.2, 1.2, (50, 2)).astype(np.float32)
    found = list(HiddenLayers(network).outputs(places))
    assert len(found) == len(network.specs) - 1
    for number, values in enumerate(found, start=1):
        expected = truncated(network, number).predict(places)
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)


def test_a_picture_is_cut_into_strips_of_rows():
    network = made("9,5:tanh")
    (rows, whole), *others = HiddenLayers(network).strips(7, 10)
    assert (rows, others) == (range(10), [])
    cut = [(rows, list(parts)) for rows, parts in HiddenLayers(network, 1, 200).strips(7, 10)]
    assert [rows for rows, _ in cut] == [range(0, 3), range(3, 6), range(6, 9), range(9, 10)]
    for index, values in enumerate(whole):
        parts = [outputs[index] for _, outputs in cut]
        np.testing.assert_array_equal(np.concatenate(parts), values)


def with_parameters(layers, weights, biases, size=SIZE):
    """A network of a hidden layer with these weights and biases of its units."""
    network = PaintingNetwork(tuple(layers), size)
    (own, own_biases), *_ = network.weights()
    own[:], own_biases[:] = weights, biases
    return network


@pytest.mark.parametrize("name", ["relu", "leaky-relu"])
@pytest.mark.parametrize("size", [SIZE, (3000, 2)])
def test_relus_never_answer_where_nothing_is_above_zero(name, size):
    # Above zero everywhere; right of the middle; in the lower right corner alone; there it is
    # zero; nowhere.
    weights = [(0, 0), (1, 0), (1, 1), (1, 1), (-1, -1)]
    biases = [0.5, -0.5, -1.99, -2.0, -0.01]
    layers = dense_stack(2, [5], 3, activations=[name, "identity"])
    (layer,) = layer_answers(with_parameters(layers, weights, biases, size))
    assert layer.silent.tolist() == [False, False, False, True, True]
    assert (layer.number, layer.count) == (1, 2)
    assert describe_silent([layer.to_json()]) == "2 of 5 in layer 1"
    assert layer.high[1] == pytest.approx(0.5)
    assert layer.low[1] == pytest.approx(-0.5 * (0.01 if name == "leaky-relu" else 0.0))


@pytest.mark.parametrize("name", sorted({*ACTIVATIONS} - {"relu", "leaky-relu"}))
def test_others_never_answer_where_they_are_constant(name):
    weights = [(1, 0.5), (0, 0), (1e-7, 0), (0.5, 1)]
    constants = {"omega": 1.0, "scale": 1.0}
    layers = dense_stack(2, [4], 3, activations=[name, "identity"], **constants)
    (layer,) = layer_answers(with_parameters(layers, weights, [0.1, 0.7, 0.7, -0.2]))
    assert layer.silent.tolist() == [False, True, True, False]


def test_units_that_vary_little_answer_where_their_layer_varies_no_more():
    layers = dense_stack(2, [2], 3, activations=["tanh", "identity"])
    (layer,) = layer_answers(with_parameters(layers, [(1e-4, 0), (0, 2e-4)], [0, 0]))
    assert layer.count == 0


def test_every_hidden_layer_is_told_and_one_alone_in_words():
    network = made("3x20")
    layers = [each.to_json() for each in layer_answers(network)]
    assert [(each["layer"], each["units"]) for each in layers] == [(1, 20), (2, 20), (3, 20)]
    layers = [{"layer": 1, "units": 9, "never_answer": 0}, {"layer": 2, "units": 8}]
    assert describe_silent([layers[0]]) == ""
    assert describe_silent([layers[0], {**layers[1], "never_answer": 8}]) == "8 of 8 in layer 2"


def test_pictures_with_very_many_pixels_are_looked_at_smaller():
    network = made("3", size=(20_000, 10_000))
    assert sum(len(layer.high) for layer in layer_answers(network)) == 3
