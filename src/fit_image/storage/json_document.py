"""JSON files with a format version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fit_image.errors import InputError, os_error_reason
from fit_image.storage.npz import check_version
from fit_image.storage.untrusted import check_values, read_bytes


def read_document(file: Path, kind: str, supported: int) -> dict[str, Any]:
    """Read the JSON file that describes the run or the sweep in its folder.

    Parameters
    ----------
    file : Path
    kind : str
        Kind of folder, for messages: ``run`` or ``sweep``.
    supported : int
        Required format version, the file's ``format``; the caller checks the other values.

    Raises
    ------
    InputError
        If the file is missing, damaged, something else, or of another version.
    """
    try:
        data = json.loads(read_bytes(file))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{file.parent} is not the folder of a {kind}: it has no {file.name}"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {file}: {os_error_reason(error)}") from error
    except InputError:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{file} is damaged: it is not JSON") from error
    try:
        check_values(data)
    except ValueError as error:
        raise InputError(f"{file} is damaged: {error}") from error
    if not isinstance(data, dict) or type(data.get("format")) is not int:
        raise InputError(f"{file} is not a {file.name} of fit-image")
    check_version(file, data["format"], supported)
    return data
