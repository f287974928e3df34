from __future__ import annotations

import csv
import json
import math
from dataclasses import replace

import pytest

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import FitManifest, FitResult, Picture
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.labels import distinguishing_fields
from fit_image.apps.sweep.results.outcome import Outcome, read_outcome
from fit_image.apps.sweep.results.seed_group import Statistics, group_by_seed
from fit_image.apps.sweep.results.tables import write_results
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig
from fit_image.config.presets import PRESETS, preset_config

STATUSES = ("waiting", "running", "interrupted", "failed", "diverged", "done")


def trial(
    picture="/pictures/cat.png", preset="classic", image=None, record=None, width=10, **options
):
    shown = Picture(picture, f"sha of {picture}", width, 8)
    fit = FitConfig(**{"layers": "2x5", "epochs": 4, **options})
    return Trial(FitManifest(shown, fit, image or ImageConfig(), record or RecordConfig(), preset))


def outcome(trial, *psnr, status="done", step=1.5, **options):
    rows = tuple(
        FitMetrics(epoch, 0.1 / epoch, value, epoch * step)
        for epoch, value in enumerate(psnr, start=1)
    )
    return Outcome(trial, status, rows, **options)


def written(tmp_path, outcomes):
    """Return rows of results.csv and means.csv, and results.json."""
    folder = SweepDirectory(tmp_path, [each.trial for each in outcomes])
    write_results(folder, outcomes)
    tables = []
    for path in (folder.results_csv, folder.means_csv):
        with path.open(newline="", encoding="utf-8") as file:
            tables.append(list(csv.DictReader(file)))
    return *tables, json.loads(folder.results_json.read_bytes(), parse_constant=pytest.fail)


def labels(trials):
    return [group.label for group in group_by_seed([outcome(each) for each in trials])]


def test_a_row_has_configuration_and_results(tmp_path):
    one = trial(learning_rate=0.25, record=RecordConfig(frame_every=3), seed=7)
    (row,), _, data = written(tmp_path, [outcome(one, 18.0, 26.0, None, 24.5)])
    assert list(row)[:4] == ["key", "label", "picture", "preset"]
    expected = {
        "key": one.key,
        "label": "2x5",
        "picture": "/pictures/cat.png",
        "preset": "classic",
        "layers": "2x5",
        "epochs": "4",
        "learning_rate": "0.25",
        "seed": "7",
        "weight_decay": "",
        "max_pixels": "131072",
        "background": "white",
        "channels": "rgb",
        "frame_every": "3",
        "parameters": str(3 * 5 + 6 * 5 + 6 * 3),
        "work": str(6 * 63 * 10 * 8 * 4),
        "epochs_learned": "4",
        "seconds": "6.0",
        "psnr": "24.5",
        "best_psnr": "26.0",
        "seconds_to_20": "3.0",
        "seconds_to_25": "3.0",
        "seconds_to_30": "",
        "status": "done",
        "stalled": "",
        "message": "",
        "run": f"trials/{one.key}",
    }
    assert {name: row[name] for name in expected} == expected
    (same,) = data["trials"]
    assert list(same) == list(row)
    assert {name: "" if value is None else str(value) for name, value in same.items()} == row
    assert same["psnr"] == 24.5
    assert same["weight_decay"] is None


def test_every_field_that_decides_a_trial_has_a_column(tmp_path):
    (row,), _, _ = written(tmp_path, [outcome(trial())])
    for config in (FitConfig, ImageConfig):
        assert set(config.__dataclass_fields__) <= row.keys()


def test_means_and_spread_over_seeds(tmp_path):
    trials = [trial(seed=seed) for seed in (2, 0, 1)]
    figures = [(21.0, 26.0), (19.0, 23.0), (22.0, 26.0)]
    outcomes = [
        outcome(each, *psnr, step=step)
        for each, psnr, step in zip(trials, figures, (1.0, 2.0, 6.0), strict=True)
    ]
    rows, (mean,), data = written(tmp_path, outcomes)
    assert [row["seed"] for row in rows] == ["2", "0", "1"]
    (group,) = data["groups"]
    assert group["seeds"] == [0, 1, 2]
    assert mean["seeds"] == "0 1 2"
    assert group["done"] == 3
    assert "seed" not in group["configuration"]
    assert group["configuration"]["layers"] == "2x5"
    assert group["psnr"] == {
        "mean": 25.0,
        "deviation": pytest.approx(math.sqrt(3)),
        "least": 23.0,
        "most": 26.0,
    }
    assert group["seconds"] == {
        "mean": pytest.approx(6),
        "deviation": pytest.approx(math.sqrt(28)),
        "least": 2.0,
        "most": 12.0,
    }
    assert group["seconds_to_20"]["mean"] == pytest.approx((1 + 4 + 6) / 3)
    assert group["seconds_to_25"] is None  # one of them never came so far
    assert float(mean["psnr_mean"]) == 25.0
    assert float(mean["psnr_deviation"]) == pytest.approx(math.sqrt(3))
    assert (mean["seconds_least"], mean["seconds_most"]) == ("2.0", "12.0")
    assert mean["seconds_to_25_mean"] == mean["seconds_to_25_most"] == ""


def test_means_of_networks_that_halving_stopped_are_marked(tmp_path):
    outcomes = [
        *(outcome(trial(seed=seed), 20.0, 21.0 + seed, status="stopped") for seed in (0, 1)),
        outcome(trial("/pictures/dog.png"), 24.0, 25.0, 26.0),
        outcome(trial("/pictures/dog.png", seed=1), 25.0, status="failed"),
    ]
    _, means, data = written(tmp_path, outcomes)
    marks = [(mean["psnr_mean"], mean["done"], mean["stopped_at"]) for mean in means]
    assert marks == [("21.5", "0", "2"), ("26.0", "1", "")]
    assert [group["stopped_at"] for group in data["groups"]] == [2, None]


def test_what_a_trial_did_not_learn_is_beside_its_status(tmp_path):
    outcomes = [
        outcome(trial(seed=seed), 9.0, stalled=(None, "units died")[seed]) for seed in (0, 1)
    ]
    rows, _, data = written(tmp_path, outcomes)
    assert [(row["status"], row["stalled"], row["message"]) for row in rows] == [
        ("done", "", ""),
        ("done", "units died", ""),
    ]
    assert [each["stalled"] for each in data["trials"]] == [None, "units died"]


def test_only_trials_done_count_in_means(tmp_path):
    outcomes = [
        outcome(trial(seed=seed), *([10.0 * seed] if seed else []), status=status)
        for seed, status in enumerate(STATUSES)
    ]
    rows, (mean,), data = written(tmp_path, outcomes)
    assert [row["status"] for row in rows] == list(STATUSES)
    assert data["groups"][0]["done"] == 1
    assert float(mean["psnr_mean"]) == 50
    assert float(mean["psnr_deviation"]) == 0
    # Only for a trial that has not begun is nothing known.
    assert [row["psnr"] == "" for row in rows] == [True] + [False] * 5


def test_a_failure_has_its_message(tmp_path):
    broken = outcome(trial(), status="failed", message='no memory, "really"')
    (row,), (mean,), data = written(tmp_path, [broken])
    assert row["message"] == data["trials"][0]["message"] == 'no memory, "really"'
    assert (row["psnr"], row["best_psnr"], row["seconds_to_20"]) == ("", "", "")
    assert mean["psnr_mean"] == ""
    assert data["groups"][0]["psnr"] is None


def test_a_trial_that_was_finished_after_all_has_not_failed(tmp_path):
    one = trial()
    folder = SweepDirectory(tmp_path, [one], {one.key: "its worker died 3 times"})
    run = FitDirectory(folder.run_path(one), one.manifest)
    run.create()
    assert read_outcome(folder, one).status == "failed"
    run.metrics.append(FitMetrics(4, 0.1, 20.0, 1.0))
    run.result = FitResult("done", "epochs", 4, 20.0, 0.1, 63, 1.0, 1.0, 1)
    run.write_document()
    found = read_outcome(SweepDirectory(tmp_path, [one], folder.failures), one)
    assert (found.status, found.message) == ("done", "")


def test_a_perfect_copy(tmp_path):
    perfect = outcome(trial(seed=0), 20.0, math.inf)
    (row, _), (mean,), data = written(tmp_path, [perfect, outcome(trial(seed=1), 20.0, 25.0)])
    assert float(row["psnr"]) == math.inf
    assert float(row["seconds_to_30"]) == 3.0
    assert data["trials"][0]["psnr"] is None
    assert data["trials"][0]["best_psnr"] is None
    assert data["groups"][0]["psnr"] is None
    assert data["groups"][0]["seconds_to_20"]["mean"] == 1.5
    assert mean["psnr_mean"] == ""


@pytest.mark.parametrize(
    "name", ["a, b.png", 'the "cat".png', "two\nlines.png", "two\r.png", "Ström.png", "猫.png"]
)
def test_any_file_name_survives(tmp_path, name):
    (row,), (mean,), data = written(tmp_path, [outcome(trial(f"/p/{name}"), 20.0)])
    assert row["picture"] == mean["picture"] == data["trials"][0]["picture"] == f"/p/{name}"


def test_a_file_name_that_is_no_text_is_escaped(tmp_path):
    (row,), _, _ = written(tmp_path, [outcome(trial("/p/\udcff.png"), 20.0)])
    assert row["picture"] == "/p/\\udcff.png"


def test_files_replace_earlier_ones_and_leave_nothing_else(tmp_path):
    for status in ("running", "done"):
        written(tmp_path, [outcome(trial(), 20.0, status=status)])
    assert {file.name for file in tmp_path.iterdir()} == {
        "results.csv",
        "results.json",
        "means.csv",
    }
    assert "running" not in (tmp_path / "results.csv").read_text()


def test_groups_are_in_the_order_asked_for_and_their_seeds_sorted():
    trials = [trial(layers=layers, seed=seed) for layers in ("2x5", "1x9") for seed in (3, 1)]
    groups = group_by_seed([outcome(each) for each in (trials[0], *trials[2:], trials[1])])
    assert [group.label for group in groups] == ["2x5", "1x9"]
    assert [[each.trial.seed for each in group.outcomes] for group in groups] == [[1, 3], [1, 3]]
    assert groups[0].trial is trials[1]


def test_a_single_group_is_labelled_by_its_layers():
    assert labels([trial(seed=0), trial(seed=1)]) == ["2x5"]
    assert labels([]) == []


def test_labels_tell_what_differs():
    assert labels([trial(layers="1x9"), trial(layers="3x4")]) == ["1x9", "3x4"]
    assert labels([trial(learning_rate=0.05), trial(learning_rate=0.1)]) == ["lr 0.05", "lr 0.1"]
    assert labels([trial(), trial(activation="tanh")]) == ["leaky-relu", "tanh"]
    assert labels([trial(), trial(target_psnr=30.0)]) == ["target psnr none", "target psnr 30"]
    assert labels([trial(encoding="none"), trial(encoding="positional:4")]) == [
        "encoding none",
        "positional:4",
    ]
    pair = [trial(layers=layers, batch_size=size) for layers in ("1x9", "3x4") for size in (1, 8)]
    assert labels(pair) == [
        "1x9, batch size 1",
        "1x9, batch size 8",
        "3x4, batch size 1",
        "3x4, batch size 8",
    ]


def test_what_follows_from_what_was_asked_is_left_out():
    # An optimizer brings its own rate, batch size and weight decay, a preset nearly everything.
    optimizers = [trial(optimizer=name) for name in ("sgd", "adam", "adamw")]
    assert optimizers[0].manifest.fit.batch_size != optimizers[1].manifest.fit.batch_size
    assert distinguishing_fields(optimizers) == ["optimizer"]
    assert labels(optimizers) == ["sgd", "adam", "adamw"]
    presets = [
        Trial(replace(trial().manifest, fit=preset_config(name, 10, 8, epochs=4), preset=name))
        for name in PRESETS
    ]
    assert distinguishing_fields(presets) == ["preset"]
    assert labels(presets) == list(PRESETS)


def test_pictures_are_told_apart_by_their_names():
    trials = [trial(f"/p/{name}.png", width=width) for name, width in (("cat", 10), ("dog", 12))]
    assert distinguishing_fields(trials) == ["picture"]
    assert labels(trials) == ["cat", "dog"]


def test_a_picture_that_was_replaced_is_told_from_its_successor():
    first, second = trial(), trial(width=12)
    successor = replace(second.manifest.picture, sha256="0123456789abcdef")
    second = Trial(replace(second.manifest, picture=successor))
    assert labels([first, second]) == [
        "/pictures/cat.png (sha of /)",
        "/pictures/cat.png (01234567)",
    ]


def test_preparation_and_recording_are_told_apart():
    assert labels([trial(), trial(image=ImageConfig(channels="grey"))]) == [
        "channels rgb",
        "channels grey",
    ]
    assert labels([trial(), trial(record=RecordConfig(frame_every=2))]) == [
        "frame every 1",
        "frame every 2",
    ]


@pytest.mark.parametrize("values", [[], [None], [20.0, None], [20.0, math.inf], [math.nan]])
def test_no_spread_of_what_is_not_known(values):
    assert Statistics.of(values) is None


def test_figures_of_an_outcome():
    several = outcome(trial(), 21.0, None, 19.0)
    assert (several.psnr, several.best_psnr) == (19.0, 21.0)
    assert several.seconds_to(20) == 1.5
    assert several.seconds_to(25) is None
    unknown = outcome(trial(), None)
    assert (unknown.psnr, unknown.best_psnr, unknown.seconds_to(20)) == (None, None, None)
