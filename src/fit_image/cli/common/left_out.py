"""Lines about the files of a folder that were left out, or read with a remark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from fit_image.cli.common.texts import counted
from fit_image.errors import some_of

NAMED = 5
"""Of files that are left out, those that are named."""


def left_out(paths: Collection[Path], folder: Path, why: str = "no whole pictures") -> list[str]:
    """Return lines about the files in a folder that are left out: of known kinds, the numbers."""
    from fit_image.images.decoding import count_kinds
    from fit_image.images.formats.identify import describe_kinds

    kinds, others = count_kinds(paths)
    lines = [f"{folder}: left out: {describe_kinds(kinds)}"] if kinds else []
    return [*lines, named(others, folder, why)] if others else lines


def named(paths: Collection[Path], folder: Path, why: str) -> str:
    """Return a line with the names of some files or folders in a folder that are left out."""
    names = sorted(
        str(path.relative_to(folder) if path.is_relative_to(folder) else path) for path in paths
    )
    return f"{folder}: left out, as {why}: {some_of(names, NAMED)}"


def with_remarks(facts: dict[str, Any], remarks: Sequence[str]) -> dict[str, Any]:
    """Return facts for ``--json``, with the remarks if there are any."""
    return {**facts, "remarks": list(remarks)} if remarks else facts


def remark_lines(remarks: Counter[str], folder: Path) -> list[str]:
    """Return a line for each remark about pictures of a folder, with their number."""
    return [
        f"{folder}: {counted(count, 'picture')}: {text}" for text, count in remarks.most_common()
    ]
