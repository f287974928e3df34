"""Options of ``fit-image IMAGE`` with several values, from the command line or files."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from fit_image.cli.common.headings import HeadedOption, heading_of
from fit_image.cli.fit.command import command as fit_command
from fit_image.config.encoding_spec import ENCODINGS
from fit_image.config.fit import FitConfig, ImageConfig, option_of
from fit_image.config.registry import ACTIVATIONS
from fit_image.errors import MOST_SHOWN, InputError, excerpt, os_error_reason
from fit_image.nn.expressions import PREFIX
from fit_image.storage.untrusted import check_values, read_bytes

Values = tuple[Any, ...]
TrialRow = dict[str, list[str]]

# First line of a table by which a spreadsheet is told how columns are separated.
_SEPARATOR_LINE = re.compile(r"sep=([,;\t])\r?\n", re.IGNORECASE)

# In a table with semicolons, perhaps a number as many languages write it.
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+(e[-+]?[0-9]+)?", re.ASCII | re.IGNORECASE)

# Separators of values, because those of layers and encodings contain commas.
_NEVER = re.compile(r"(?!)")
_COMMA = re.compile(",")
_SEPARATORS = {
    "layers": _NEVER,
    "encoding": re.compile(rf",(?=(?:{'|'.join(ENCODINGS)})(?:[:,]|$))"),
    # Before a name that ends there, or an expression: those have commas, too, as in max(s, 0).
    "activation": re.compile(rf",(?=\s*(?:(?:{'|'.join(ACTIVATIONS)})\s*(?:,|$)|{PREFIX}))"),
    "background": re.compile(r",(?![^(]*\))"),
}

_FIELDS = {each.name for config in (FitConfig, ImageConfig) for each in fields(config)}

_OPTIONS = {
    str(each.name): each for each in fit_command.params if each.name in {"preset", *_FIELDS}
}

# The seed last, so that trials that differ only in it are consecutive.
AXES = (*(name for name in _OPTIONS if name != "seed"), "seed")
"""Field names of the options that may have several values."""

MAX_SEEDS = 999_999


class ValueList(click.ParamType):
    """Values separated by commas, each of the type of an option."""

    name = "values"

    def __init__(self, option: click.Parameter) -> None:
        self.option = option
        self.separator = _SEPARATORS.get(option.name or "", _COMMA)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Values:
        if isinstance(value, tuple):
            return value
        texts = [text.strip() for text in self.separator.split(value)]
        if not all(texts):
            self.fail(f"{value!a} has an empty value.", param, ctx)
        return tuple(self.option.type.convert(text, param, ctx) for text in texts)


def axis_options() -> list[click.Option]:
    """Return a repeatable option with several values for each of `AXES`."""
    return [_axis_option(option) for option in _OPTIONS.values()]


def _axis_option(option: click.Parameter) -> click.Option:
    assert isinstance(option, click.Option)
    metavar = option.metavar
    if metavar is None and isinstance(option.type, click.Choice):
        metavar = "NAME"
    default = option.show_default if isinstance(option.show_default, str) else option.default
    return HeadedOption(
        [*option.opts, str(option.name)],
        heading=heading_of(option),
        type=ValueList(option),
        multiple=True,
        metavar=metavar if option.name in _SEPARATORS else f"{metavar},...",
        show_default=str(default),
        help=option.help,
    )


def given_axes(given: Mapping[str, tuple[Values, ...]], seeds: int | None) -> dict[str, Values]:
    """Return the axes given on the command line."""
    axes = {name: tuple(sum(given[name], ())) for name in AXES if given[name]}
    if seeds is not None:
        if "seed" in axes:
            raise click.UsageError("--seed and --seeds exclude each other.")
        axes["seed"] = tuple(range(seeds))
    return axes


def read_grids(
    read: Callable[[Path], list[TrialRow]], path: Path, axes: Mapping[str, Values]
) -> tuple[dict[str, Values], ...]:
    """Read trials with `read_csv` or `read_toml`, and add the axes of the command line to each."""
    try:
        rows = read(path)
        check_values([list(row.items()) for row in rows])
    except OSError as error:
        raise InputError(f"cannot read {path}: {os_error_reason(error)}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not valid UTF-8 text") from error
    except InputError:
        raise
    except RecursionError as error:
        raise InputError(f"cannot parse {path}: it is nested too deeply") from error
    except (csv.Error, ValueError) as error:  # of TOML, too
        raise InputError(f"cannot parse {path}: {excerpt(error)}") from error
    if not rows:
        raise InputError(f"{path} has no trials")
    found = []
    for number, row in enumerate(rows, start=1):
        own = _parse_row(f"{path}, trial {number}", row)
        for name in own.keys() & axes.keys():
            raise InputError(f"{path} and the command line both give {option_of(name)}")
        found.append({**own, **axes})
    return tuple(found)


def read_csv(path: Path) -> list[TrialRow]:
    """Return the rows of a CSV table: the text of each cell by column name.

    Columns are separated as in the header: by semicolons or tabs, if it has any, else by commas.
    """
    text = read_bytes(path).decode("utf-8-sig")
    marked = _SEPARATOR_LINE.match(text)
    if marked:
        text = text[marked.end() :]
    header = text.partition("\n")[0]
    delimiter = marked[1] if marked else next((each for each in ";\t" if each in header), ",")
    with io.StringIO(text, newline="") as file:
        reader = csv.DictReader(file, strict=True, delimiter=delimiter)
        names = [name for name in reader.fieldnames or () if name.strip()]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{path} has two columns {excerpt(ascii(name))}")
        rows = []
        for row in reader:
            if any(text.strip() for text in row.pop(None, ())):
                raise InputError(f"{path}, line {reader.line_num}, has more values than the header")
            given = {name: [text] for name, text in row.items() if text and text.strip()}
            if delimiter != ",":
                _check_decimal_points(f"{path}, line {reader.line_num}", given)
            # Spreadsheets leave empty rows behind.
            if given:
                rows.append(given)
    return rows


def _check_decimal_points(where: str, row: TrialRow) -> None:
    for name, (cell,) in row.items():
        option, text = _OPTIONS.get(_field_of(name)), cell.strip()
        if option and _DECIMAL_COMMA.fullmatch(text) and _takes_fractions(option):
            raise InputError(
                f"{where}, {name}: {text!a} may be one number or two: write "
                f"{text.replace(',', '.')}, or {text.replace(',', ', ')!a} for two values"
            )


def _takes_fractions(option: click.Parameter) -> bool:
    try:
        option.type.convert("0.5", option, None)
    except click.BadParameter:
        return False
    return True


def _field_of(column: str) -> str:
    """Return the field of a column's option, or anything else if there is none."""
    option = f"--{column.strip().lower().replace('_', '-')}"
    return next((name for name in AXES if option_of(name) == option), column)


def read_toml(path: Path) -> list[TrialRow]:
    """Return the ``[[trial]]`` tables, each with the keys above them."""
    data = tomllib.loads(read_bytes(path).decode("utf-8-sig"))
    check_values(data)
    rows = data.pop("trial", [{}] if data else [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path}: 'trial' must be an array of tables, [[trial]]")
    # The table's own keys first, so that the shared ones vary fastest.
    merged = [row | {name: data[name] for name in data if name not in row} for row in rows]
    return [{name: _texts(path, name, value) for name, value in row.items()} for row in merged]


def _texts(path: Path, name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values or any(type(each) not in (str, int, float) for each in values):
        raise InputError(
            f"{path}: {excerpt(ascii(name))} must be text, a number, or a list of them"
        )
    return [str(each) for each in values]


def _parse_row(where: str, row: TrialRow) -> dict[str, Values]:
    names = {option_of(name).removeprefix("--"): name for name in AXES}
    axes: dict[str, Values] = {}
    for given, texts in row.items():
        column = given.strip().lower().replace("_", "-")
        if column == "seeds":
            name, values = "seed", _seeds(where, texts)
        elif column not in names:
            raise InputError(
                f"{where}: unknown option {excerpt(ascii(given))}; known are {', '.join(names)}"
            )
        else:
            name = names[column]
            option = ValueList(_OPTIONS[name])
            try:
                values = sum((option.convert(text, None, None) for text in texts), ())
            except click.BadParameter as error:
                message = _shortened(error.message, option, texts)
                raise InputError(f"{where}, {column}: {message}") from error
        if name in axes:
            raise InputError(f"{where}: {excerpt(ascii(given))} is given twice")
        axes[name] = values
    return axes


def _shortened(message: str, option: ValueList, texts: list[str]) -> str:
    """Return a message with excerpts in place of the values from a file."""
    for text in texts:
        for value in map(str.strip, (text, *option.separator.split(text))):
            for quoted in (repr(value), ascii(value), value):
                if len(quoted) > MOST_SHOWN:
                    message = message.replace(quoted, excerpt(quoted))
    return message


def _seeds(where: str, texts: list[str]) -> Values:
    if len(texts) != 1 or not re.fullmatch("[0-9]{1,6}", texts[0].strip()) or not int(texts[0]):
        raise InputError(f"{where}: seeds must be a number from 1 to {MAX_SEEDS}")
    return tuple(range(int(texts[0])))
