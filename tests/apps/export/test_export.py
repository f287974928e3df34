"""Exported networks against the networks themselves, over the tables of components."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pytest
from subjects import PICTURES, SUBJECTS, digits, dreamer, picture, with_activation

from fit_image.apps.export import checks, registry
from fit_image.apps.export.activations import ACTIVATIONS, IN_NUMPY, Constants, activation_text
from fit_image.apps.export.glsl import IN_GLSL, evaluated
from fit_image.apps.export.onnx_graph import run_onnx, write_onnx
from fit_image.apps.export.page import evaluate_page, write_page
from fit_image.apps.export.plain import PLAIN_ENCODINGS, PlainNetwork, shape_text
from fit_image.apps.export.registry import EXPORTERS, export, files_of
from fit_image.apps.export.shader import evaluate_shader, write_shader
from fit_image.apps.export.subject import digits_subject, dream_subject, picture_subject
from fit_image.apps.export.torch_module import evaluate_weights, run_module, write_torch
from fit_image.config.registry import EXPORTS
from fit_image.errors import FitImageError, InputError
from fit_image.nn import activations as core
from fit_image.nn.encodings.registry import ENCODINGS
from naive import ALL_ACTIVATIONS

REGION = (-0.5, -0.4, 1.3, 1.5)


@pytest.fixture(autouse=True)
def _no_browser(monkeypatch):
    monkeypatch.setattr(checks, "find_browser", lambda: None)


def outputs_of(suffix, subject, folder, inputs):
    """Return the outputs of the file of a format for inputs, by whatever runs it best."""
    if suffix == ".html":
        return evaluate_page(write_page(subject), inputs)
    if suffix == ".glsl":
        coordinates = subject.frame.coordinates(20, 16, REGION)
        return evaluate_shader(write_shader(subject), subject.frame.names, coordinates)
    if suffix == ".onnx":
        pytest.importorskip("onnx")
        return run_onnx(write_onnx(subject), inputs)[1]
    contents = write_torch(subject)
    if suffix == ".safetensors":
        return evaluate_weights(contents[suffix], inputs)
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    for name, data in contents.items():
        (folder / f"network{name}").write_bytes(data)
    return run_module(folder / "network.py", inputs)


def check_format(suffix, subject, folder, tolerance=1e-6):
    inputs = subject.inputs(20, 16, REGION)
    found, expected = outputs_of(suffix, subject, folder, inputs), subject.network.predict(inputs)
    found = found[:, : subject.channels]
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_every_component_has_its_row():
    assert list(ACTIVATIONS) == list(core.ACTIVATIONS)
    assert list(PLAIN_ENCODINGS) == list(ENCODINGS)
    assert set(ENCODINGS) <= set(PICTURES)
    assert list(EXPORTERS) == list(EXPORTS)


@pytest.mark.parametrize("name", ALL_ACTIVATIONS)
def test_expressions_are_the_activations(name):
    constants, sums = Constants(0.1, 3.0, 0.7), np.linspace(-6, 6, 101)
    f, _ = ALL_ACTIVATIONS[name]
    expected = [f(s, constants) for s in sums]
    np.testing.assert_allclose(ACTIVATIONS[name](IN_NUMPY, sums, constants), expected, atol=1e-14)
    text = activation_text(name, IN_GLSL, constants, "s")
    np.testing.assert_allclose(evaluated(text, s=sums), expected, atol=2e-7)


@pytest.mark.parametrize("name", ALL_ACTIVATIONS)
@pytest.mark.parametrize("suffix", EXPORTERS)
def test_every_format_has_every_activation(suffix, name, tmp_path):
    check_format(suffix, picture_subject(with_activation(name), ""), tmp_path)


@pytest.mark.parametrize("suffix", EXPORTERS)
def test_an_activation_may_be_infinite_at_0(suffix, tmp_path):
    network = picture([6, 6], ["expr: log(abs(s))"] * 2, [0, 0])
    # A sum near 0, rounded another way, has quite another logarithm.
    check_format(suffix, picture_subject(network, ""), tmp_path, tolerance=1e-4)


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("suffix", EXPORTERS)
def test_every_format_has_every_part_of_networks(suffix, name, tmp_path):
    check_format(suffix, SUBJECTS[name](), tmp_path)


@pytest.mark.parametrize("name", ENCODINGS)
def test_what_is_exported_is_what_is_rendered(name):
    network = picture(encoding=name)
    subject = picture_subject(network, "")
    found = subject.plain.evaluate(subject.inputs(31, 17, REGION)).reshape(17, 31, 3)
    np.testing.assert_allclose(found, network.render(31, 17, REGION), atol=2e-6)


def test_digits_and_dreams_are_exported_as_they_are_drawn(rng):
    model = digits()
    (latents,) = model.sample([1], rng)
    subject = digits_subject(model, "", label=1, latents=latents)
    drawn = model.draw(latents, 30, 30)
    found = subject.plain.evaluate(subject.inputs(30, 30)).reshape(30, 30, 1)
    np.testing.assert_allclose(found, drawn, atol=1e-5)
    assert subject.inverted  # white paper
    assert not digits_subject(model, "", paper="learned").inverted
    subject = dream_subject(dreamer(), "")
    drawn = dreamer().rows(40, 40, 0, 40)
    found = subject.plain.evaluate(subject.inputs(40, 40)).reshape(40, 40, 3)
    assert np.abs(255 * found - drawn).max() < 0.51


def test_an_exported_file_is_written_and_measured(tmp_path):
    subject = picture_subject(picture(), "a picture")
    for name, names in (("a.html", 1), ("b.GLSL", 1), ("c.py", 2)):
        lines = export(subject, tmp_path / name)
        assert len(files_of(tmp_path / name)) == names
        assert all(file.stat().st_size for file in files_of(tmp_path / name))
        assert f"for {subject.plain.numbers:,} weights" in lines[0]
        assert any("from the network" in line for line in lines[1:])


@pytest.mark.parametrize("suffix", EXPORTERS)
def test_a_file_that_computes_something_else_is_not_written(suffix, tmp_path, monkeypatch):
    right, wrong = (picture_subject(picture((6, 5), (name,) * 2), "") for name in ("tanh", "relu"))
    exporter = EXPORTERS[suffix]
    other = registry.Exporter(exporter.suffixes, lambda _: exporter.write(wrong), exporter.check)
    monkeypatch.setitem(EXPORTERS, suffix, other)
    with pytest.raises(FitImageError, match="nothing written: "):
        export(right, tmp_path / f"network{suffix}")
    assert not [*tmp_path.iterdir()]


def test_half_of_the_bytes(tmp_path):
    subject = picture_subject(picture((60, 60)), "a picture")
    whole, half = write_page(subject), write_page(subject, half=True)
    saved = len(whole) - len(half)
    assert saved == pytest.approx(2 * subject.plain.numbers * 4 / 3, rel=0.01)
    inputs = subject.inputs(20, 20)
    far = np.abs(evaluate_page(half, inputs) - subject.network.predict(inputs)).max()
    assert 1e-6 < far < 0.01
    lines = export(subject, tmp_path / "half.html", half=True)
    assert "of 255 levels off" in lines[1]


@pytest.mark.parametrize("hidden", [(8,), (300, 300)])
@pytest.mark.parametrize("name", ["picture", "dream"])
def test_a_page_is_not_much_larger_than_its_weights(hidden, name):
    subject = (
        SUBJECTS["dream"]()
        if name == "dream"
        else picture_subject(
            picture(hidden, ["finer"] * len(hidden), [0] * len(hidden)), "a picture"
        )
    )
    assert len(write_page(subject)) <= 1.4 * 4 * subject.plain.numbers + 20_000


def test_names_of_pictures_are_text():
    page = write_page(picture_subject(picture(), "</title><script>{model}\udcff</script>"))
    assert b"&lt;/title&gt;&lt;script&gt;{model}\\udcff&lt;" in page
    assert page.count(b"</script>") == page.count(b"<script")
    model = digits_subject(digits(), "digits")
    assert json.loads(re.search(rb'id="model">(.*?)</script>', write_page(model))[1])["latents"][
        "classes"
    ] == ["a<b", "7"]


def test_weights_are_a_file_of_safetensors(tmp_path):
    load = pytest.importorskip("safetensors.numpy").load
    network = picture(encoding="grid")
    arrays = load(write_torch(picture_subject(network, ""))[".safetensors"])
    for index, (weights, biases) in enumerate(network.weights()):
        np.testing.assert_array_equal(arrays[f"layers.{index}.weight"], weights)
        np.testing.assert_array_equal(arrays[f"layers.{index}.bias"], biases)
    assert arrays["table"].size == network.encoding.num_params


def test_a_module_is_short():
    layers = {f"{count}": picture([20] * count, ["sine"] * count, [0] * count) for count in (4, 60)}
    for network in layers.values():
        text = write_torch(picture_subject(network, ""))[".py"].decode()
        assert len(text.splitlines()) <= 45


def test_graphs_run_without_onnxruntime(monkeypatch):
    pytest.importorskip("onnx")
    subject = SUBJECTS["grid"]()
    inputs = subject.inputs(20, 16, REGION)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    program, outputs = run_onnx(write_onnx(subject), inputs)
    assert program == "onnx"
    np.testing.assert_allclose(outputs, subject.network.predict(inputs), rtol=1e-6, atol=1e-6)


def test_what_a_format_cannot_hold_is_refused(tmp_path, monkeypatch):
    subject = picture_subject(picture((70, 60)), "")
    with pytest.raises(InputError, match=r"at most 4,096 weights, not 4,\d+: choose \.html"):
        export(subject, tmp_path / "a.glsl")
    monkeypatch.setattr("fit_image.apps.export.page.MOST_NUMBERS", 4_000)
    with pytest.raises(InputError, match=r"at most 4,000 weights.*: choose \.onnx"):
        export(subject, tmp_path / "a.html")
    with pytest.raises(InputError, match=r"must end in one of \.html, \.glsl"):
        export(subject, tmp_path / "a.exe")
    with pytest.raises(InputError, match=r"\.onnx has no 16-bit weights"):
        export(subject, tmp_path / "a.onnx", half=True)
    network = picture()
    next(network.weights())[0][0, 0] = 70_000
    with pytest.raises(InputError, match="16 bits end at") as error:
        export(picture_subject(network, ""), tmp_path / "a.html", half=True)
    assert error.value.fields == ("half",)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"pip install 'fit-image\[export\]'"):
        export(subject, tmp_path / "a.onnx")
    assert not [*tmp_path.iterdir()]


def test_a_component_without_a_row_is_refused(monkeypatch):
    network = picture(activations=("tanh", "gauss"))
    monkeypatch.delitem(ACTIVATIONS, "gauss")
    with pytest.raises(InputError, match="no format of export has the activation gauss"):
        PlainNetwork.of(network)
    monkeypatch.delitem(PLAIN_ENCODINGS, "grid")
    with pytest.raises(InputError, match="no format of export has the encoding grid"):
        PlainNetwork.of(picture(encoding="grid"))


def test_shapes_are_short():
    assert (
        shape_text(picture_subject(picture((5, 5, 7), ("tanh",) * 3, (0,) * 3), "").plain.layers)
        == "2x5,7"
    )
