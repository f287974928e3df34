"""From values to trials: combinations, what they have no use for, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from fit_image.apps.fit.architecture import make_network
from fit_image.apps.fit.manifest import FitManifest, Picture
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.sweep.execution.cost import expected_seconds, longest_first, measured_factor
from fit_image.apps.sweep.plan.plan import SweepSpec, plan_trials
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig
from fit_image.config.layer_spec import parse_layers
from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError
from fit_image.runs.progress import Status


def plan(picture, *rows, **options):
    rows = tuple(
        {**row, "layers": tuple(map(parse_layers, row["layers"]))} if "layers" in row else row
        for row in rows
    )
    return plan_trials(SweepSpec((picture,), rows, **options))


def test_the_trials_are_the_product_of_the_values(picture):
    trials = plan(picture, {"layers": ("1x8", "2x8"), "learning_rate": (0.1, 0.2), "seed": (0, 1)})
    found = [
        (len(each.fit.layers), each.fit.learning_rate, each.fit.seed)
        for each in (trial.manifest for trial in trials)
    ]
    assert found == [(n, rate, seed) for n in (1, 2) for rate in (0.1, 0.2) for seed in (0, 1)]


def test_planning_compiles_no_expression(picture, monkeypatch):
    monkeypatch.setattr("fit_image.nn.activations.program_code", pytest.fail)
    (trial,) = plan(picture, {"layers": ("8",), "activation": ("expr: s/(2+abs(s))",)})
    assert trial.parameters == 8 * 3 + 9 * 3


def test_rows_are_products_of_their_own(picture):
    trials = plan(picture, {"layers": ("1x8",), "seed": (0, 1)}, {"layers": ("2x8",)})
    assert [(len(t.manifest.fit.layers), t.seed) for t in trials] == [(1, 0), (1, 1), (2, 0)]


def test_a_trial_that_is_asked_for_twice_is_one(picture):
    trials = plan(picture, {"layers": ("8,8", "2x8"), "learning_rate": (0.1, 0.1)})
    assert len(trials) == 1


def test_values_without_use_are_left_out_of_a_combination(picture):
    axes = {"activation": ("relu", "sine"), "omega": (10.0, 20.0)}
    trials = [trial.manifest.fit for trial in plan(picture, axes)]
    assert [(fit.activation, fit.omega) for fit in trials] == [
        ("relu", 30.0),
        ("sine", 10.0),
        ("sine", 20.0),
    ]
    axes = {"optimizer": ("sgd", "adamw"), "weight_decay": (0.1,)}
    assert [t.manifest.fit.weight_decay for t in plan(picture, axes)] == [None, 0.1]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"activation": ("relu", "tanh"), "omega": (10.0,)}, "--omega would change nothing"),
        ({"weight_decay": (0.1,)}, "--weight-decay would change nothing"),
        ({"table_rate": (2.0,)}, "--table-rate would change nothing"),
        ({"learning_rate": ()}, "no trials: "),
        ({"warmup": (1.0, 9.0), "epochs": (5,)}, "--warmup 9.0: warmup must be at most"),
        ({"layers": ("1x8", "3x65000")}, "--layers 3x65000: this network needs .* GB of memory"),
    ],
)
def test_invalid_specifications_are_refused(picture, axes, message):
    with pytest.raises(InputError, match=message):
        plan(picture, axes)


def test_a_picture_that_is_wrong_is_named(picture, tmp_path):
    dot = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(dot)
    grid = {"hold_out": (None, "even")}
    with pytest.raises(InputError, match=r"dot\.png: --hold-out even: .* all of the 1 x 1 pixels"):
        plan_trials(SweepSpec((picture, dot), (grid,)))


def test_an_animation_that_no_trial_can_write_is_refused(picture):
    record = RecordConfig(animations=("film.avif",), loop="once")
    with pytest.raises(InputError, match="once is not possible in AVIF files"):
        plan(picture, {"layers": ("1x4", "1x8")}, record=record)


def test_presets_and_encodings_are_decided_by_the_picture(picture):
    (trial,) = plan(picture, {"preset": ("instant",)})
    assert "finest=24" in trial.manifest.fit.encoding
    assert trial.manifest.fit.optimizer == "adam"


def test_a_picture_prepared_otherwise_is_another_trial(picture):
    trials = plan(picture, {"max_pixels": (100, None), "channels": ("rgb", "grey")})
    assert len({trial.key for trial in trials}) == 4
    assert {trial.manifest.picture.width for trial in trials} == {24, 12}


def test_the_key_depends_on_what_decides_the_result_only(picture, tmp_path):
    (trial,) = plan(picture, {"epochs": (3,)})
    copy = tmp_path / "elsewhere.png"
    copy.write_bytes(picture.read_bytes())
    (moved,) = plan(copy, {"epochs": (3,)}, record=RecordConfig(fps=7.0))
    (longer,) = plan(picture, {"epochs": (4,)})
    assert trial.key == moved.key != longer.key
    assert trial.with_seed(1).key != trial.key


@pytest.mark.parametrize("encoding", ["none", "positional:4", "fourier:16@3", "grid:axes=9"])
@pytest.mark.parametrize("channels", CHANNELS)
def test_parameters_are_those_of_the_network(picture, encoding, channels):
    (trial,) = plan(picture, {"encoding": (encoding,), "channels": (channels,)})
    network = make_network(trial.manifest.fit, (24, 16), CHANNELS[channels])
    assert trial.parameters == network.num_params


@pytest.mark.parametrize("encoding", ["none", "fourier:16@3"])
def test_widths_are_matched_to_a_number_of_parameters(picture, encoding):
    axes = {"layers": ("1x9", "2x9", "8x9"), "encoding": (encoding,)}
    trials = plan(picture, axes, match_params=parse_layers("4x40"))
    (like,) = plan(picture, {"layers": ("4x40",), "encoding": (encoding,)})
    assert [len(trial.manifest.fit.layers) for trial in trials] == [1, 2, 8]
    for trial in trials:
        assert trial.parameters == pytest.approx(like.parameters, rel=0.01)


def test_more_work_is_expected_to_take_longer(picture):
    few, many, wide = plan(
        picture, {"epochs": (10, 20), "layers": ("2x64",)}, {"epochs": (10,), "layers": ("2x300",)}
    )
    assert expected_seconds(few) < expected_seconds(many)
    assert longest_first([few, wide, many])[0] in (wide, many)
    assert longest_first([few, wide, many])[-1] == few
    limited = replace(
        wide, manifest=replace(wide.manifest, fit=replace(wide.manifest.fit, time_limit=0.01))
    )
    assert expected_seconds(limited) < expected_seconds(wide)


def test_the_share_done_is_by_epochs_or_by_time_whichever_is_further(picture):
    (trial,) = plan(picture, {"epochs": (10,), "time_limit": (4.0,)})
    assert trial.manifest.share_done(Status(0, 0, 384, 0.0)) == 0.0
    assert trial.manifest.share_done(Status(3, 192, 384, 0.4)) == pytest.approx(0.25)
    assert trial.manifest.share_done(Status(3, 192, 384, 3.0)) == pytest.approx(0.75)
    assert trial.manifest.share_done(Status(3, 192, 384, 4.1)) == 1.0


def test_finished_trials_correct_what_is_expected(picture):
    (trial,) = plan(picture, {"epochs": (10,), "layers": ("2x300",)})
    rows = tuple(FitMetrics(epoch, 0.1, 20.0, 3.0 * epoch) for epoch in range(1, 11))
    slow = Outcome(trial, "done", rows)
    factor = measured_factor([slow])
    assert expected_seconds(trial, factor) == pytest.approx(30.0, rel=0.5)
    assert measured_factor([replace(slow, status="interrupted")]) == 1.0
    # The epoch that a time limit cuts short tells nothing.
    fit = replace(trial.manifest.fit, time_limit=3.1)
    limited = replace(trial, manifest=replace(trial.manifest, fit=fit))
    cut = (rows[0], FitMetrics(2, 0.1, 20.0, 3.1))
    assert measured_factor([Outcome(limited, "done", cut)]) == pytest.approx(factor)
    assert measured_factor([Outcome(limited, "done", (FitMetrics(1, 0.1, 20.0, 3.1),))]) == 1.0


def test_keys_are_those_of_versions_that_lacked_what_was_added():
    def key(image, **options):
        fit = FitConfig(layers="2x5", epochs=4, **options)
        picture = Picture("cat.png", "sha", 10, 8)
        return Trial(FitManifest(picture, fit, image, RecordConfig())).key

    # Names of trials' folders in sweeps of 2026, before there was --hold-out.
    assert key(ImageConfig()) == "f6df03f11bb3f7d1"
    assert key(ImageConfig(frame=3)) == "9c1710365bf6e136"
    others = {key(ImageConfig(), hold_out=value) for value in (None, "even", 0.25, 0.5)}
    assert len(others) == 4
