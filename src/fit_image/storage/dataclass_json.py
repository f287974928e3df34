"""Convert dataclasses to JSON values, and back with strict checks.

Field types are bool, int, float, str, None, and tuples of one of them. A field of another type
brings its own conversion: its ``metadata`` have the functions ``to_text`` and ``from_text``. One
whose ``metadata`` have ``added`` may be missing from a file, and then has its default.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from fit_image.errors import InputError, excerpt

Config = TypeVar("Config")


def to_json(config: Any) -> dict[str, Any]:
    """Return the fields of a dataclass instance as JSON values."""
    values = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if "to_text" in field.metadata:
            value = field.metadata["to_text"](value)
        values[field.name] = list(value) if isinstance(value, tuple) else value
    return values


def from_json(cls: type[Config], data: object) -> Config:
    """Make a dataclass instance from a JSON object with exactly its fields and types.

    Raises
    ------
    InputError
        If a field is missing, unknown, of another type or out of range.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"{cls.__name__} must be an object")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for name, field in fields.items():
        if field.metadata.get("added") and name not in data:
            del hints[name]
    for name in hints.keys() ^ data.keys():
        raise InputError(f"{excerpt(repr(name))} is {'missing' if name in hints else 'unknown'}")
    return cls(
        **{
            name: _from_text(fields[name], data[name])
            if "from_text" in fields[name].metadata
            else _from_json_value(name, hint, data[name])
            for name, hint in hints.items()
        }
    )


def _from_text(field: dataclasses.Field[Any], value: Any) -> Any:
    if not isinstance(value, str):
        raise InputError(f"{field.name!r} must be text, not {excerpt(repr(value))}")
    try:
        return field.metadata["from_text"](value)
    except InputError as error:
        raise InputError(f"{field.name!r}: {error}") from error


def _from_json_value(name: str, hint: Any, value: Any) -> Any:
    if typing.get_origin(hint) is tuple:
        (item, _) = typing.get_args(hint)
        if type(value) is item:  # fields that earlier versions had one value of
            value = [value]
        if not isinstance(value, list) or any(type(each) is not item for each in value):
            found = excerpt(repr(value))
            raise InputError(f"{name!r} must be a list of {item.__name__}, not {found}")
        return tuple(value)
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(value) is int and float in allowed and abs(value) < 1 << 53:
        return float(value)
    if type(value) not in allowed:
        raise InputError(f"{name!r} has an invalid value: {excerpt(repr(value))}")
    return value
