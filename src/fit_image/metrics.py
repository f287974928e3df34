"""``metrics.csv``: one row an epoch, written as it happens."""

from __future__ import annotations

import csv
import errno
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from fit_image import atomic
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.regular_file import check_regular


class AnyRow(Protocol):
    """What a file of metrics holds: a row an epoch, which is text as in CSV."""

    columns: ClassVar[tuple[str, ...]]

    @property
    def epoch(self) -> int:
        """Counted from 1."""

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of the file; ValueError if it is not one."""

    def to_json(self) -> dict[str, Any]:
        """Return the figures, by their columns, as JSON values."""


RowType = TypeVar("RowType", bound=AnyRow)


@dataclass(frozen=True)
class Row:
    """An epoch's figures.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    loss : float
        Mean of the training loss over the epoch's pixels.
    psnr : float or None
        In dB; None when no frame was drawn.
    seconds : float
        Training time so far.
    """

    columns: ClassVar = ("epoch", "loss", "psnr", "seconds")

    epoch: int
    loss: float
    psnr: float | None
    seconds: float

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of the file; ValueError if it is not one."""
        epoch, loss, psnr, seconds = next(csv.reader([line]))
        return cls(int(epoch), float(loss), float(psnr) if psnr else None, float(seconds))

    def to_json(self) -> dict[str, Any]:
        """Return the figures, by their columns, as JSON values."""
        return {**asdict(self), "psnr": _finite(self.psnr)}

    def __str__(self) -> str:
        psnr = "" if self.psnr is None else f"{self.psnr:.4f}"
        return f"{self.epoch},{self.loss:.9g},{psnr},{self.seconds:.3f}"


class MetricsFile(Generic[RowType]):
    """A file of metrics.

    Parameters
    ----------
    path : Path
    row : type
        Of its rows.
    """

    def __init__(self, path: Path, row: type[RowType]) -> None:
        self.path = path
        self._row = row

    def create(self) -> None:
        """Write a file without rows."""
        self._write([])

    def append(self, row: RowType) -> None:
        """Add a row; when the disk is full, the file stays as it was.

        Raises
        ------
        FitImageError
            If the row cannot be written.
        """
        line = f"{row}\n".encode()
        try:
            with self.path.open("ab", buffering=0) as file:
                size = file.tell()
                try:
                    if file.write(line) != len(line):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                except OSError:
                    file.truncate(size)
                    raise
        except OSError as error:
            raise FitImageError(f"cannot write {self.path}: {os_error_reason(error)}") from error

    def flush_to_disk(self) -> None:
        """Make sure that the rows survive a power cut."""
        atomic.flush_to_disk(self.path)

    def read(self) -> list[RowType]:
        """Return the rows; a torn or damaged one ends them.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        check_regular(self.path)
        try:
            text = self.path.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {os_error_reason(error)}") from error
        rows: list[RowType] = []
        for line in text.splitlines(keepends=True)[1:]:
            # A line without its end was being written when the process was killed.
            if not line.endswith("\n"):
                break
            try:
                rows.append(self._row.parse(line))
            except (ValueError, StopIteration):
                break
        return rows

    def forget_after(self, epoch: int) -> None:
        """Drop the rows of later epochs.

        Raises
        ------
        FitImageError
            If the file cannot be changed.
        """
        self._write([row for row in self.read() if row.epoch <= epoch])

    def _write(self, rows: list[RowType]) -> None:
        lines = [",".join(self._row.columns), *map(str, rows)]
        atomic.write_bytes(self.path, "".join(f"{line}\n" for line in lines).encode())


class Metrics(MetricsFile[Row]):
    """The file ``metrics.csv`` of a run."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Row)

    def newest_figures(self) -> tuple[float | None, float | None]:
        """Return the newest PSNR and the newest loss, None where there is none or it is infinite.

        JSON has no infinity, which is the PSNR of a perfect copy.
        """
        rows = self.read()
        psnr = next((row.psnr for row in reversed(rows) if row.psnr is not None), None)
        loss = rows[-1].loss if rows else None
        return _finite(psnr), _finite(loss)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
