"""Activations as expressions, of which every format makes code of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fit_image.nn.expressions import Expression, Expressions


class Functions(NamedTuple):
    """Functions in expressions, beside sums, products, signs and numbers."""

    positive: Callable[[Any], Any]  # s above zero, else 0
    negative: Callable[[Any], Any]  # s below zero, else 0
    absolute: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    log: Callable[[Any], Any]
    sqrt: Callable[[Any], Any]
    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    tanh: Callable[[Any], Any]


class Constants(NamedTuple):
    """Of a layer's activation; `fit_image.nn.mlp.layer_spec.LayerSpec` describes them."""

    slope: float
    omega: float
    scale: float


def _bell(f: Functions, s: Any, k: Constants) -> Any:
    return f.exp(-((k.scale * s) * (k.scale * s)))


Formula = Callable[[Functions, Any, Constants], Any]

_NAMED: dict[str, Formula] = {
    "leaky-relu": lambda f, s, k: f.positive(s) + k.slope * f.negative(s),
    "relu": lambda f, s, k: f.positive(s),
    "elu": lambda f, s, k: f.positive(s) + (f.exp(f.negative(s)) - 1.0),
    "softplus": lambda f, s, k: f.positive(s) + f.log(f.exp(-f.absolute(s)) + 1.0),
    "tanh": lambda f, s, k: f.tanh(s),
    "scaled-tanh": lambda f, s, k: 1.7159 * f.tanh((2.0 / 3.0) * s),
    # Without an exponential, which would overflow.
    "sigmoid": lambda f, s, k: 0.5 * f.tanh(0.5 * s) + 0.5,
    "sine": lambda f, s, k: f.sin(k.omega * s),
    "gauss": _bell,
    "gabor": lambda f, s, k: f.cos(k.omega * s) * _bell(f, s, k),
    "finer": lambda f, s, k: f.sin(k.omega * ((f.absolute(s) + 1.0) * s)),
    "identity": lambda f, s, k: s,
}


def _expressed(expression: Expression) -> Formula:
    def formula(f: Functions, s: Any, k: Constants) -> Any:
        functions = {
            **f._asdict(),
            "abs": f.absolute,
            "max": lambda a, b: b + f.positive(a - b),
            "min": lambda a, b: b + f.negative(a - b),
        }
        constants = {name: float(value) for name, value in k._asdict().items()}
        return expression.evaluate({"s": s, **constants}, functions)

    return formula


ACTIVATIONS = Expressions(_expressed, _NAMED)
"""Those of `fit_image.nn.activations`: of functions, a sum s and the constants of its layer."""

IN_NUMPY = Functions(
    positive=lambda s: np.maximum(s, 0.0),
    negative=lambda s: np.minimum(s, 0.0),
    absolute=np.abs,
    exp=np.exp,
    log=np.log,
    sqrt=np.sqrt,
    sin=np.sin,
    cos=np.cos,
    tanh=np.tanh,
)


class Term:
    """The text of an expression; operators make longer ones of it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: Term | float) -> Term:
        return Term(f"({self.text} + {_text(other)})")

    def __radd__(self, other: float) -> Term:
        return Term(f"({_text(other)} + {self.text})")

    def __sub__(self, other: Term | float) -> Term:
        return Term(f"({self.text} - {_text(other)})")

    def __rsub__(self, other: float) -> Term:
        return Term(f"({_text(other)} - {self.text})")

    def __truediv__(self, other: Term | float) -> Term:
        return Term(f"({self.text} / {_text(other)})")

    def __rtruediv__(self, other: float) -> Term:
        return Term(f"({_text(other)} / {self.text})")

    def __mul__(self, other: Term | float) -> Term:
        return Term(f"({self.text} * {_text(other)})")

    def __rmul__(self, other: float) -> Term:
        return Term(f"({_text(other)} * {self.text})")

    def __neg__(self) -> Term:
        return Term(f"-{self.text}")


def functions_in_text(**patterns: str) -> Functions:
    """Return functions of `Term`, each by a pattern such as ``max({}, 0.0)``."""

    def call(pattern: str, s: Term) -> Term:
        return Term(pattern.format(_bare(s.text)))

    return Functions(**{name: partial(call, pattern) for name, pattern in patterns.items()})


def activation_text(name: str, functions: Functions, constants: Constants, s: str) -> str:
    """Return the activation of the sums named ``s``, with functions of `functions_in_text`."""
    return _bare(_text(ACTIVATIONS[name](functions, Term(s), constants)))


def number_text(value: float) -> str:
    """Return a float32 as its shortest decimal number, with a point or an exponent."""
    return str(np.float32(value))


def _text(value: Term | float) -> str:
    return value.text if isinstance(value, Term) else number_text(value)


def _bare(text: str) -> str:
    """Return the text without parentheses around all of it."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and index < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text
