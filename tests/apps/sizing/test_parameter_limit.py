"""``--parameters``: networks as large as a number of parameters permits, and no larger."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fit_image.apps.fit.architecture import make_network, sized
from fit_image.apps.fit.manifest import FitManifest, Picture
from fit_image.apps.fitting import fit
from fit_image.apps.report.commands import command_line
from fit_image.apps.sizing.limited_widths import NEAR, limit_widths
from fit_image.apps.sweep.plan.plan import SweepSpec, plan_trials
from fit_image.config.encoding_spec import parse_encoding
from fit_image.config.fit import ImageConfig, RecordConfig
from fit_image.config.layer_spec import Hidden, format_layers, parse_layers
from fit_image.config.presets import PRESETS, preset_config
from fit_image.errors import InputError
from shell import Shell

shell = Shell()
SIZE = (96, 64)

LAYERS = ("4x300", "13x49", "300,200:tanh,100", "16,residual:3x2x16,40", "residual:2x1x9,20")
ENCODINGS = (
    "none",
    "positional:6",
    "fourier:16@4",
    "grid",
    "grid:levels=4,features=4",
    "grid:finest=40",
    "grid:entries=2^8",
    "grid:coarsest=3",
    "grid:axes=30",
    "grid:levels=2,entries=2^4,coarsest=4,finest=9",
)


def config_of(limit, preset="classic", **options):
    if limit is not None:
        options["max_parameters"] = limit
    return sized(preset_config(preset, *SIZE, **options), SIZE, 3)


def parameters(config, channels=3):
    """Those of the network itself."""
    return make_network(config, SIZE, channels).num_params


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("layers", LAYERS)
def test_networks_are_near_the_limit_and_never_beyond(layers, encoding):
    asked = parse_layers(layers)
    for limit in (2_500, 7_479, 40_000):
        config = config_of(limit, layers=layers, encoding=encoding)
        assert NEAR * limit <= parameters(config) <= limit
        assert sized(config, SIZE, 3) == config
        found = [(each.activation, each.skip) for each in config.layers]
        assert found == [(each.activation, each.skip) for each in asked]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_a_size(preset):
    for limit in (3_000, 29_697):
        config = config_of(limit, preset)
        assert NEAR * limit <= parameters(config) <= limit
        assert config.max_parameters == limit


def test_the_channels_count():
    for channels in (1, 3, 4):
        config = preset_config("instant", *SIZE, max_parameters=3_000)
        config = sized(config, SIZE, channels)
        assert NEAR * 3_000 <= parameters(config, channels) <= 3_000


@pytest.mark.parametrize(
    ("layers", "limit", "expected"),
    [
        ("13x49", 29_697, "13x49"),  # those of COIN, to the number
        ("10x28", 7_479, "10x28"),
        ("4x48", 7_479, "4x48"),  # near enough
        ("4x300", 7_479, "4x48"),
        ("4x10", 7_479, "4x48"),
        ("200,100", 7_479, "117,58"),
        ("2x20", 600, "2x21"),
    ],
)
def test_widths_keep_their_proportions(layers, limit, expected):
    assert format_layers(config_of(limit, layers=layers).layers) == expected


def test_what_is_given_of_a_grid_is_kept():
    def grid(encoding, limit=6_000):
        return parse_encoding(config_of(limit, layers="16", encoding=encoding).encoding)

    free = grid("grid")
    assert free.finest < 96
    assert grid("grid", 3_000).finest < free.finest
    shared = grid("grid:levels=4,finest=96", 4_100)
    assert (shared.levels, shared.finest, shared.entries) == (4, 96, 512)
    assert grid("grid:entries=2^8").entries == 256
    given = "grid:levels=2,features=3,entries=64,coarsest=4,finest=9"
    assert str(grid(given)) == given


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.integers(1, 100_000))
@example([3, 1], 11)  # the narrowest, which no sum of units in proportion is
def test_no_unit_can_be_added_to_what_is_not_near(widths, limit):
    def count(layers):
        sizes = [2, *(layer.width for layer in layers), 3]
        return sum((a + 1) * b for a, b in itertools.pairwise(sizes))

    layers = tuple(map(Hidden, widths))
    least = count((Hidden(1),) * len(widths))
    if limit < least:
        with pytest.raises(InputError, match=f"at least {least:,} for layers like"):
            limit_widths(layers, limit, count)
        return
    found = limit_widths(layers, limit, count)
    assert count(found) <= limit
    assert limit_widths(found, limit, count) == found
    if count(found) < NEAR * limit:
        for index, layer in enumerate(found):
            more = (*found[:index], replace(layer, width=layer.width + 1), *found[index + 1 :])
            assert count(more) > limit


@pytest.mark.parametrize(
    ("options", "limit", "message"),
    [
        ({}, 14, "max_parameters must be at least 15 for layers like 4x300, not 14"),
        ({"preset": "instant"}, 50, "leaves 27 for the tables of grid:levels=8,features=2, of"),
        ({"layers": "8", "encoding": "grid:entries=1,coarsest=1,finest=1"}, 38, "at least 39"),
        ({"layers": "64"}, 10**7, "at most 393,219 for layers like 64, of at most 65,536 units"),
        ({"layers": "8"}, 2.5, "max_parameters must be a whole number, not 2.5"),
        ({"preset": "compact"}, "few", "max_parameters must be a number"),
    ],
)
def test_what_cannot_be_is_refused(options, limit, message):
    with pytest.raises(InputError, match=re.escape(message)):
        config_of(limit, **options)


def test_compact_has_a_size_of_its_own_unless_sizes_are_given():
    assert NEAR * 768 < parameters(config_of(None, "compact")) <= 768
    assert format_layers(config_of(None, "compact", layers="3x5").layers) == "3x5"


def test_in_python(small_picture):
    first, *_ = fit(small_picture, layers="3x40", max_parameters=900, epochs=1)
    assert NEAR * 900 <= first.network.num_params <= 900


def test_a_sweep_has_it_as_an_axis(picture):
    axes = {"layers": (parse_layers("1x9"), parse_layers("3x9")), "max_parameters": (500, 900)}
    trials = plan_trials(SweepSpec((picture,), (axes,)))
    assert len(trials) == 4
    for trial in trials:
        limit = trial.manifest.fit.max_parameters
        assert limit - 12 <= trial.parameters <= limit
    with pytest.raises(InputError, match="exclude each other"):
        plan_trials(SweepSpec((picture,), (axes,), match_params=parse_layers("4")))


def test_the_command_of_a_report_gives_the_same_network():
    for preset, options in (("classic", {"layers": "3x20"}), ("compact", {}), ("instant", {})):
        config = config_of(2_000, preset, **options)
        picture = Picture("/cat.png", "0" * 64, *SIZE)
        manifest = FitManifest(picture, config, ImageConfig(), RecordConfig(), preset)
        line = command_line(manifest)
        assert "--parameters 2000" in line
        assert "--encoding" not in line
        if preset != "classic":
            assert "--layers" not in line


@pytest.fixture
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize(
    "options",
    [("--layers", "3x40"), ("--layers", "6", "--encoding", "grid"), ("--preset", "compact")],
)
def test_a_run_records_it_and_goes_on(picture, options):
    given = (picture, *options, "--parameters", 700, "--epochs", 2, "-q")
    shell.succeed(*given)
    before = json.loads(Path("pic-fit/run.json").read_text())
    assert before["fit"]["max_parameters"] == 700
    assert 650 < before["result"]["parameters"] <= 700
    shell.succeed(*given, "--resume")
    shell.succeed(picture, "--resume", "--epochs", 3, "-q")
    after = json.loads(Path("pic-fit/run.json").read_text())
    assert after["fit"] == before["fit"] | {"epochs": 3}
    assert "--parameters (was 700, now 800)" in shell.fail(picture, "--resume", "--parameters", 800)
    shell.succeed(picture, "--like", "pic-fit", "--parameters", 1400, "-o", "more", "-q")
    like = json.loads(Path("more/run.json").read_text())
    assert 1300 < like["result"]["parameters"] <= 1400
    found = json.loads(shell.succeed("info", "more", "--json").stdout)
    assert found["max_parameters"] == 1400
    assert found["parameters"] == like["result"]["parameters"]


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize(
    ("options", "limit"),
    [
        (("--preset", "instant", "--layers", "4x300"), 1500),
        (("--encoding", "grid"), 3000),
        (("--preset", "compact", "--layers", "4x300"), 3000),
    ],
)
def test_a_line_with_sizes_may_be_repeated(picture, options, limit):
    line = (picture, *options, "--parameters", limit, "--epochs", 1, "--resume", "-q")
    shell.succeed(*line)
    before = Path("pic-fit/run.json").read_text()
    shell.succeed(*line)
    assert json.loads(Path("pic-fit/run.json").read_text())["fit"] == json.loads(before)["fit"]
    other = (picture, "--resume", "--layers", "2,9", "--parameters", limit, *options[:2])
    assert "--layers (was " in shell.fail(*other)


@pytest.mark.usefixtures("_folder")
def test_the_coarsest_level_of_an_earlier_run_stays(picture):
    coarse = ("--encoding", "grid:levels=4,coarsest=3", "--layers", 8)
    shell.succeed(picture, *coarse, "--parameters", 900, "--epochs", 1, "-o", "few", "-q")
    shell.succeed(picture, "--like", "few", "--parameters", 1200, "-o", "more", "-q")
    documents = (json.loads(Path(name, "run.json").read_text()) for name in ("few", "more"))
    few, more = (each["fit"]["encoding"] for each in documents)
    assert "coarsest=3," in few
    assert "coarsest=3," in more
    assert few != more


@pytest.mark.usefixtures("_folder")
def test_refusals_name_the_option(picture):
    line = shell.fail(picture, "--parameters", 14)
    assert line == "fit-image: --parameters must be at least 15 for layers like 4x300, not 14"
