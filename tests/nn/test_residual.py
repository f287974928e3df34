"""Residual blocks: how they are written, computed, learned and kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from test_minibatch import RATES, learn_all, teach
from test_mlp import check_gradients, samples

from fit_image import fit
from fit_image.apps.painting_network import FORMAT_VERSION
from fit_image.apps.painting_network import PaintingNetwork as PaintingNetwork
from fit_image.cli import cli
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import Hidden, format_layers, parse_layers
from fit_image.errors import InputError
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.mlp import MLP
from fit_image.storage.npz import read_archive, write_archive
from naive import NAIVE_OPTIMIZERS, NaiveNetwork, values

widths = st.integers(1, 4)
plain = st.builds("{}x{}:tanh".format, widths, widths) | st.builds("{}".format, widths)
blocks = st.builds("residual:{}x{}x{}".format, widths, widths, widths)


def stack(inputs=3, outputs=2):
    """Two blocks behind each other, one of a single wide layer, and plain layers around."""
    return [
        LayerSpec(inputs, 5, "tanh"),
        LayerSpec(5, 4, "softplus"),
        LayerSpec(4, 5, "tanh", skip=2),
        LayerSpec(5, 5, "tanh", skip=1),
        LayerSpec(5, 6, "elu"),
        LayerSpec(6, outputs, "identity"),
    ]


def test_gradients_equal_central_differences(rng):
    check_gradients(MLP(stack()).draw_params(1.0, rng, "classic"), rng)


@pytest.mark.parametrize("skip", [1, 2])
def test_a_block_may_begin_with_the_inputs_and_end_with_the_outputs(skip, rng):
    layers = [LayerSpec(3, 3, "tanh", skip=int(skip == 1)), LayerSpec(3, 2, "identity")]
    if skip == 2:
        layers = [
            LayerSpec(3, 2, "tanh"),
            LayerSpec(2, 6, "tanh"),
            LayerSpec(6, 2, "identity", skip=2),
        ]
    check_gradients(MLP(layers).draw_params(1.0, rng, "classic"), rng)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", NAIVE_OPTIMIZERS)
def test_learning_equals_the_naive_twin(name, threads, rng):
    network = MLP(stack(2, 3)).draw_params(1.0, rng, "classic")
    twin, naive = NaiveNetwork.copy_of(network), NAIVE_OPTIMIZERS[name]()
    inputs, targets = samples(rng, 60)
    loss = learn_all(teach(network, name, 20), inputs, targets, threads=threads)
    twin_loss = sum(
        twin.learn_batch(inputs[i : i + 20], targets[i : i + 20], RATES[name], naive)
        for i in range(0, 60, 20)
    )
    assert loss == pytest.approx(twin_loss, rel=1e-4)
    np.testing.assert_allclose(values(network), twin.values(), atol=2e-4)
    expected = [twin.predict(x) for x in inputs]
    np.testing.assert_allclose(network.predict(inputs), expected, atol=2e-3)


@pytest.mark.parametrize(
    "layers",
    [
        [LayerSpec(2, 3, "tanh", skip=1)],
        [LayerSpec(2, 2, "tanh", skip=2)],
        [LayerSpec(2, 2, "tanh"), LayerSpec(2, 2, "tanh", skip=2), LayerSpec(2, 2, "tanh", skip=2)],
    ],
)
def test_blocks_that_do_not_fit_are_refused(layers):
    with pytest.raises(ValueError, match="residual block"):
        MLP(layers)


def test_blocks_are_written_as_they_are_read():
    block = [*[Hidden(6, "relu")] * 4, Hidden(6, "tanh", 5)]
    assert parse_layers("residual:24x4x6") == (Hidden(6, "tanh"), *block * 24)
    assert parse_layers("6,residual:1x4x6,9") == (Hidden(6), *block, Hidden(9))
    assert parse_layers("6:tanh,residual:2x4x6") == parse_layers("residual:2x4x6")


@given(st.lists(plain | blocks, min_size=1, max_size=5).map(",".join))
def test_whatever_is_written_is_read_again(text):
    layers = parse_layers(text)
    assert parse_layers(format_layers(layers)) == layers
    assert FitConfig(layers=layers).layers == layers


@pytest.mark.parametrize("text", ["residual:0x4x6", "residual:2x0x6", "residual:2x4x0"])
def test_blocks_of_nothing_are_refused(text):
    with pytest.raises(InputError, match=text):
        parse_layers(text)


@pytest.mark.parametrize(
    "layers",
    [
        (Hidden(6, "relu"), Hidden(6, "tanh", 2)),
        (Hidden(5), Hidden(6, "relu"), Hidden(6, "tanh", 2)),
        (Hidden(6), Hidden(6, "tanh"), Hidden(6, "tanh", 2)),
        (Hidden(6), Hidden(6, "relu", 1)),
    ],
)
def test_blocks_that_cannot_be_written_are_refused(layers):
    with pytest.raises(InputError, match="residual block"):
        FitConfig(layers=layers)


def test_a_block_begins_by_changing_next_to_nothing(rng):
    layers = [LayerSpec(2, 6, "tanh"), LayerSpec(6, 6, "relu"), LayerSpec(6, 6, "tanh", skip=2)]
    network = MLP([*layers, LayerSpec(6, 1, "identity")]).draw_params(0.3, rng)
    *_, (weights, biases), _ = network.weights()
    assert 0 < np.abs(weights).max() < 0.005
    assert 0 < np.abs(biases).max() < 0.005


def test_a_deep_network_of_few_units_learns_because_of_its_blocks(small_picture):
    def psnr(layers):
        options = {"optimizer": "adam", "learning_rate": 0.003, "epochs": 60, "batch_size": 16}
        (*_, last) = fit(small_picture, layers=layers, frame_every=60, **options)
        return last.psnr

    assert psnr("residual:24x4x6") > psnr("121x6") + 3.0


def test_one_pixel_at_a_time(small_picture):
    (*_, last) = fit(small_picture, layers="residual:2x2x8", epochs=20)
    assert last.psnr > 13.0


def test_a_model_file_keeps_the_blocks(tmp_path, small_picture):
    (*_, last) = fit(small_picture, layers="residual:2x2x8", epochs=1, optimizer="adam")
    path = tmp_path / "model.npz"
    last.network.save(path)
    loaded = PaintingNetwork.load(path)
    assert loaded.is_like(last.network)
    np.testing.assert_array_equal(loaded.render(5, 4), last.network.render(5, 4))
    facts = CliRunner().invoke(cli, ["info", str(path), "--json"])
    assert json.loads(facts.stdout)["layers"] == "residual:2x2x8"

    arrays = read_archive(path, "model", FORMAT_VERSION)
    for skips in ([-1] * 8, [0] * 7, [9] * 8):
        change = {"skips": np.array(skips, dtype=np.int64)}
        write_archive(path, "model", FORMAT_VERSION, arrays | change)
        with pytest.raises(InputError, match="damaged"):
            PaintingNetwork.load(path)


def test_widths_of_blocks_are_not_matched(portrait, tmp_path):
    args = ["sweep", str(portrait), "--layers", "residual:2x2x8", "--match-params", "4x30"]
    result = CliRunner().invoke(cli, [*args, "-o", str(tmp_path / "sweep")])
    assert result.exit_code == 2
    assert "residual:2x2x8" in result.stderr
