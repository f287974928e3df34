"""Pictures that commands read and write: several, folders, standard input and output."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from fit_image.cli.common.left_out import NAMED
from fit_image.cli.display.displays import Display
from fit_image.errors import FitImageError, InputError, one_line, os_error_reason, some_of

STREAM = Path("-")
"""Standard input or output in place of a picture's file."""

_LARGEST_INPUT = 1 << 32
_PIECE = 1 << 20

_SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".mpo", ".webp", ".gif", ".tif", ".tiff", ".bmp"),
    *(".tga", ".ico", ".ppm", ".pgm", ".pnm", ".jp2", ".heic", ".heif", ".avif", ".jxl", ".svg"),
    *(".psd", ".exr", ".hdr", ".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2"),
)
"""Files of folders that are named like pictures, and are missed if they cannot be read."""


class Job(NamedTuple):
    """A picture to read, and the file to write.

    ``is_picture`` says whether the user or the name promises a picture.
    """

    source: Path
    target: Path
    is_picture: bool = True


@contextmanager
def input_file(path: Path) -> Iterator[Path]:
    """Yield a picture's path; for `STREAM`, that of a temporary file with what is on stdin.

    The file is named ``stdin``, and lasts as long as the command; an `InputError` that names it
    names standard input instead.
    """
    if path != STREAM:
        yield path
        return
    copy = _copied_input()
    try:
        yield copy
    except InputError as error:
        message = str(error).replace(str(copy), "standard input")
        raise InputError(message, fields=error.fields) from error


def _copied_input() -> Path:
    """Copy standard input to a temporary file."""
    stdin = sys.stdin
    if stdin is None or stdin.closed or stdin.isatty():
        raise InputError("standard input is no picture: pipe one in, such as < photo.png")
    copy = _temporary_folder() / "stdin"
    left = _LARGEST_INPUT
    with copy.open("wb") as file:
        while piece := stdin.buffer.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise InputError(f"standard input has more than {_LARGEST_INPUT:,} bytes")
            file.write(piece)
    return copy


def output_file(path: Path) -> Path:
    """Return the path to write a picture to; for `STREAM`, a temporary PNG for `written`."""
    if path != STREAM:
        return path
    if sys.__stdout__ is None:
        raise InputError("standard output is closed: redirect it, such as > picture.png")
    if sys.stdout.isatty():
        raise InputError("standard output is a terminal: redirect it, such as > picture.png")
    return _temporary_folder() / "stdout.png"


def written(path: Path, file: Path) -> None:
    """Print the path of a picture; of `STREAM`, the bytes of its temporary ``file``."""
    if path != STREAM:
        click.echo(path)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(file.read_bytes())
    sys.stdout.buffer.flush()


def make_parent(path: Path) -> None:
    """Make the folder that a picture is written to; `FitImageError` if that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = os_error_reason(error)
        raise FitImageError(f"cannot use the folder {path.parent}: {reason}") from error


def shown_stem(path: Path) -> str:
    """Return a picture's name without its suffix; ``stdin`` for `STREAM`."""
    return "stdin" if path == STREAM else path.stem


def picture_jobs(paths: Sequence[Path], output: Path | None, ending: str) -> list[Job]:
    """Return the pictures among files and folders, and where each result goes.

    Parameters
    ----------
    paths : sequence of Path
        Pictures, or folders of pictures, whose subfolders are read, too.
    output : Path or None
        A folder; of a single picture also a file. Default: the working directory.
    ending : str
        The results are named ``<PICTURE>-<ending>.png``, in the subfolders of their pictures.

    Raises
    ------
    InputError
        If a path does not exist, a folder holds no pictures, or two results have the same name.
    """
    from fit_image.runs.directory import RunDirectory

    single = len(paths) == 1 and not paths[0].is_dir()
    is_file = output is not None and not output.is_dir() and (output.suffix or output == STREAM)
    if single and output is not None and is_file:
        return [Job(paths[0], output)]
    found = list(_pictures(paths))
    if is_file:
        raise InputError(f"{len(found)} pictures do not fit in {output}: choose a folder")
    folder = output or Path()
    RunDirectory.check_folder(folder)
    jobs = [
        Job(source, folder / name.with_name(f"{stem}-{ending}.png"), is_picture)
        for (source, name, is_picture), stem in zip(found, _stems(found), strict=True)
    ]
    targets = {os.path.realpath(job.target): job.target for job in jobs}
    replaced = [job for job in jobs if os.path.realpath(job.source) in targets]
    for job in replaced:
        if job.source in paths:
            raise InputError(f"{job.source} is an input of this command: choose a folder with -o")
    # Those in folders are of an earlier call.
    jobs = [job for job in jobs if job not in replaced]
    most, count = Counter(job.target for job in jobs).most_common(1)[0]
    if count > 1:
        raise InputError(f"two pictures would be {most}: choose other names, or one at a time")
    return jobs


class LeftOut:
    """Pictures of a command that cannot be read, and files that are none.

    Attributes
    ----------
    reasons : dict of Path to str
        Of the pictures.
    """

    def __init__(self, display: Display) -> None:
        self.reasons: dict[Path, str] = {}
        self._others: list[Path] = []
        self._display = display

    def add(self, job: Job, error: InputError) -> None:
        """Note a picture, and tell why; or a file that is none."""
        if job.is_picture:
            self.reasons[job.source] = str(error)
            self._display.message(f"left out: {error}")
        else:
            self._others.append(job.source)

    def finish(self, count: int) -> None:
        """Name the files that are no pictures; `FitImageError` if one of ``count`` is left out.

        It names the pictures where `add` could not tell of them.
        """
        if self._others:
            self._display.message(f"left out, as no pictures: {some_of(self._others, NAMED)}")
        if self.reasons:
            summary = f"{len(self.reasons)} of {count} pictures left out"
            (_, reason), *more = self.reasons.items()
            if self._display.quiet:
                summary += f": {reason}"
            if self._display.quiet and more:
                summary += f"; and {some_of([path for path, _ in more], NAMED)}"
            raise FitImageError(summary)


class _Found(NamedTuple):
    """A file, its path in the results' folder, and whether its name promises a picture."""

    source: Path
    name: Path
    is_picture: bool


def _pictures(paths: Sequence[Path]) -> Iterator[_Found]:
    from fit_image.datasets.folder import folder_contents

    for path in paths:
        if path == STREAM:
            yield _Found(path, Path(shown_stem(path)), True)
        elif not path.is_dir():
            if not path.exists():
                raise InputError(f"cannot read {one_line(path)}: no such file; give a picture")
            yield _Found(path, Path(path.name), True)
        else:
            files, waiting, seen = [], [path], set()
            while waiting:
                folder = waiting.pop(0)
                if (where := os.path.realpath(folder)) not in seen:  # not a link to its parent
                    seen.add(where)
                    inner, contents = folder_contents(folder)
                    waiting += inner
                    files += contents
            named = [file.suffix.lower() in _SUFFIXES for file in files]
            if not any(named):
                raise InputError(f"{one_line(path)} holds no pictures, and no model.npz")
            for file, is_picture in zip(files, named, strict=True):
                yield _Found(file, file.relative_to(path), is_picture)


def _stems(found: Sequence[_Found]) -> list[str]:
    """Return the names of the results: with suffixes where they differ in these alone."""
    counts = Counter(each.name.with_suffix("") for each in found)
    return [
        each.name.stem if counts[each.name.with_suffix("")] == 1 else each.name.name
        for each in found
    ]


def _temporary_folder() -> Path:
    import tempfile

    folder = tempfile.TemporaryDirectory(prefix="fit-image-")
    return Path(click.get_current_context().with_resource(folder))
