"""Captions of animations: text with numbers in braces, such as ``{epoch} {psnr:.1f} dB``."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Self

from fit_image.errors import InputError, excerpt

_MOST_CHARACTERS = 200
_LONGEST_NUMBER = 40  # such as 1e300 as .1f would be longer
_UNKNOWN = "-"

# Of Python's formats those of numbers: fill and alignment, sign, width of at most two digits,
# grouping, digits, type.
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_FORMAT = re.compile(r"(?:[^{}]?[<>^=])?[-+ ]?0?[0-9]{0,2}[,_]?(?:\.[0-9])?[deEfFgG%]?", re.ASCII)


@dataclass(frozen=True)
class Caption:
    """A caption, parsed.

    Attributes
    ----------
    parts : tuple of (str, str or None, str)
        Text, and the name and the format of the number that follows it; at the end there is none.
    """

    parts: tuple[tuple[str, str | None, str], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a caption.

        Raises
        ------
        InputError
            If it is empty, too long or not printable, a brace has no partner, or between braces
            there is more than a name and the format of a number.
        """
        if not text.strip() or not text.isprintable() or len(text) > _MOST_CHARACTERS:
            problem = f"must be 1 to {_MOST_CHARACTERS} printable characters"
            raise _error(f"caption {problem}, not {excerpt(repr(text))}")
        try:
            found = list(Formatter().parse(text))
        except ValueError as error:
            problem = f"{error}; a brace that is to be shown is doubled"
            raise _error(f"caption {excerpt(text)}: {problem}") from error
        parts = []
        for before, name, form, conversion in found:
            if name is not None:
                spelled = (
                    f"{name}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}"
                )
                shown = excerpt(f"{{{spelled}}}")
                if not _NAME.fullmatch(name) or conversion:
                    wanted = "a name such as {epoch}, or a name and a format such as {seconds:.1f}"
                    raise _error(f"caption has {shown}: between braces, give {wanted}")
                if not _FORMAT.fullmatch(form or ""):
                    problem = "has a format that is not one of numbers, such as .1f or 4.0f"
                    raise _error(f"caption {shown} {problem}")
            parts.append((before, name, form or ""))
        return cls(tuple(parts))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the numbers."""
        return tuple(name for _, name, _ in self.parts if name is not None)

    def check(self, known: Collection[str]) -> None:
        """Raise `InputError` if a number is not among the known ones, or its format is not for it.

        ``epoch`` is a whole number, the others have fractions.
        """
        for _, name, form in self.parts:
            if name is None:
                continue
            if name not in known:
                raise _error(f"caption {{{excerpt(name)}}} is not one of {', '.join(known)}")
            try:
                format(_example(name), form)
            except ValueError as error:
                problem = "has a format that does not fit the number; .1f is one that does"
                raise _error(f"caption {{{name}:{form}}} {problem}") from error

    def text(self, values: Mapping[str, float | None]) -> str:
        """Return the caption with these values, and a hyphen for those that are None or missing."""
        shown = []
        for before, name, form in self.parts:
            value = None if name is None else values.get(name)
            shown += [before, "" if name is None else _UNKNOWN]
            if value is not None:
                number = format(value, form)
                shown[-1] = number if len(number) <= _LONGEST_NUMBER else f"{value:g}"
        return "".join(shown)

    def example(self) -> str:
        """Return the caption with values of the usual length."""
        return self.text({name: _example(name) for name in self.names})


def _example(name: str) -> float:
    return 100 if name == "epoch" else 10.5


def _error(message: str) -> InputError:
    return InputError(message, fields=("caption",))
