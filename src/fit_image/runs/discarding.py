"""Work that fails before anything is trained leaves nothing behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from fit_image.errors import DivergenceError
from fit_image.runs.directory import RunDirectory
from fit_image.runs.trainer import Trainer


def missing_folders(path: Path) -> list[Path]:
    """Return the folders that would have to be made for ``path``, the innermost first."""
    return [folder for folder in (path, *path.parents) if not folder.exists()]


@contextlib.contextmanager
def discarded_if_untrained(
    directory: RunDirectory, trainer: Trainer, made: Sequence[Path]
) -> Iterator[None]:
    """Remove a new run if the block fails before the first step of training.

    ``made`` are the folders to remove with it, of `missing_folders`. A run that diverged stays.
    """
    try:
        yield
    except DivergenceError:
        raise
    except BaseException:
        if trainer.progress.begun_epochs == 0:
            # The failure is what must be told: perhaps of the disk, or of memory.
            with contextlib.suppress(OSError, MemoryError):
                _discard(directory, made)
        raise


def _discard(directory: RunDirectory, made: Sequence[Path]) -> None:
    for file in directory.replaced_by_run(directory.path):
        file.unlink()
    if directory.frames.is_dir():
        directory.frames.rmdir()
    _remove(directory.path, made)


@contextlib.contextmanager
def discarded_if_empty(path: Path, made: Sequence[Path]) -> Iterator[None]:
    """Remove a locked folder if the block fails and has written nothing to it.

    ``made`` are the folders to remove, of `missing_folders`.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError, MemoryError):
            if all(file.name == ".lock" for file in path.iterdir()):
                _remove(path, made)
        raise


def _remove(path: Path, made: Sequence[Path]) -> None:
    """Remove folders that were made, with nothing but the lock in them."""
    if made:
        (path / ".lock").unlink()
    for folder in made:
        folder.rmdir()
