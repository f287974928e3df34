"""Sheets of units, and the networks of earlier epochs that animations show."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fit_image.apps.fit.architecture import make_network
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.units.drawing import UnitSheet
from fit_image.apps.units.earlier import choose_epochs, networks_of_epochs
from fit_image.apps.units.layout import Layout
from fit_image.config.fit import FitConfig
from fit_image.errors import InputError
from fit_image.nn.mlp.layer_spec import dense_stack
from kinds import gradient
from shell import Shell

SIZE = (24, 16)


def steps(name="relu", slope=0.01):
    """A network whose units rise to the right, to the left, and never above zero."""
    layers = dense_stack(2, [3], 3, slope, activations=[name, "identity"])
    network = PaintingNetwork(tuple(layers), SIZE)
    (weights, biases), *_ = network.weights()
    weights[:], biases[:] = [(2, 0), (-1, 0), (-1, 0)], [-1, 1, -2]
    return network


def tiles(sheet, network, counts=(3,), **options):
    """The pictures of the units of a sheet, float 0..255."""
    picture = sheet.draw(network, **options)
    layout = Layout.fitting(counts, SIZE[0] / SIZE[1], sheet.size, title=False)
    wide, high = layout.tile
    places = [
        layout.position(label, unit)
        for label, count in zip(layout.labels(), counts, strict=True)
        for unit in range(count)
    ]
    return [picture[top : top + high, left : left + wide].astype(float) for left, top in places]


def test_units_are_grey_from_zero_to_their_largest_output():
    network = steps()
    right, left, silent = tiles(UnitSheet(network, size=(400, 200)), network)
    assert np.ptp(right, axis=2).max() == 0
    wide = right.shape[1]
    assert right[:, : wide // 2 - 1].max() <= 6  # a ReLU: black up to the fold in the middle
    assert right[:, -1].min() == 255
    assert (np.diff(right[0, wide // 2 :, 0]) > 0).all()
    assert left[0, 0, 0] == 255
    assert (np.diff(left[0, :-4, 0]) < 0).all()  # to zero at the right pixel's middle
    assert silent.min() < silent.max()
    assert silent.mean() > 200  # crossed out, not black


def test_signs_have_colours():
    network = steps("tanh")
    right, left, falling = tiles(UnitSheet(network, size=(400, 200), signed=True), network)
    red, _, blue = right.transpose(2, 0, 1)
    assert (blue > red)[:, 2].all()
    assert (red > blue)[:, -3].all()
    assert right[:, right.shape[1] // 2].max() < 40  # black at zero
    assert (left[..., 0] >= left[..., 2])[:, :-4].all()  # the edge lies beyond 1
    assert (falling[..., 2] > falling[..., 0]).all()


def test_a_layer_is_drawn_alone():
    network = make_network(FitConfig(layers="5,7"), SIZE, 3)
    alone = UnitSheet(network, layer=2)
    assert len(tiles(alone, network, (7,))) == 7
    with pytest.raises(InputError, match="layer 3: the network has 2 hidden layers"):
        UnitSheet(network, layer=3)
    with pytest.raises(InputError, match="no hidden layer"):
        UnitSheet(PaintingNetwork(tuple(dense_stack(2, [], 3)), SIZE))


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
def test_pictures_of_any_shape(size):
    network = make_network(FitConfig(layers="40,3"), size, 1)
    sheet = UnitSheet(network)
    assert sheet.draw(network).shape == (*sheet.size[::-1], 3)


def test_outputs_that_overflow_are_drawn():
    network = steps("identity")
    (weights, _), *_ = network.weights()
    weights *= 1.5e38
    for signed in (False, True):
        first, *_ = tiles(UnitSheet(network, size=(300, 100), signed=signed), network)
        assert np.isfinite(first).all()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--layers", "2x8", "--epochs", 4, "--animation", "none", "-q")
    Shell().succeed(gradient(tmp_path), *options, "--frame-every", 2, "-o", "run")
    return FitDirectory.open("run")


def test_earlier_networks_are_learned_again_to_the_same_bits(run):
    assert choose_epochs(run, "even", 1) == [0, 2, 4]
    assert choose_epochs(run, "even", 5) == [0, 4]
    found = {}
    for epoch, network in networks_of_epochs(run, [0, 2, 4]):
        if network:
            found[epoch] = network.parameters.copy()
    assert list(found) == [0, 2, 4]
    np.testing.assert_array_equal(found[4], PaintingNetwork.load(run.model).parameters)
    fresh = make_network(run.manifest.fit, SIZE, 3)
    np.testing.assert_array_equal(found[0], fresh.parameters)
    shorter = Shell()
    shorter.succeed("pic.png", "--like", "run", "--epochs", 2, "-o", "shorter", "-q")
    np.testing.assert_array_equal(found[2], PaintingNetwork.load("shorter").parameters)


def exhaust(run):
    return [epoch for epoch, network in networks_of_epochs(run, [0, 2, 4]) if network]


def test_an_epoch_that_comes_out_otherwise_is_told(run):
    lines = run.metrics.path.read_text().splitlines()
    cells = lines[3].split(",")
    lines[3] = ",".join((cells[0], "0.125", *cells[2:]))
    run.metrics.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="epoch 3 of run cannot be learned again"):
        exhaust(run)


def test_the_last_part_of_an_epoch_is_the_run_s_own(run):
    lines = run.metrics.path.read_text().splitlines()
    cells = lines[4].split(",")
    lines[4] = ",".join((cells[0], "0.125", *cells[2:]))
    run.metrics.path.write_text("\n".join(lines) + "\n")
    data = json.loads((run.path / "run.json").read_text())
    data["result"]["ended"] = "time-limit"
    (run.path / "run.json").write_text(json.dumps(data))
    assert exhaust(FitDirectory.open("run")) == [0, 2, 4]


def test_a_schedule_by_time_is_told_at_once(run):
    options = ("--lr-schedule", "linear", "--schedule-by", "time", "--time-limit", "1h", "-q")
    Shell().succeed("pic.png", "--like", "run", *options, "-o", "timed")
    with pytest.raises(InputError, match="timed had a schedule by time: the networks of its"):
        exhaust(FitDirectory.open("timed"))


def test_the_picture_is_needed_again(run, tmp_path):
    (tmp_path / "pic.png").write_bytes((run.path / "final.png").read_bytes())
    with pytest.raises(InputError, match=r"pic\.png has changed since run learned it"):
        exhaust(run)
    (tmp_path / "pic.png").unlink()
    with pytest.raises(InputError, match=r"pic\.png"):
        exhaust(run)
    for frame in run.frames.iterdir():
        frame.unlink()
    with pytest.raises(InputError, match="run has no frames yet"):
        choose_epochs(run, "even", 1)
