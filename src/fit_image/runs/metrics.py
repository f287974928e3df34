"""``metrics.csv``: one row an epoch, written as it happens."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from fit_image.errors import InputError, os_error_reason
from fit_image.storage import atomic
from fit_image.storage.untrusted import read_bytes

_EPOCH = re.compile("[0-9]{1,15}")


class EpochMetrics:
    """The metrics of an epoch, a row of the file; the base of dataclasses of numbers.

    Attributes
    ----------
    formats : mapping of str to str
        The columns after ``epoch``, and how their numbers are written. They are fields, or
        properties that follow from them.
    optional : frozenset of str
        Columns that may be empty: None.
    epoch : int
        Counted from 1.
    seconds : float
        Training time so far.
    """

    formats: ClassVar[Mapping[str, str]]
    optional: ClassVar[frozenset[str]] = frozenset()

    epoch: int
    seconds: float

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names of all columns."""
        return ("epoch", *cls.formats)

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of the file; ValueError if it is not one."""
        epoch, *texts = line.rstrip("\n").split(",")
        found = dict(zip(cls.formats, texts, strict=True))
        if not _EPOCH.fullmatch(epoch) or not 0 <= float(found["seconds"]) < math.inf:
            raise ValueError("not an epoch and its seconds")
        values = {
            field.name: None
            if field.name in cls.optional and not found[field.name]
            else float(found[field.name])
            for field in fields(cls)  # type: ignore[arg-type]
            if field.name in found
        }
        return cls(epoch=int(epoch), **values)  # type: ignore[call-arg]

    @classmethod
    def newest(cls, rows: Sequence[Self]) -> dict[str, Any]:
        """Return the newest known value of every column but ``epoch``, as JSON values."""
        return {
            name: _finite(
                next((v for row in reversed(rows) if (v := getattr(row, name)) is not None), None)
            )
            for name in cls.formats
        }

    def to_json(self) -> dict[str, Any]:
        """Return the columns as JSON values."""
        return {name: _finite(getattr(self, name)) for name in self.columns()}

    def __str__(self) -> str:
        values = ((getattr(self, name), form) for name, form in self.formats.items())
        shown = ("" if value is None else format(value, form) for value, form in values)
        return ",".join((str(self.epoch), *shown))


def _finite(value: float | None) -> float | None:
    # JSON has no infinity, which is the PSNR of a perfect copy.
    return value if value is not None and math.isfinite(value) else None


MetricsType = TypeVar("MetricsType", bound=EpochMetrics)


class MetricsFile(Generic[MetricsType]):
    """A file of metrics, whose rows are of the type ``row``."""

    def __init__(self, path: Path, row: type[MetricsType]) -> None:
        self.path = path
        self._row = row

    def create(self) -> None:
        """Write a file without rows."""
        self._write([])

    def append(self, row: MetricsType) -> None:
        """Add a row; when the disk is full, the file stays as it was.

        Raises
        ------
        FitImageError
            If the row cannot be written.
        """
        atomic.append_line(self.path, str(row))

    def read(self) -> list[MetricsType]:
        """Return the rows; a torn or damaged one ends them.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        try:
            text = read_bytes(self.path).decode("utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {os_error_reason(error)}") from error
        rows: list[MetricsType] = []
        for line in text.splitlines(keepends=True)[1:]:
            # A line without its end was being written when the process was killed.
            if not line.endswith("\n"):
                break
            try:
                row = self._row.parse(line)
            except ValueError:
                break
            if row.epoch <= (rows[-1].epoch if rows else 0):
                break
            rows.append(row)
        return rows

    def forget_after(self, epoch: int) -> None:
        """Drop the rows of later epochs.

        Raises
        ------
        FitImageError
            If the file cannot be changed.
        """
        self._write([row for row in self.read() if row.epoch <= epoch])

    def _write(self, rows: list[MetricsType]) -> None:
        lines = [",".join(self._row.columns()), *map(str, rows)]
        atomic.write_bytes(self.path, "".join(f"{line}\n" for line in lines).encode())
