"""Generators made of waves: as a network of phases, of all inputs, and at one latent vector."""

from dataclasses import replace

import numpy as np
import pytest

from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.networks import generator_coordinates, generator_layers, make_generator
from fit_image.apps.digits.waves import at_latents, wave_vectors, whole_generator
from fit_image.nn.layers.layer import GradMode
from fit_image.nn.runtime.threads import ThreadPool

CONFIG = DigitsConfig(waves=2, units=6, latent=3, scale=4.0)


def naive(network, latents, points):
    """The waves of each picture, in double precision."""
    first, second, phases, waves = network.layers
    h = latents.astype(np.float64)
    for index, layer in enumerate((first, second, phases)):
        rows = layer.rows(network.part(network.parameters, index)).astype(np.float64)
        h = h @ rows[:-1] + rows[-1]
        h = np.maximum(h, 0.0) if layer is not phases else h
    turns = 2 * np.pi * (waves.vectors @ points.reshape(-1, 2).T)
    amplitudes = waves.named_params(network.part(network.parameters, 3))["weight"]
    logits = np.sin(h[:, :, np.newaxis] + turns).transpose(0, 2, 1) @ amplitudes.T
    return 1.0 / (1.0 + np.exp(-logits))


@pytest.mark.parametrize("channels", [1, 3])
def test_waves_are_drawn_alike_in_all_three_ways(channels, rng):
    network = make_generator(CONFIG, 7, 9, channels).init_params(rng)
    network.parameters[:] *= rng.uniform(0.5, 1.5, network.parameters.size).astype(np.float32)
    latents = 4 * rng.standard_normal((5, 3), dtype=np.float32)
    drawn = network.forward(latents, network.make_cache(5, ThreadPool(2))).reshape(5, -1, channels)
    y, x = np.mgrid[0:7, 0:9]
    places = np.stack([x - 4.0, y - 3.0], axis=-1) / 7
    np.testing.assert_allclose(drawn, naive(network, latents, places), atol=2e-6)
    whole = whole_generator(network, generator_layers(CONFIG, channels), 4.0, 7)
    points = generator_coordinates((9, 7), 7, 4.0).reshape(-1, 3)
    for latent, picture in zip(latents, drawn, strict=True):
        rows = np.concatenate([np.broadcast_to(latent, (63, 3)), points], axis=1)
        np.testing.assert_allclose(whole.predict(rows), picture, atol=2e-6)
        np.testing.assert_allclose(at_latents(whole, latent).predict(points), picture, atol=2e-6)


def test_a_pair_of_waves_of_each_frequency_is_there():
    vectors = wave_vectors(3)
    assert len(vectors) == 2 * 15  # (0, 0), and half of the 28 others with x^2 + y^2 <= 9
    assert {tuple(v) for v in vectors} & {tuple(-v) for v in vectors} == {(0.0, 0.0)}


def test_gradients_are_added_where_they_are_to_be(rng):
    network = make_generator(replace(CONFIG, latent=2), 6, 6, 3).init_params(rng)
    cache, grad_y = network.make_cache(4, ThreadPool(1)), rng.standard_normal((4, 6, 6, 3))
    latents = rng.standard_normal((4, 2), dtype=np.float32)
    once, twice = network.zeros(), network.zeros()
    for grads, modes in ((once, [GradMode.WRITE]), (twice, [GradMode.WRITE, GradMode.ADD])):
        for mode in modes:
            network.forward(latents, cache)
            network.backward(cache, grad_y.astype(np.float32), grads, mode)
    assert once.any()
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-5, atol=1e-6)
