"""Runs whose activation is an expression: recorded by its text, resumed, compared, exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fit_image
from fit_image.config.layer_spec import Hidden
from fit_image.errors import InputError
from shell import Shell

shell = Shell()
TEXT = "expr: max(s,slope*s)+sin(omega*s)/(1+abs(s))"
OPTIONS = ("--layers", "2x8", "--animation", "none", "--threads", 1, "-q")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def weights(folder):
    with np.load(Path(folder, "model.npz")) as model:
        return model["weights_0"], model["activations"].tolist()


def test_a_run_keeps_the_text_and_goes_on_to_the_same_bits(picture):
    options = (*OPTIONS, "--omega", 3, "--slope", 0.2, "--activation")
    shell.succeed(picture, *options, TEXT, "-o", "whole", "--epochs", 3)
    shell.succeed(picture, *options, TEXT.replace(" ", ""), "-o", "parts", "--epochs", 1)
    shell.succeed(picture, "--resume", "-o", "parts", "--epochs", 3, "-q")
    np.testing.assert_array_equal(weights("whole")[0], weights("parts")[0])
    assert weights("parts")[1] == [TEXT, TEXT, "identity"]
    assert json.loads(Path("parts/run.json").read_text())["fit"]["activation"] == TEXT
    assert TEXT in shell.succeed("info", "parts").stdout
    shell.succeed("render", "parts", "-o", "large.png", "--scale", 2)
    shell.succeed("units", "parts", "-o", "units.png")
    shell.succeed("export", "parts", "-o", "page.glsl")


def test_a_sweep_compares_expressions_with_others(picture):
    sweep = Shell("sweep")
    listed = "relu,expr: max(s,tanh(s)),expr: sin(omega*s),sine"
    options = ("--layers", "6", "--epochs", 1, "--activation", listed, "--plan")
    plan = sweep.succeed(picture, *options).output
    for name in ("relu", "expr: max(s,tanh(s))", "expr: sin(omega*s)", "sine"):
        assert name in plan
    # An omega that an expression does not use makes no further trials.
    plan = sweep.succeed(picture, *options, "--omega", "3,4").output
    assert plan.count("expr: max") == 1
    assert plan.count("expr: sin") == 2


def test_a_rate_suits_what_uses_omega():
    config = fit_image.FitConfig
    sine = config(activation="sine", optimizer="adam")
    assert config(activation="expr: sin(omega*s)*s", optimizer="adam").learning_rate == (
        sine.learning_rate
    )
    assert config(activation="expr: s*tanh(s)").learning_rate == config().learning_rate


def test_a_wrong_expression_is_refused_with_its_place(picture):
    line = shell.fail(picture, "--activation", "expr: sin(omega*q)")
    assert "--activation" in line
    assert "unknown name 'q' at column 11" in line
    assert "is not one of" in shell.fail(picture, "--activation", "sinus")
    assert "expression is given by --activation" in shell.fail(picture, "--layers", "2x8:expr")
    line = shell.fail(picture, "--activation", "expr: s*tanh(s)", "--omega", 3)
    assert "--omega would change nothing" in line
    with pytest.raises(InputError, match="layers cannot have an expression"):
        fit_image.FitConfig(layers=(Hidden(3, "expr: s*2"),))


def test_a_model_with_a_wrong_expression_is_damaged(picture):
    shell.succeed(picture, *OPTIONS, "--activation", "expr: s*tanh(s)", "-o", "run", "--epochs", 1)
    with np.load("run/model.npz") as model:
        arrays = dict(model)
    arrays["activations"] = np.array(["expr: open(s)", "relu", "identity"])
    np.savez("forged.npz", **arrays)
    assert "unknown activation in layer 0" in shell.fail("render", "forged.npz")
