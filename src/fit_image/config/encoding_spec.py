"""Parse and format encodings: ``none``, ``positional:8``, ``fourier:128@10``, ``grid:levels=8``."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import ClassVar, Self

from fit_image.errors import InputError, quoted

_MAX_CELLS = 1 << 20

_COARSEST = 16
"""Cells of the coarsest level of a grid, unless the finest has fewer."""

_GRID_FIELD = re.compile(r"(?P<name>[a-z]+)=(?:(?P<base>2)\^)?(?P<number>[0-9]{1,9})")


@dataclass(frozen=True)
class NoEncoding:
    """``none``: coordinates without an encoding."""

    usage: ClassVar[str] = "none"

    @classmethod
    def parse(cls, arguments: str | None) -> Self:
        """Parse the text after the colon; ValueError if invalid."""
        if arguments is not None:
            raise ValueError(f"{cls.usage} takes no arguments")
        return cls()

    def __str__(self) -> str:
        return "none"


@dataclass(frozen=True)
class PositionalSpec:
    """``positional:L``: sines and cosines of L octaves (1 to 16) along each axis."""

    usage: ClassVar[str] = "positional:L"
    levels: int

    @classmethod
    def parse(cls, arguments: str | None) -> Self:
        """Parse the text after the colon; ValueError if invalid."""
        text = arguments or ""
        if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= 16:
            raise ValueError("L must be 1 to 16 octaves, such as 8")
        return cls(int(text))

    def __str__(self) -> str:
        return f"positional:{self.levels}"


@dataclass(frozen=True)
class FourierSpec:
    """``fourier:N@SCALE``: random Fourier features of N frequencies (1 to 8192).

    Their standard deviation is ``scale`` periods per side of the picture; above 0, at most 1e4.
    """

    usage: ClassVar[str] = "fourier:N@SCALE"
    waves: int
    scale: float

    @classmethod
    def parse(cls, arguments: str | None) -> Self:
        """Parse the text after the colon; ValueError if invalid."""
        waves, _, scale = (arguments or "").partition("@")
        problem = "N must be 1 to 8192 waves, and SCALE above 0, at most 1e4, such as 128@10"
        if not re.fullmatch("[0-9]{1,6}", waves) or not 1 <= int(waves) <= 8192:
            raise ValueError(problem)
        try:
            deviation = float(scale)
        except ValueError:
            raise ValueError(problem) from None
        if not 0 < deviation <= 1e4:  # or NaN
            raise ValueError(problem)
        return cls(int(waves), deviation)

    def __str__(self) -> str:
        return f"fourier:{self.waves}@{self.scale:.9g}"


@dataclass(frozen=True)
class GridSpec:
    """``grid`` or ``grid:levels=8,...``: a multiresolution hash grid.

    Attributes
    ----------
    levels : int
        Number of resolutions, 1 to 32.
    features : int
        Numbers per entry, 1 to 16.
    entries : int or None
        Most entries of a level's table: a power of 2, up to 2^24. None depends on the picture's
        size.
    coarsest, finest : int or None
        Cells along the picture's longer side, 1 to 2^20. None depends on the picture's size.
    axes : int
        Cells along the longer side of two more grids, one of columns and one of rows, without
        shared entries; 0 to 2^20, 0: none.
    """

    usage: ClassVar[str] = "grid[:levels=8,features=2,entries=2^16,coarsest=16,finest=512,axes=0]"
    levels: int = 8
    features: int = 2
    entries: int | None = None
    coarsest: int | None = None
    finest: int | None = None
    axes: int = 0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("levels", 1, 32),
            ("features", 1, 16),
            ("entries", 1, 1 << 24),
            ("coarsest", 1, _MAX_CELLS),
            ("finest", 1, _MAX_CELLS),
            ("axes", 0, _MAX_CELLS),
        ):
            number = getattr(self, name)
            if number is not None and not least <= number <= most:
                raise ValueError(f"{name} must be {least} to {most}, not {number}")
        if self.entries is not None and self.entries & (self.entries - 1):
            raise ValueError(f"entries must be a power of 2 such as 2^16, not {self.entries}")
        if self.coarsest and self.finest and self.finest < self.coarsest:
            raise ValueError("finest must be at least coarsest")

    @classmethod
    def parse(cls, arguments: str | None) -> Self:
        """Parse the text after the colon; ValueError if invalid."""
        numbers: dict[str, int] = {}
        names = [field.name for field in dataclasses.fields(cls)]
        for part in arguments.split(",") if arguments is not None else []:
            match = _GRID_FIELD.fullmatch(part.strip())
            if not match or match["name"] not in names or match["name"] in numbers:
                raise ValueError(
                    f"{quoted(part)} must be NAME=NUMBER, with a name of {', '.join(names)}, each "
                    "at most once"
                )
            number = int(match["number"])
            if match["base"]:
                number = 2 ** min(number, 64)
            numbers[match["name"]] = number
        return cls(**numbers)

    def for_picture(self, width: int, height: int) -> Self:
        """Return a copy with all values set.

        By default, the finest level has a cell for each pixel, and the tables an entry for each
        vertex of it, up to a million.
        """
        longest = min(max(width, height), _MAX_CELLS)
        coarsest = self.coarsest or min(_COARSEST, self.finest or longest)
        finest = self.finest or max(longest, coarsest)
        vertices = (width + 1) * (height + 1)
        entries = self.entries or 1 << min(max(math.ceil(math.log2(vertices)), 4), 20)
        return dataclasses.replace(self, entries=entries, coarsest=coarsest, finest=finest)

    @property
    def outputs(self) -> int:
        """Features of a place."""
        return (self.levels + 2 * (self.axes > 0)) * self.features

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left open that decides how many numbers the tables have."""
        return None not in (self.entries, self.coarsest, self.finest)

    def __str__(self) -> str:
        given = {name: value for name, value in dataclasses.asdict(self).items() if value}
        return "grid:" + ",".join(f"{name}={value}" for name, value in given.items())


EncodingSpec = NoEncoding | PositionalSpec | FourierSpec | GridSpec

ENCODINGS: dict[str, type[EncodingSpec]] = {
    "none": NoEncoding,
    "positional": PositionalSpec,
    "fourier": FourierSpec,
    "grid": GridSpec,
}
"""Specs of the encodings in `fit_image.nn.encodings.registry`; this module loads no numerics."""


def left_open(text: str) -> str:
    """Return an encoding without what ``max_parameters`` decides: entries and finest.

    The coarsest level stays, unless it is the one that follows from the finest.
    """
    spec = parse_encoding(text)
    if isinstance(spec, GridSpec):
        usual = min(_COARSEST, spec.finest or _COARSEST)
        coarsest = None if spec.coarsest == usual else spec.coarsest
        spec = dataclasses.replace(spec, entries=None, coarsest=coarsest, finest=None)
    return str(spec)


def smallest_like(spec: EncodingSpec) -> EncodingSpec:
    """Return the smallest encoding of the same kind."""
    match spec:
        case PositionalSpec():
            return PositionalSpec(1)
        case FourierSpec():
            return FourierSpec(1, 1.0)
        case GridSpec():
            return GridSpec(1, 1, 1, 1, 1)
        case _:
            return spec


def parse_encoding(text: str) -> EncodingSpec:
    """Parse an encoding; `InputError` if it is invalid."""
    name, colon, arguments = text.partition(":")
    if name not in ENCODINGS:
        usages = ", ".join(spec.usage for spec in ENCODINGS.values())
        raise InputError(f"{quoted(text)} is not an encoding: give one of {usages}")
    try:
        return ENCODINGS[name].parse(arguments if colon else None)
    except ValueError as error:
        raise InputError(f"{quoted(text)}: {error}") from None
