"""Notebooks: what shows itself there, and `fit_image.watch`, there and elsewhere."""

from __future__ import annotations

import ast
import base64
import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import fit_image
from fit_image.images.showing import LARGEST
from kinds import KINDS
from pictures import make_small_picture

NOTEBOOK = Path(__file__).parents[2] / "examples" / "learn_in_a_notebook.ipynb"
OPTIONS = {"layers": (8,), "epochs": 4}


class Cell:
    """The output of a notebook's cell: what is displayed, and what of it is updated."""

    def __init__(self):
        self.shown, self.updates = [], 0

    def display(self, value, display_id):
        assert display_id is True
        self.shown.append(value)
        return self

    def update(self, value):
        self.shown[-1] = value
        self.updates += 1


@pytest.fixture
def cell(monkeypatch):
    made = Cell()
    module = SimpleNamespace(HTML=str, display=made.display)
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return made


def picture_of(page):
    """Return the picture of an HTML page, and its width in CSS pixels."""
    data, style = re.search(r'src="data:image/png;base64,([^"]+)".*style="([^"]+)"', page).groups()
    width = int(re.search(r"width:(\d+)px", style)[1])
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture), width


def from_png(file):
    with Image.open(io.BytesIO(file)) as picture:
        return np.asarray(picture)


def test_an_epoch_shows_its_picture():
    *_, undrawn, epoch = fit_image.fit(make_small_picture(), frame_every=10, **OPTIONS)
    assert np.array_equal(from_png(epoch._repr_png_()), epoch.picture)
    page = epoch._repr_html_()
    pixels, width = picture_of(page)
    assert np.array_equal(pixels, epoch.picture)
    assert width == 240
    assert f"epoch 4, {epoch.psnr:.2f} dB" in page
    assert undrawn._repr_png_() is None
    assert "<img" not in undrawn._repr_html_()
    assert "epoch 3, loss" in undrawn._repr_html_()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_network_shows_what_it_paints(channels):
    image = np.dstack([make_small_picture()] * 2)[..., :channels]
    *_, epoch = fit_image.fit(image, **OPTIONS)
    expected = fit_image.to_uint8(epoch.network.render())
    assert np.array_equal(from_png(epoch.network._repr_png_()), np.squeeze(expected))
    assert "24x16 pixels" in epoch.network._repr_html_()


def test_a_large_picture_is_shown_smaller():
    network = next(fit_image.fit(np.zeros((1000, 1500)), layers=(2,))).network
    height, width = from_png(network._repr_png_()).shape
    assert 0.95 * LARGEST < width * height <= LARGEST
    assert width == pytest.approx(1.5 * height, rel=0.01)
    epoch = fit_image.Epoch(1, 0.5, 9.0, 1.0, np.full((1000, 1000, 3), 7, np.uint8), network)
    pixels, width = picture_of(epoch._repr_html_())
    assert pixels.shape == (707, 707, 3)
    assert (pixels == 7).all()
    assert width == 720


@pytest.mark.parametrize("name", ["fit", "autoencode"])
def test_a_run_shows_its_newest_frame(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kind = KINDS[name]
    data = tmp_path / "data"
    data.mkdir()
    kind.shell.succeed(kind.make_data(data), "-o", "a&b", *kind.options, "--epochs", 2, "-q")
    run = fit_image.open_run("a&b")
    page = run._repr_html_()
    with Image.open("a&b/final.png") as final:
        assert np.array_equal(picture_of(page)[0], np.asarray(final.convert("RGB")))
    assert "a&amp;b: 2 of 2 epochs" in page
    assert "loss" in page


def test_what_is_no_run_is_an_error(tmp_path):
    with pytest.raises(fit_image.InputError, match=re.escape(str(tmp_path))):
        fit_image.open_run(tmp_path)
    with pytest.raises(fit_image.InputError, match="not by int"):
        fit_image.open_run(3)


def test_a_notebook_is_updated_in_place(cell):
    epochs = list(fit_image.watch(fit_image.fit(make_small_picture(), **OPTIONS)))
    assert [epoch.index for epoch in epochs] == [0, 1, 2, 3, 4]
    (page,) = cell.shown
    assert np.array_equal(picture_of(page)[0], epochs[-1].picture)
    assert f"epoch 4, {epochs[-1].psnr:.2f} dB" in page
    points = re.search(r'points="([^"]+)"', page)[1].split()
    assert points[0].startswith("0.0,")
    assert points[-1].startswith("240.0,")
    assert 1 <= cell.updates <= 4


def test_as_the_value_of_a_cell_it_runs_to_its_end(cell):
    fit_image.watch(fit_image.fit(make_small_picture(), **OPTIONS))._ipython_display_()
    assert "epoch 4" in cell.shown[0]


def test_the_last_picture_stays_above_epochs_without_one(cell):
    epochs = iter(list(fit_image.fit(make_small_picture(), frame_every=3, **OPTIONS))[:3])
    first, *_ = fit_image.watch(epochs)
    (page,) = cell.shown
    assert np.array_equal(picture_of(page)[0], first.picture)
    assert "epoch 2, loss" in page


def test_what_ends_early_shows_what_came_last(cell):
    for epoch in fit_image.watch(fit_image.fit(make_small_picture(), **OPTIONS)):
        if epoch.index == 2:
            break
    assert len(cell.shown) == 1


def test_a_terminal_shows_half_blocks(monkeypatch, capsys):
    monkeypatch.setattr("fit_image.cli.watching.make_display", lambda _, bar: bar())
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    for _ in fit_image.watch(fit_image.fit(make_small_picture(), **OPTIONS)):
        pass
    shown = capsys.readouterr().err
    assert shown.count("▄") >= 40
    assert "epoch" in shown


def test_elsewhere_nothing_but_lines_is_shown(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    for _ in fit_image.watch(fit_image.fit(make_small_picture(), **OPTIONS)):
        pass
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "\x1b" not in shown.err


def test_only_epochs_are_watched():
    with pytest.raises(fit_image.InputError, match="not int"):
        next(iter(fit_image.watch([1])))


def test_the_notebook_runs(cell, monkeypatch):
    monkeypatch.chdir(NOTEBOOK.parent)
    fit = fit_image.fit
    monkeypatch.setattr(
        fit_image, "fit", lambda *args, **options: fit(*args, **{**options, "epochs": 2})
    )
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    names, shown = {}, 0
    for each in cells:
        if each["cell_type"] != "code":
            continue
        *body, last = ast.parse("".join(each["source"])).body
        if not isinstance(last, ast.Expr):
            body, last = [*body, last], None
        exec(compile(ast.Module(body, []), "cell", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
            if hasattr(value, "_ipython_display_"):
                value._ipython_display_()
            else:
                assert value._repr_png_()
            shown += 1
        assert each["outputs"] or last is None, "the notebook is kept as executed"
    assert shown == 5
    assert len(cell.shown) == 3
