"""``fit-image units``, and the count of silent units elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from fit_image.apps.painting_network import PaintingNetwork
from fit_image.images.io import load_image
from kinds import gradient
from shell import Shell

units, info = Shell("units"), Shell("info")
EPOCHS = 3


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A run of two layers, of whose second layer some units are silent."""
    root = tmp_path_factory.mktemp("units")
    options = ("--layers", "2x8", "--epochs", EPOCHS, "--animation", "none", "-q")
    Shell().succeed(gradient(root), *options, "-o", root / "run")
    network = PaintingNetwork.load(root / "run")
    _, (_, biases), _ = network.weights()
    biases[:] = 1e3
    biases[[1, 4, 6]] = -1e3
    network.save(root / "silent.npz")
    return root


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def silent_in(layer, path):
    return json.loads(info.succeed(path, "--json").stdout)["never_answer"][layer - 1]


def test_a_picture_of_all_units_is_written(learned):
    result = units.succeed(learned / "run")
    assert result.stdout == "units.png\n"
    assert result.stderr.endswith("answer\n")
    with Image.open("units.png") as picture:
        assert picture.mode == "RGB"
        assert max(picture.size) <= 1800


def test_silent_units_are_counted_alike_everywhere(learned):
    path = learned / "silent.npz"
    assert "3 of 8 in layer 2 never answer" in units.succeed(path, "--layer", 2).stderr
    assert silent_in(2, path) == {"layer": 2, "units": 8, "never_answer": 3}
    assert "3 of 8 in layer 2" in info.succeed(path).stdout
    copy = Path("copy")
    shutil.copytree(learned / "run", copy)
    shutil.copy(path, copy / "model.npz")
    assert silent_in(2, copy)["never_answer"] == 3
    (copy / "model.npz").write_bytes(b"nothing")
    assert json.loads(info.succeed(copy, "--json").stdout)["never_answer"] is None
    assert "never answer       unknown" in info.succeed(copy).stdout


def test_options_of_the_picture(learned):
    units.succeed(learned / "run", "--size", "320x200", "-o", "a.png")
    units.succeed(learned / "run", "--size", "320x200", "--signed", "-o", "b.png")
    units.succeed(
        learned / "run", "--size", "320x200", "--layer", 1, "--threads", 1, "-o", "c.webp"
    )
    first, signed, layer = (load_image(name).levels for name in ("a.png", "b.png", "c.webp"))
    assert first.shape == signed.shape == layer.shape == (200, 320, 3)
    assert (first != signed).any()
    assert (first != layer).any()
    assert units.succeed(learned / "run", "-q").stderr == ""


def test_the_picture_goes_to_standard_output(learned):
    shown = units.succeed(learned / "run", "-o", "-", "--size", "300x200")
    assert shown.stdout_bytes.startswith(b"\x89PNG")


def test_epochs_are_animated(learned):
    result = units.succeed(learned / "run", "--animate", "--size", "300x200")
    assert result.stdout == "units.gif\n"
    with Image.open("units.gif") as film:
        assert film.size == (300, 200)
        assert 2 <= film.n_frames <= EPOCHS + 1
    units.succeed(learned / "run", "--animate", "--every", 9, "--fps", 2, "-o", "two.png")
    with Image.open("two.png") as film:
        assert film.n_frames == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("{}/run", "--layer", 3), "--layer 3: the network has 2 hidden layers"),
        (("{}/run", "--size", "20x20"), "do not fit in 20x20 pixels (--size)"),
        (("{}/run", "-o", "a.txt"), "a.txt"),
        (("{}/run", "--animate", "-o", "a.jpg"), "a.jpg"),
        (("{}/silent.npz", "--animate"), "--animate needs the folder of a run"),
        (("{}/run", "--every", 2), "--every needs --animate"),
        (("{}/run", "-o", "{}/run/model.npz"), "model.npz"),
        (("{}/run", "-o", "{}/run/final.png"), "would replace a file that the run needs"),
        (("{}/run", "-o", "{}/pic.png"), "is an input of this command"),
        (("{}/none",), "none"),
        (("{}/pic.png",), "pic.png"),
    ],
)
def test_mistakes_are_told(learned, options, words):
    assert words in units.fail(*(str(each).format(learned) for each in options))
