"""Captions: what may stand in braces, and what is shown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit_image.config.animation import AnimationConfig
from fit_image.config.caption import Caption
from fit_image.config.registry import LOOPS
from fit_image.errors import InputError

KNOWN = ("epoch", "loss", "psnr", "seconds")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{epoch} {psnr:.1f} dB", "7 31.3 dB"),
        ("epoch {epoch:04d}: {psnr:6.2f}", "epoch 0007:  31.26"),
        ("{psnr:+.0f}|{epoch:>3}|{epoch:_<3}|{loss:.0%}|{loss:.2e}", "+31|  7|7__|12%|1.25e-01"),
        ("{{epoch}} is {epoch}", "{epoch} is 7"),
        ("no numbers", "no numbers"),
        ("{seconds:.1f} s", "- s"),
    ],
)
def test_numbers_are_shown_as_their_formats_say(text, shown):
    caption = Caption.parse(text)
    caption.check(KNOWN)
    assert caption.text({"epoch": 7, "psnr": 31.26, "loss": 0.125, "seconds": None}) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(math.inf, "inf"), (math.nan, "nan"), (1e300, "1e+300"), (-0.0, "-0.0")]
)
def test_no_value_is_long(value, shown):
    assert Caption.parse("{psnr:.1f}").text({"psnr": value}) == shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "printable"),
        ("  ", "printable"),
        ("two\nlines", "printable"),
        ("\x1b[2J", "printable"),
        ("x" * 201, "printable"),
        ("{", "a brace"),
        ("{epoch", "a brace"),
        ("epoch}", "a brace"),
        ("{}", "a name such as"),
        ("{0}", "a name such as"),
        ("{ epoch }", "a name such as"),
        ("{epoch!r}", "a name such as"),
        ("{epoch.real}", "a name such as"),
        ("{epoch.__class__}", "a name such as"),
        ("{epoch[0]}", "a name such as"),
        ("{epoch:{seconds}}", "not one of numbers"),
        ("{epoch:100}", "not one of numbers"),
        ("{psnr:.99f}", "not one of numbers"),
        ("{psnr:s}", "not one of numbers"),
        ("{psnr:%Y}", "not one of numbers"),
        ("{psnr:n}", "not one of numbers"),
    ],
)
def test_all_but_plain_numbers_is_refused_in_one_line(text, problem):
    with pytest.raises(InputError, match=problem) as caught:
        AnimationConfig(caption=text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250
    assert caught.value.fields == ("caption",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{psrn}", "{psrn} is not one of epoch, loss, psnr, seconds"),
        ("{psnr:d}", "{psnr:d} has a format that does not fit"),
        ("{epoch:.1d}", "{epoch:.1d} has a format that does not fit"),
    ],
)
def test_a_number_must_be_known_and_fit_its_format(text, problem):
    with pytest.raises(InputError, match=r"^caption ") as caught:
        Caption.parse(text).check(KNOWN)
    assert problem in str(caught.value)


@given(st.text(alphabet="{}epoch:.0123456789dfeg%<>^=+-_, #!r[]", max_size=24))
def test_what_is_taken_can_be_shown(text):
    try:
        caption = Caption.parse(text)
        caption.check(KNOWN)
    except InputError:
        return
    for value in (0, 12_345_678):
        assert len(caption.text({"epoch": value})) <= 24 + 100 * len(caption.names)


def test_other_fields_are_checked_too():
    assert AnimationConfig(hold=600.0, loop="once", progress_line=True).caption is None
    assert set(LOOPS) == {"forward", "boomerang", "once"}
    for wrong in ({"hold": -1}, {"hold": 601.0}, {"loop": "twice"}, {"caption": 5}):
        with pytest.raises(InputError) as caught:
            AnimationConfig(**wrong)
        assert caught.value.fields == tuple(wrong)
