"""The learning rate that is found: in the library, on the command line and in sweeps."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fit_image
from fit_image.apps.lr_finder.range_test import RangeTest
from fit_image.apps.lr_finder.suggestion import smooth, suggest
from fit_image.apps.sweep.plan.plan import SweepSpec, plan_trials
from fit_image.apps.sweep.plan.rates import RateFinder
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import parse_layers
from fit_image.config.registry import OPTIMIZERS
from fit_image.errors import InputError
from fit_image.nn.optimizers.momentum import Momentum
from shell import Shell

shell, sweep = Shell(), Shell("sweep")

KINDS = {
    "classic": {"layers": "2x16"},
    "adam": {"layers": "2x16", "optimizer": "adam"},
    "sine": {"layers": "2x16", "optimizer": "adam", "activation": "sine"},
    "grid": {"preset": "instant", "layers": "16"},
    "momentum": {"layers": "2x16", "optimizer": "momentum", "batch_size": 10_000},
}
SMALL = ("--layers", "2x8", "--epochs", "3", "--animation", "none")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return KINDS[request.param]


def losses_of(picture, config):
    test = RangeTest(picture, config, threads=1)
    for _ in test.steps():
        pass
    return test.result()


def test_the_rates_rise_geometrically_around_the_default(small_picture, kind):
    options = {name: value for name, value in kind.items() if name != "preset"}
    config = fit_image.FitConfig(**options)
    found = losses_of(small_picture, config)
    ratios = found.rates[1:] / found.rates[:-1]
    assert found.rates[0] == pytest.approx(1e-3 * fit_image.FitConfig(**options).learning_rate, 0.2)
    assert len(found.rates) == len(found.losses) > 20
    assert ratios.min() > 1.0
    assert np.median(ratios) == pytest.approx(ratios.max(), 0.1)


def test_the_suggestion_learns_more_than_rates_far_from_it(small_picture, kind):
    found = fit_image.find_lr(small_picture, threads=1, **kind).suggestion

    def psnr(rate):
        try:
            *_, last = fit_image.fit(
                small_picture, **{**kind, "learning_rate": rate, "epochs": 60}, threads=1
            )
        except fit_image.DivergenceError:
            return 0.0
        return last.psnr

    assert psnr(found) > max(psnr(found / 100), psnr(min(100 * found, 1e5)))


def test_the_suggestion_is_the_same_for_any_seed_length_schedule_and_threads(small_picture):
    one = fit_image.find_lr(small_picture, layers="2x16", threads=1)
    other = fit_image.find_lr(
        small_picture,
        layers="2x16",
        seed=5,
        epochs=7,
        lr_schedule="cosine",
        warmup=1,
        learning_rate=0.5,
        time_limit=1e-6,
        threads=2,
    )
    assert one.suggestion == other.suggestion
    assert one.losses.tobytes() == other.losses.tobytes()


def test_momentum_has_a_tenth_of_the_rate_of_plain_steps(small_picture):
    plain, momentum = (
        fit_image.find_lr(small_picture, layers="2x16", optimizer=name, batch_size=16)
        for name in ("sgd", "momentum")
    )
    assert momentum.losses.tobytes() == plain.losses.tobytes()
    assert momentum.suggestion == pytest.approx(plain.suggestion / 10, rel=0.06)
    assert 1 - OPTIMIZERS["momentum"].momentum == pytest.approx(1 - Momentum.momentum, 1e-6)


def test_a_training_with_auto_is_that_with_the_suggestion(small_picture):
    rate = fit_image.find_lr(small_picture, layers="2x8").suggestion
    auto = fit_image.fit(small_picture, layers="2x8", epochs=2, learning_rate="auto")
    given = fit_image.fit(small_picture, layers="2x8", epochs=2, learning_rate=rate)
    assert [each.psnr for each in auto] == [each.psnr for each in given]


def test_a_curve_shows_itself(small_picture):
    curve = fit_image.find_lr(small_picture, layers="2x8")
    chart = curve.chart()
    assert chart.shape == (520, 900, 3)
    assert "learning rate" in curve.shown().caption
    # The mark of the suggestion stands where its rate is on the logarithmic axis.
    marked = np.flatnonzero((abs(chart[300].astype(int) - (206, 76, 30)) < 40).all(axis=1))
    share = math.log(curve.suggestion / curve.rates[0]) / math.log(curve.rates[-1] / curve.rates[0])
    assert marked.mean() == pytest.approx(78 + share * (900 - 78 - 24), abs=2)


def test_smoothing_is_a_mean_over_neighbouring_rates():
    rates = np.geomspace(1e-3, 1e3, 121)
    losses = np.full(121, 2.0)
    assert smooth(rates, losses) == pytest.approx(losses)
    losses[60], losses[-1] = 3.0, math.inf
    smoothed = smooth(rates, losses)
    assert smoothed.argmax() == 120
    assert 2.0 < smoothed[60] < 2.5
    assert smoothed[60] > smoothed[62] > smoothed[70]


def test_a_loss_that_falls_nowhere_suggests_nothing(small_picture, monkeypatch):
    rates = np.geomspace(1e-3, 1e3, 121)
    assert suggest(rates, np.full(121, 2.0), 1.0) is None
    assert suggest(rates, np.linspace(2.0, 3.0, 121), 1.0) is None
    monkeypatch.setattr("fit_image.apps.lr_finder.find_lr.suggest", lambda *_, **__: None)
    with pytest.raises(InputError, match=r"learning_rate cannot be found: from .* give a number"):
        fit_image.find_lr(small_picture, layers="2x8")


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (40, 40)])
def test_pictures_of_one_colour_do_not_fail(size):
    curve = fit_image.find_lr(np.full((*size, 3), 200, np.uint8), layers="2x8", optimizer="adam")
    assert curve.suggestion > 0


@pytest.mark.parametrize("safety", [1.0, 20.0])
def test_the_suggestion_follows_from_the_middle_of_the_bottom(safety):
    rates = np.geomspace(1e-3, 1e3, 121)
    losses = np.where(rates < 0.1, 2.0, np.where(rates < 10.0, 1.0, 4.0))
    losses[60:70] = 1.05  # chance decides where in the bottom it is lowest
    suggested = suggest(rates, losses, safety)
    assert suggested == pytest.approx(1.0 / safety, rel=0.15)
    # Of a loss that does not rise again, the bottom ends with the rates.
    losses = np.where(rates < 0.1, 2.0, 1.0)
    assert suggest(rates, losses, safety) == pytest.approx(10 / safety, rel=0.15)


@pytest.mark.parametrize(
    ("network", "safety"),
    [
        ({}, 1),
        ({"activation": "sine"}, 1),
        ({"optimizer": "momentum"}, 10),
        ({"optimizer": "adam"}, 10),
        ({"encoding": "grid"}, 10),
        ({"optimizer": "adam", "activation": "gabor"}, 23),
        ({"optimizer": "adamw", "activation": "sine"}, 50),
    ],
)
def test_steps_that_do_not_shrink_and_steep_networks_need_smaller_rates(
    small_picture, network, safety
):
    found = losses_of(small_picture, FitConfig("1x8", **network))
    assert found.safety == pytest.approx(safety, rel=0.01)


def test_of_plain_gradients_it_is_the_mean_of_networks_that_know_nothing_of_each_other(
    small_picture,
):
    one = RangeTest(small_picture, FitConfig("2x8"), threads=1)
    shares = list(one.steps())
    assert shares == sorted(shares)
    found = one.result()
    assert 7_000 < found.samples <= 28_000
    assert np.isfinite(found.losses[:-1]).all()  # though each ends at a loss that is not
    assert losses_of(small_picture, FitConfig("2x8", optimizer="adam")).samples <= 7_040
    held_out = FitConfig("2x8", hold_out=0.5, seed=3)
    assert len(losses_of(small_picture, held_out).rates) > 20


# On the command line


def test_the_option_to_paste_is_printed_and_nothing_written(picture):
    before = sorted(Path.cwd().rglob("*"))
    line = shell.succeed(picture, *SMALL, "--find-lr").stdout
    assert sorted(Path.cwd().rglob("*")) == before
    option, rate = line.split()
    assert option == "--lr"
    facts = json.loads(shell.succeed(picture, *SMALL, "--find-lr", "--json").stdout)
    assert facts["learning_rate"] == float(rate)
    assert len(facts["rates"]) == len(facts["losses"]) > 20
    assert facts["plot"] is None


def test_auto_is_recorded_and_resumed_to_the_bits_of_the_number(picture):
    facts = json.loads(
        shell.succeed(picture, *SMALL, "--lr", "auto", "--plot", "chart.png", "--json").stdout
    )
    rate = facts["learning_rate"]
    with Image.open("chart.png") as chart:
        assert chart.size == (900, 520)
    assert json.loads(Path("pic-fit/run.json").read_text())["fit"]["learning_rate"] == rate
    again = ("--resume", "--lr", "auto", "--epochs", 5)
    assert f"going on with --lr {rate:g}" in shell.succeed(picture, *again).stderr
    given = ("--layers", "2x8", "--animation", "none", "--lr", rate, "--epochs", 5)
    shell.succeed(picture, *given, "-o", "given")
    for name in ("model.npz", "frames/epoch-000005.png"):
        assert Path("pic-fit", name).read_bytes() == Path("given", name).read_bytes()
    shell.succeed(picture, "--like", "given", "--lr", "auto", "--epochs", 1, "-o", "like")
    assert json.loads(Path("like/run.json").read_text())["fit"]["learning_rate"] == rate


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--find-lr", "--lr", "0.1"), "--find-lr finds what --lr gives"),
        (("--find-lr", "--lr", "auto"), "--find-lr finds what --lr gives"),
        (("--find-lr", "--resume"), "it excludes --resume"),
        (("--find-lr", "--overwrite"), "it excludes --overwrite"),
        (("--find-lr", "--watch"), "it excludes --watch"),
        (("--find-lr", "--serve"), "it excludes --serve"),
        (("--find-lr", "--plot", "chart.txt"), "its name must end in"),
        (("--find-lr", "--plot", "no/such/chart.png"), "no/such"),
        (("--find-lr", "--plot", "pic.png"), "would replace the picture"),
        (("--plot", "chart.png"), "--find-lr or --lr auto"),
        (("--plot", "chart.png", "--lr", "0.1"), "--find-lr or --lr auto"),
        (("--plot", "chart.png", "--lr", "auto", "--resume"), "--plot has nothing"),
        (("--lr", "best"), "or 'auto'"),
    ],
)
def test_contradictions_are_refused_in_one_line(picture, options, problem):
    assert problem in shell.fail(picture, *SMALL, *options)


def test_a_chart_is_no_animation(picture):
    both = ("--plot", "a.png", "--animation", "./a.png")
    line = shell.fail(picture, "--layers", "4", "--lr", "auto", *both)
    assert "--plot a.png is an animation, too" in line


@pytest.mark.parametrize("name", ["target.png", "final.png", "frames/epoch-000001.png"])
def test_a_chart_replaces_no_file_of_a_run(picture, name):
    shell.succeed(picture, *SMALL, "-o", "run", "-q")
    before = Path("run", name).read_bytes()
    for more in ((), ("--like", "run"), ("-o", "run")):
        line = shell.fail(picture, "--layers", "4", "--find-lr", "--plot", f"run/{name}", *more)
        assert "would replace a file that the run needs" in line
    assert Path("run", name).read_bytes() == before
    shell.succeed(picture, "--layers", "4", "--find-lr", "--plot", "run/chart.png")


# In sweeps


def test_every_network_of_a_sweep_has_its_own_rate_and_all_its_seeds(picture):
    axes = {
        "layers": tuple(map(parse_layers, ("1x8", "2x8"))),
        "learning_rate": ("auto", 0.02),
        "epochs": (2, 3),
        "seed": (0, 1),
    }
    seen = []
    finder = RateFinder(lambda number, share: seen.append(number))
    trials = plan_trials(SweepSpec((picture,), (axes,)), finder)
    assert len(trials) == 16
    assert set(seen) == {1, 2}
    image = fit_image.load_image(picture)
    for trial in trials:
        fit = trial.manifest.fit
        if fit.learning_rate != 0.02:
            assert fit.learning_rate == fit_image.find_lr(image, FitConfig(fit.layers)).suggestion


def test_a_sweep_with_auto_from_a_table(picture):
    Path("trials.csv").write_text("layers,lr\n1x8,auto\n2x8,0.1\n")
    options = ("--from-csv", "trials.csv", "--epochs", 1, "--animation", "none", "-j", 1, "-q")
    sweep.succeed(picture, *options)
    with Path("pic-sweep/results.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    found = fit_image.find_lr(fit_image.load_image(picture), layers="1x8").suggestion
    assert (float(first["learning_rate"]), float(second["learning_rate"])) == (found, 0.1)
    assert {first["status"], second["status"]} == {"done"}


def test_mistakes_are_found_before_rates_are(picture, monkeypatch):
    monkeypatch.setattr(RateFinder, "__call__", lambda *given: pytest.fail("too early"))
    line = sweep.fail(picture, "--lr", "auto", "--layers", "1x8", "--warmup", "0,9", "--epochs", 5)
    assert "--warmup" in line
