from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit_image.apps.fit.architecture import make_layers
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig
from fit_image.config.layer_spec import (
    MAX_LAYERS,
    MAX_WIDTH,
    Hidden,
    format_layers,
    parse_duration,
    parse_init,
    parse_layers,
)
from fit_image.config.registry import ACTIVATIONS, OPTIMIZERS
from fit_image.config.usage import unused_fields
from fit_image.errors import InputError
from fit_image.storage.dataclass_json import from_json, to_json


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("4x300", (300, 300, 300, 300)),
        ("300,200,100", (300, 200, 100)),
        ("2x300,64", (300, 300, 64)),
        (" 2X8 , 1 ", (8, 8, 1)),
        ("2x256:sine,64:scaled-tanh", (*[Hidden(256, "sine")] * 2, Hidden(64, "scaled-tanh"))),
        ("3:relu,3", (Hidden(3, "relu"), 3)),
    ],
)
def test_layers_are_parsed(text, layers):
    assert parse_layers(text) == FitConfig(layers=layers).layers
    assert FitConfig(layers=text).layers == FitConfig(layers=layers).layers


def test_activations_are_those_of_the_layers_or_the_network():
    config = FitConfig(layers="8:sine,8", activation="tanh", output_activation="sigmoid")
    assert config.activations == ("sine", "tanh", "sigmoid")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("siren", ("siren", None)),
        ("normal:0.02", ("normal", 0.02)),
        ("normal:1e-3", ("normal", 1e-3)),
    ],
)
def test_initialisations_are_parsed(text, expected):
    assert parse_init(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "normal", "normal:STD", "normal:", "normal:-1", "normal:.", "normal:1e7", "he:1", "nan"],
)
def test_errors_of_initialisations_are_one_line(text):
    with pytest.raises(InputError, match="is not an initialisation") as caught:
        parse_init(text)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "''"),
        ("4x300,", "''"),
        ("4x300,x2,7", "'x2'"),
        ("300,-1", "'-1'"),
        ("300,0", "'0'"),
        ("0x300", "'0x300'"),
        ("2x", "'2x'"),
        ("2x3x4", "'2x3x4'"),
        ("3.5", "'3.5'"),
        ("\u0663", "'\\u0663'"),  # a digit elsewhere in Unicode
        (f"8,{MAX_WIDTH + 1}", f"'{MAX_WIDTH + 1}'"),
        (f"1,{MAX_LAYERS}x2", f"'{MAX_LAYERS}x2'"),
        ("9" * 5000, "'9999"),
        ("8:sine,8:cosine", "'8:cosine'"),
        ("8:", "'8:'"),
    ],
)
def test_errors_of_layers_name_the_part(text, part):
    with pytest.raises(InputError) as caught:
        parse_layers(text)
    assert part in str(caught.value)


@given(st.text())
def test_any_text_is_layers_or_a_one_line_error(text):
    try:
        layers = parse_layers(text)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
        assert len(str(error)) < 500
    else:
        assert layers == parse_layers(format_layers(layers))


LAYER = st.builds(Hidden, st.integers(1, MAX_WIDTH), st.none() | st.sampled_from(list(ACTIVATIONS)))


@given(st.lists(LAYER, min_size=1, max_size=20))
def test_format_and_parse_are_inverse(layers):
    assert parse_layers(format_layers(tuple(layers))) == tuple(layers)


@pytest.mark.parametrize(
    "config",
    [
        FitConfig(),
        FitConfig(layers=(3, 4), epochs=7, learning_rate=1e-3, slope=0.5, seed=9),
        FitConfig(optimizer="adam", batch_size=10**15),
        FitConfig(optimizer="adamw", weight_decay=0.0, loss="l1"),
        FitConfig(lr_schedule="cosine", warmup=0.5),
        FitConfig(layers="2x8:sine,4", activation="gabor", omega=7.5, scale=3.0, init="normal:0.1"),
        FitConfig(sampling="error", target_psnr=30.5, time_limit=60.0),
        ImageConfig(max_pixels=None, background="#fa0"),
        RecordConfig(animations=("a.gif", "b.mp4"), pace="visible"),
    ],
)
def test_json_both_ways(config):
    assert from_json(type(config), json.loads(json.dumps(to_json(config)))) == config


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_brings_its_own_defaults(name):
    config = FitConfig(optimizer=name)
    defaults = OPTIMIZERS[name]
    assert config.learning_rate == defaults.learning_rate
    assert config.batch_size == defaults.batch_size
    assert config.weight_decay == defaults.weight_decay
    given = FitConfig(optimizer=name, learning_rate=0.7, batch_size=3)
    assert (given.learning_rate, given.batch_size) == (0.7, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": "7"},
        {"epochs": True},
        {"epochs": 7.5},
        {"layers": "4y300"},
        {"layers": [300]},
        {"layers": ""},
        {"activation": "cosine"},
        {"output_activation": "sine"},
        {"omega": 0.0},
        {"scale": float("inf")},
        {"init": "best"},
        {"init": None},
        {"slope": 2.0},
        {"learning_rate": float("nan")},
        {"learning_rate": None},
        {"batch_size": None},
        {"batch_size": 1.5},
        {"batch_size": -1},
        {"optimizer": "rmsprop"},
        {"loss": "l2"},
        {"lr_schedule": "square"},
        {"schedule_by": "steps"},
        {"sampling": "random"},
        {"target_psnr": 0.0},
        {"target_psnr": float("inf")},
        {"target_psnr": "30"},
        {"time_limit": 0.0},
        {"time_limit": float("nan")},
        {"warmup": -1.0},
        {"warmup": 501.0},
        {"encoding": None},
        {"warmup": None},
        {"weight_decay": 0.1},
        {"optimizer": "adamw", "weight_decay": -0.1},
        {"optimizer": "adamw", "weight_decay": float("nan")},
        {"unknown": 1},
    ],
)
def test_json_is_strict(change):
    with pytest.raises(InputError, match=list(change)[-1]):
        from_json(FitConfig, to_json(FitConfig()) | change)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("60s", 60), ("2m", 120), ("1h30m", 5400), ("1h2m3s", 3723), (" 0.5s ", 0.5)],
)
def test_times_are_parsed(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "s", "h", "-1", "1d", "30m1h", "1e3", "nan", "9" * 30])
def test_times_that_make_no_sense_are_refused(text):
    with pytest.raises(InputError, match="time"):
        parse_duration(text)


def test_json_with_a_missing_field_is_refused():
    data = to_json(FitConfig())
    del data["seed"]
    with pytest.raises(InputError, match="'seed' is missing"):
        from_json(FitConfig, data)


@pytest.mark.parametrize("data", [None, [], 3, "text"])
def test_json_that_is_no_object_is_refused(data):
    with pytest.raises(InputError):
        from_json(FitConfig, data)


@pytest.mark.parametrize(
    ("options", "rate"),
    [
        ({}, 0.1),
        ({"optimizer": "adam"}, 0.001),
        ({"activation": "sine"}, 0.003),
        ({"activation": "gabor", "optimizer": "adamw"}, 0.0003),
        ({"layers": "8,8:finer,8:gauss", "optimizer": "adam"}, 0.0001),
        ({"layers": "8:relu", "activation": "sine", "optimizer": "momentum"}, 0.1),
        ({"activation": "sine", "learning_rate": 0.5}, 0.5),
    ],
)
def test_the_learning_rate_suits_optimizer_and_activations(options, rate):
    assert FitConfig(**options).learning_rate == rate


def test_a_grid_is_learned_by_adam_unless_told():
    assert FitConfig().optimizer == FitConfig(encoding="fourier:4@1").optimizer == "sgd"
    assert FitConfig(encoding="grid").optimizer == "adam"
    assert FitConfig(encoding="grid").batch_size == 64
    assert FitConfig(encoding="grid", optimizer="sgd").optimizer == "sgd"


@pytest.mark.parametrize("field", ["slope", "epochs", "learning_rate", "seed", "batch_size"])
def test_text_for_a_number_is_refused_with_the_fields_name(field):
    with pytest.raises(InputError, match=f"{field} must be a number"):
        FitConfig(**{field: "fast"})


def test_the_first_layer_may_have_an_omega_of_its_own():
    def layers(**options):
        config = FitConfig(layers="3x5", activation="sine", **options)
        return [layer.omega for layer in make_layers(config, 2, 3)]

    assert layers(omega=7.0) == [7.0] * 4
    assert layers(omega=7.0, first_omega=60.0) == [60.0, 7.0, 7.0, 7.0]
    assert "first_omega" not in unused_fields(FitConfig(layers="8:finer,8:relu"))
    assert "first_omega" in unused_fields(FitConfig(layers="8:relu,8:finer"))
    with pytest.raises(InputError, match="first_omega"):
        FitConfig(first_omega=0.0)
