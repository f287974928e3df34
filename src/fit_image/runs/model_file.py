"""Reading of model files, which need not be trusted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from fit_image.errors import InputError
from fit_image.storage.npz import Arrays, read_archive


@contextlib.contextmanager
def reading_model(
    path: Path, kind: str, version: int, trained: str, known: str, *, oldest: int | None = None
) -> Iterator[Arrays]:
    """Yield the arrays of a model file; what they lack or violate in the block is an `InputError`.

    Parameters
    ----------
    path : Path
        A model file, or the folder of a run.
    kind : str
    version : int
        Of the archive.
    trained : str
        The trained network in the message if the folder has no model, such as "an autoencoder".
    known : str
        Regular expression of the names of its arrays; others are not read.
    oldest : int, optional
        Versions from this one on are read, too.
    """
    if path.is_dir():
        if not (path / "model.npz").exists():
            raise InputError(f"{path} is not the folder of {trained}: no model.npz")
        path = path / "model.npz"
    arrays = read_archive(path, kind, version, known, oldest=oldest)
    try:
        yield arrays
    except KeyError as error:
        raise InputError(f"{path} is damaged: it has no {error.args[0]}") from error
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise InputError(f"{path} is damaged: {error}") from error
