from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fit_image.apps.fit.manifest import FitManifest, Picture
from fit_image.apps.sizing.width_matching import match_layers
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig
from fit_image.config.layer_spec import MAX_WIDTH, Hidden, format_layers, parse_layers
from fit_image.errors import InputError


def counter(**options):
    config = FitConfig(**options)
    picture = Picture("/cat.png", "0" * 64, 64, 48)

    def count(layers):
        fit = replace(config, layers=layers)
        return Trial(FitManifest(picture, fit, ImageConfig(), RecordConfig())).parameters

    return count


def chain(layers):
    """Count the parameters between two inputs and three outputs by hand."""
    widths = [2, *(layer.width for layer in layers), 3]
    return sum((before + 1) * after for before, after in pairwise(widths))


def matched(text, parameters, count=chain):
    return format_layers(match_layers(parse_layers(text), parameters, count))


@pytest.mark.parametrize("encoding", ["none", "fourier:64@10", "positional:8"])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_every_depth_reaches_4x300(depth, encoding):
    count = counter(encoding=encoding)
    wanted = count(parse_layers("4x300"))
    layers = match_layers(parse_layers(f"{depth}x300"), wanted, count)
    assert len(layers) == depth
    assert len(set(layers)) == 1
    assert count(layers) == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize("text", ["4x300", "7", "300,200,100", "300:sine,20:tanh,5", "16x3"])
def test_layers_match_themselves(text):
    assert matched(text, chain(parse_layers(text))) == text


def test_one_layer_is_solved_exactly():
    assert matched("300", 6 * 123 + 3) == "123"


def test_activations_stay_where_they_are():
    layers = match_layers(parse_layers("10:sine,10,10:tanh"), 5_000, chain)
    assert [layer.activation for layer in layers] == ["sine", None, "tanh"]


def test_where_equal_widths_are_too_coarse_the_first_layers_are_wider():
    # 8x6 has 333 parameters and 8x7 has 437, neither within 1 % of 385.
    assert matched("8x50", 385) == "4x7,4x6"


def test_where_rounding_is_too_coarse_few_units_are_moved():
    # In proportion, 307,20 with 7144 parameters is followed by 307,21 with 7455.
    layers = match_layers(parse_layers("300,20"), 7_270, chain)
    assert chain(layers) == pytest.approx(7_270, rel=0.01)
    assert layers[0].width / layers[1].width == pytest.approx(15, rel=0.1)


def test_a_few_units_are_moved_in_small_networks():
    found = 0
    for parameters in range(60, 200):
        layers = match_layers((Hidden(5),) * 4, parameters, chain)
        assert chain(layers) == pytest.approx(parameters, rel=0.01)
        widths = [layer.width for layer in layers]
        found += max(widths) - min(widths) > 1
    assert found  # or the search among neighbours was never needed


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(50, 400), min_size=1, max_size=16),
    st.integers(1, 390_000),
)
def test_any_proportions_are_within_one_percent_or_cannot_be(widths, parameters):
    layers = tuple(map(Hidden, widths))
    try:
        found = match_layers(layers, parameters, chain)
    except InputError as error:
        assert "\n" not in str(error)
        assert f"{parameters:,}" in str(error)
        # All have a unit at least; one layer counts 6 w + 3; others are coarse where small.
        least = chain((Hidden(1),) * len(widths))
        assert parameters < max(1.01 * least, 600 if len(widths) == 1 else 100 * len(widths))
        return
    assert match_layers(layers, parameters, chain) == found
    assert abs(chain(found) - parameters) <= 0.01 * parameters
    if len({*widths}) == 1 and parameters > 20_000:
        assert len({layer.width for layer in found}) <= 2
    if parameters > 200_000:
        whole, scale = sum(widths), sum(layer.width for layer in found)
        for before, after in zip(widths, found, strict=True):
            assert abs(after.width - scale * before / whole) <= max(3, 0.03 * after.width)


@pytest.mark.parametrize(
    ("text", "parameters", "nearest"),
    [("4x300", 1, "4x1"), ("300", 500_000, f"{MAX_WIDTH}"), ("2x5", 2**60, f"2x{MAX_WIDTH}")],
)
def test_what_cannot_be_reached_is_said_in_one_line(text, parameters, nearest):
    with pytest.raises(InputError) as caught:
        matched(text, parameters)
    assert str(caught.value) == (
        f"no widths near the proportions of {text} give {parameters:,} parameters within 1%: "
        f"{nearest} has {chain(parse_layers(nearest)):,}"
    )


def test_a_wider_tolerance_prefers_equal_widths():
    layers = match_layers((Hidden(50),) * 8, 385, chain, tolerance=0.2)
    assert len(set(layers)) == 1


def test_hundred_layers_need_few_counts():
    calls = []

    def counted(layers):
        calls.append(layers)
        return chain(layers)

    match_layers((Hidden(300),) * 100, 270_000, counted)
    assert len(calls) < 40
