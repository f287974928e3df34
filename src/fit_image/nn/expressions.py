"""Activations as expressions of s, such as ``expr: sin(omega*s)/(1+abs(s))``.

An expression is parsed by Python's own parser, of whose language few parts are accepted, and made a
program for a stack: kernels run it on blocks of sums, and its derivative by the rules for each of
its operations (forward-mode differentiation: Wengert, "A simple automatic derivative evaluation
program", Communications of the ACM, 1964). This module loads no numerics.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from fit_image.errors import InputError

PREFIX = "expr:"
"""With which the text of an expression begins."""

NAMES = ("s", "omega", "scale", "slope")
"""Variables: a weighted sum, and the constants of its layer."""

FUNCTIONS = {
    "abs": 1,
    "sin": 1,
    "cos": 1,
    "tanh": 1,
    "exp": 1,
    "log": 1,
    "sqrt": 1,
    "max": 2,
    "min": 2,
}
"""Functions, and how many arguments they take."""

OPERATIONS = ("number", *NAMES, "add", "sub", "mul", "div", "neg", "power", *FUNCTIONS)
"""Operations of programs; their codes in kernels are their places."""

LARGEST_POWER = 8
"""Largest whole exponent."""

DEEPEST = 12
"""Values that a program may keep at once."""

_LONGEST, _LARGEST = 200, 1e6
_GRAMMAR = f"numbers, {', '.join(NAMES)}, pi, + - * / **, parentheses and {', '.join(FUNCTIONS)}"

_BINARY: Mapping[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("add", operator.add),
    ast.Sub: ("sub", operator.sub),
    ast.Mult: ("mul", operator.mul),
    ast.Div: ("div", operator.truediv),
}

Instruction = tuple[str, float]
"""One of `OPERATIONS`; the number of ``number``, the exponent of ``power``, else 0."""


@dataclass(frozen=True)
class Expression:
    """An activation as an expression.

    Attributes
    ----------
    text : str
        With `PREFIX` and single spaces.
    program : tuple of (str, float)
        Operations in the order of their results: each takes its operands from the stack.
    """

    text: str
    program: tuple[Instruction, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Constants of the layer that it uses."""
        used = {operation for operation, _ in self.program}
        return tuple(name for name in NAMES[1:] if name in used)

    def evaluate(self, values: Mapping[str, Any], functions: Mapping[str, Any]) -> Any:
        """Return its value for ``values`` of `NAMES`, by ``functions`` for each of `FUNCTIONS`.

        Values may be whatever has the operators of numbers.
        """
        stack: list[Any] = []
        for operation, number in self.program:
            if operation == "number":
                stack.append(number)
            elif operation in values:
                stack.append(values[operation])
            elif operation == "neg":
                stack.append(-stack.pop())
            elif operation == "power":
                stack.append(_power(stack.pop(), int(number)))
            elif operation in FUNCTIONS:
                count = FUNCTIONS[operation]
                arguments = stack[-count:]
                del stack[-count:]
                numbers = all(isinstance(each, float) for each in arguments)
                function = _IN_PYTHON[operation] if numbers else functions[operation]
                stack.append(function(*arguments))
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(getattr(operator, _OPERATORS[operation])(left, right))
        return stack.pop()


_NEGATION: Instruction = ("neg", 0.0)
_OPERATORS = {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv"}


def is_expression(name: object) -> bool:
    """Return whether the name of an activation is an expression, perhaps a wrong one."""
    return isinstance(name, str) and name.lstrip().startswith(PREFIX)


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> Expression:
    """Parse an expression with its `PREFIX`.

    Raises
    ------
    InputError
        If it is none; the message has the column, counted from 1 behind the prefix.
    """
    body = " ".join(text.strip().removeprefix(PREFIX).split())
    return Expression(f"{PREFIX} {body}", _Parser(body).program())


Row = TypeVar("Row")


class Expressions(dict[str, Row]):
    """A table of activations that has a row for every expression, too: made when it is asked for.

    Only the names it was made with are iterated over.
    """

    def __init__(self, make: Callable[[Expression], Row], named: Mapping[str, Row]) -> None:
        super().__init__(named)
        self._make = make

    def __contains__(self, name: object) -> bool:
        if not is_expression(name):
            return super().__contains__(name)
        try:
            parse_expression(str(name))
        except InputError:
            return False
        return True

    def __missing__(self, name: str) -> Row:
        if not is_expression(name):
            raise KeyError(name)
        return self._make(parse_expression(name))


class _Parser:
    def __init__(self, body: str) -> None:
        self._body = body

    def program(self) -> tuple[Instruction, ...]:
        """Return the program of the whole."""
        body = self._body
        if not body:
            self._fail("it is empty", 0)
        if not body.isascii() or not body.isprintable():
            place = next(i for i, each in enumerate(body) if not (each.isascii() and each >= " "))
            self._fail("only ASCII characters are known", place)
        if len(body) > _LONGEST:
            self._fail(f"it is longer than {_LONGEST} characters", _LONGEST)
        if "#" in body:  # Python's comments are no part of an expression: it would be cut short.
            self._fail("'#' is not known", body.index("#"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(body, mode="eval")
        except SyntaxError as error:
            self._fail("it is no expression", max((error.offset or 1) - 1, 0))
        except (ValueError, MemoryError, RecursionError):
            self._fail("it is nested too deeply", 0)
        program = self._visit(tree.body)
        if isinstance(program, float) or ("s", 0.0) not in program:
            self._fail("it does not depend on s", 0)
        if _depth(program) > DEEPEST:
            self._fail(f"it needs more than {DEEPEST} values at once", 0)
        return tuple(program)

    def _fail(self, problem: str, place: int) -> NoReturn:
        column = min(place, len(self._body)) + 1
        raise InputError(
            f"expr: {self._body[:80]!a}: {problem} at column {column}; known are {_GRAMMAR}"
        )

    def _visit(self, node: ast.AST) -> float | list[Instruction]:
        """Return the value of a part if it is a number, else its program."""
        place = getattr(node, "col_offset", 0)
        if isinstance(node, ast.Constant):
            value = node.value
            if isinstance(value, bool) or not isinstance(value, int | float):
                self._fail("this is no number", place)
            return self._number(lambda: float(value), place)
        if isinstance(node, ast.Name):
            if node.id == "pi":
                return math.pi
            if node.id not in NAMES:
                called = " without its argument" if node.id in FUNCTIONS else ""
                self._fail(f"unknown name {node.id!a}{called}", place)
            return [(node.id, 0.0)]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            operand = self._visit(node.operand)
            if isinstance(node.op, ast.UAdd):
                return operand
            if isinstance(operand, float):
                return -operand
            return operand[:-1] if operand[-1] == _NEGATION else [*operand, _NEGATION]
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if not isinstance(node, ast.Call):
            self._fail("this is not known", place)
        return self._call(node)

    def _binary(self, node: ast.BinOp) -> float | list[Instruction]:
        left, right = self._visit(node.left), self._visit(node.right)
        if isinstance(node.op, ast.Pow):
            return self._power(left, right, node)
        if type(node.op) not in _BINARY:
            hint = ": a power is **" if isinstance(node.op, ast.BitXor) else ""
            self._fail(f"this operator is not known{hint}", node.left.end_col_offset or 0)
        operation, compute = _BINARY[type(node.op)]
        if isinstance(left, float) and isinstance(right, float):
            return self._number(lambda: compute(left, right), node.col_offset)
        if operation == "div" and right == 0:
            self._fail("this divides by zero", node.right.col_offset)
        return [*_program(left), *_program(right), (operation, 0.0)]

    def _power(
        self, left: float | list[Instruction], right: float | list[Instruction], node: ast.BinOp
    ) -> float | list[Instruction]:
        if isinstance(left, float) and isinstance(right, float):
            return self._number(lambda: math.pow(left, right), node.col_offset)
        if isinstance(right, float) and right.is_integer():
            if abs(right) > LARGEST_POWER:
                problem = f"whole exponents are at most {LARGEST_POWER}"
                self._fail(problem, node.right.col_offset)
            return 1.0 if right == 0 else [*_program(left), ("power", right)]
        if right == 0.5:
            return [*_program(left), ("sqrt", 0.0)]
        # For positive bases, as logarithms are.
        logarithm: Sequence[Instruction] = [*_program(left), ("log", 0.0)]
        if isinstance(left, float):
            logarithm = _program(self._number(lambda: math.log(left), node.col_offset))
        return [*_program(right), *logarithm, ("mul", 0.0), ("exp", 0.0)]

    def _call(self, node: ast.Call) -> float | list[Instruction]:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            name = ast.unparse(node.func)
            self._fail(f"unknown function {name[:40]!a}", node.func.col_offset)
        name = node.func.id
        if node.keywords or len(node.args) != FUNCTIONS[name]:
            count = FUNCTIONS[name]
            plural = "s" if count > 1 else ""
            self._fail(f"{name} takes {count} argument{plural}", node.func.col_offset)
        arguments = [self._visit(each) for each in node.args]
        if all(isinstance(each, float) for each in arguments):
            return self._number(lambda: _IN_PYTHON[name](*arguments), node.col_offset)
        return [*(each for part in arguments for each in _program(part)), (name, 0.0)]

    def _number(self, compute: Callable[[], float], place: int) -> float:
        try:
            number = float(compute())
        except (ArithmeticError, ValueError):
            number = math.nan
        if not abs(number) <= _LARGEST:
            self._fail(f"this is not a number up to {_LARGEST:g}", place)
        return number


_IN_PYTHON: Mapping[str, Callable[..., float]] = {
    "abs": abs,
    "max": max,
    "min": min,
    **{name: getattr(math, name) for name in ("sin", "cos", "tanh", "exp", "log", "sqrt")},
}


def _program(part: float | list[Instruction]) -> Sequence[Instruction]:
    return [("number", part)] if isinstance(part, float) else part


def _depth(program: Sequence[Instruction]) -> int:
    depth = deepest = 0
    for operation, _ in program:
        if operation == "number" or operation in NAMES:
            depth += 1
        elif operation in _OPERATORS or FUNCTIONS.get(operation) == 2:
            depth -= 1
        deepest = max(deepest, depth)
    return deepest


def _power(value: Any, exponent: int) -> Any:
    result = value
    for _ in range(abs(exponent) - 1):
        result = result * value
    return result if exponent > 0 else 1.0 / result
