"""Expressions: what is one, and what is said, with its place, of what is none."""

from __future__ import annotations

import math

import pytest

from fit_image.errors import InputError
from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.expressions import DEEPEST, parse_expression

FUNCTIONS = {
    **{name: getattr(math, name) for name in ("sin", "cos", "tanh", "exp", "log", "sqrt")},
    **{"abs": abs, "max": max, "min": min},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("s", 1.5),
        ("-s**2", -2.25),
        ("+s - -s", 3.0),
        ("2/3*s - 1", 0.0),
        ("s**-2", 1.5**-2),
        ("s**0.5", math.sqrt(1.5)),
        ("s**0.3 + 2**s", 1.5**0.3 + 2**1.5),
        ("s**s", 1.5**1.5),
        ("s**0 * s", 1.5),
        ("omega*s + scale - slope", 7.2),
        ("sin(pi*s) + cos(s)*tanh(s)", math.sin(math.pi * 1.5) + math.cos(1.5) * math.tanh(1.5)),
        ("exp(log(s)) + abs(-s)", 3.0),
        ("max(s, omega) - min(s, 1e-2)", 2.99),
        ("max(omega, scale)*s", 6.0),
        ("sqrt(4)*s", 3.0),
    ],
)
def test_an_expression_has_the_value_of_python(text, value):
    values = {"s": 1.5, "omega": 3.0, "scale": 4.0, "slope": 1.3}
    found = parse_expression(f"expr:{text}").evaluate(values, FUNCTIONS)
    assert found == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_an_expression_is_known_by_its_text():
    assert parse_expression(" expr:  sin( s)\n*2 ").text == "expr: sin( s) *2"
    assert parse_expression("expr: sin(omega*s)").fields == ("omega",)
    assert ACTIVATIONS["expr: s*2"].code == ACTIVATIONS["expr:s*2"].code
    assert ACTIVATIONS["expr: s*2"].code != ACTIVATIONS["expr: s*3"].code
    assert "expr: s*2" in ACTIVATIONS
    assert "expr: s*2" not in list(ACTIVATIONS)
    assert "expr: s*" not in ACTIVATIONS


_DEEP = "s-(" * DEEPEST + "s" + ")" * DEEPEST


@pytest.mark.parametrize(
    ("text", "problem", "column"),
    [
        ("", "empty", 1),
        ("sin(s", "no expression", 4),
        ("sin(omega*q)", "unknown name 'q'", 11),
        ("2*sin", "unknown name 'sin' without its argument", 3),
        ("s + __import__('os')", "unknown function '__import__'", 5),
        ("s.real", "not known", 1),
        ("s*os.path(s)", "unknown function 'os.path'", 3),
        ("s*(lambda: s)()", "unknown function 'lambda: s'", 4),
        ("[s for s in s]", "not known", 1),
        ("s if s else 1", "not known", 1),
        ("s*'a'", "no number", 3),
        ("s*True", "no number", 3),
        ("s*1j", "no number", 3),
        ("s # + 1", "'#' is not known", 3),
        ("s#", "'#' is not known", 2),
        ("s^2", "a power is **", 2),
        ("s//2", "operator", 2),
        ("s < 1", "not known", 1),
        ("max(s)", "max takes 2 arguments", 1),
        ("max(*s)", "max takes 2 arguments", 1),
        ("sin(s, x=1)", "sin takes 1 argument", 1),
        ("s(1)", "unknown function 's'", 1),
        ("s + 9**9**9", "not a number up to 1e+06", 8),
        ("s + 1/0", "not a number", 5),
        ("s*log(-1)", "not a number", 3),
        ("s/0", "divides by zero", 3),
        ("s**9", "at most 8", 4),
        ("1 + 1", "does not depend on s", 1),
        ("s*é", "only ASCII", 3),
        ("s*\x00", "only ASCII", 3),
        ("s+" * 100 + "s", "longer than 200", 201),
        ("(" * 99 + "s" + ")" * 99, None, None),
        (_DEEP, f"more than {DEEPEST} values", 1),
    ],
)
def test_what_is_no_expression_is_said_with_its_place(text, problem, column):
    if problem is None:
        assert parse_expression(f"expr: {text}").program == (("s", 0.0),)
        return
    with pytest.raises(InputError) as caught:
        parse_expression(f"expr: {text}")
    assert problem in str(caught.value)
    assert f" at column {column};" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).isascii()
