"""The table of formats, and how a file of one is made, checked and written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fit_image.apps.export.checks import (
    check_onnx_file,
    check_page,
    check_shader,
    check_torch_files,
)
from fit_image.apps.export.onnx_graph import check_onnx, write_onnx
from fit_image.apps.export.page import write_page
from fit_image.apps.export.shader import write_shader
from fit_image.apps.export.subject import Subject
from fit_image.apps.export.torch_module import write_torch
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.storage.atomic import write_together


def _require_nothing() -> None:
    """Need nothing beside what the package needs."""


@dataclass(frozen=True)
class Exporter:
    """A format.

    Attributes
    ----------
    suffixes : tuple of str
        Of its files, which have the same name else.
    write : callable
        Returns their contents, in that order; `InputError` if they cannot hold the network.
    check : callable
        Returns what was measured of such files, in lines; `FitImageError` if they are wrong.
    require : callable
        Raises `InputError` if something that is needed is not installed.
    """

    suffixes: tuple[str, ...]
    write: Callable[[Subject], Sequence[bytes]]
    check: Callable[[Subject, Sequence[Path]], list[str]]
    require: Callable[[], None] = _require_nothing


_TORCH = Exporter(
    (".safetensors", ".py"), lambda subject: [*write_torch(subject).values()], check_torch_files
)

EXPORTERS = {
    ".html": Exporter((".html",), lambda subject: [write_page(subject)], check_page),
    ".glsl": Exporter((".glsl",), lambda subject: [write_shader(subject)], check_shader),
    ".onnx": Exporter(
        (".onnx",), lambda subject: [write_onnx(subject)], check_onnx_file, check_onnx
    ),
    ".safetensors": _TORCH,
    ".py": _TORCH,
}
"""By the suffix of the file that is asked for."""

_HALF = Exporter((".html",), lambda subject: [write_page(subject, half=True)], check_page)


def exporter_of(path: Path, *, half: bool = False) -> Exporter:
    """Return the exporter of a file; `InputError` if there is none, or it lacks something.

    ``half`` asks for weights of 16 bits, which only pages have.
    """
    exporter = EXPORTERS.get(path.suffix.lower())
    if exporter is None:
        known = ", ".join(EXPORTERS)
        raise InputError(f"cannot write {path}: its name must end in one of {known}")
    exporter.require()
    if half and exporter is not EXPORTERS[".html"]:
        raise InputError(f"{path.suffix} has no 16-bit weights: choose .html", fields=("half",))
    return _HALF if half else exporter


def files_of(path: Path) -> list[Path]:
    """Return the files that are written for one that is asked for."""
    suffixes = exporter_of(path).suffixes
    return [path] if len(suffixes) == 1 else [path.with_suffix(suffix) for suffix in suffixes]


def export(subject: Subject, path: Path, *, half: bool = False) -> list[str]:
    """Write a network, and return what was measured, in lines.

    Raises
    ------
    InputError
        If there is no such format, or it cannot hold the network.
    FitImageError
        If a file cannot be written, or would draw something else; then none is touched.
    """
    exporter, paths = exporter_of(path, half=half), files_of(path)
    contents = exporter.write(subject)
    try:
        with tempfile.TemporaryDirectory(prefix="fit-image-") as folder:
            copies = [Path(folder) / f"network{suffix}" for suffix in exporter.suffixes]
            for copy, data in zip(copies, contents, strict=True):
                copy.write_bytes(data)
            lines = exporter.check(subject, copies)
    except OSError as error:
        raise FitImageError(f"cannot check {path}: {os_error_reason(error)}") from error
    write_together(dict(zip(paths, contents, strict=True)))
    sizes = " + ".join(f"{len(data):,}" for data in contents)
    return [f"{sizes} bytes for {subject.plain.numbers:,} weights", *lines]
