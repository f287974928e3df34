"""JSON files of ours, with a format version, read without trusting them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fit_image.archive import check_version
from fit_image.errors import InputError, os_error_reason
from fit_image.regular_file import check_regular


def read_document(file: Path, kind: str, understood: int) -> dict[str, Any]:
    """Read the JSON file that makes its folder one of a kind.

    Parameters
    ----------
    file : Path
    kind : str
        What the folder is one of: ``run`` or ``sweep``.
    understood : int
        The format version that it must have.

    Returns
    -------
    dict
        Whether what is in it makes sense is for the caller to find out.

    Raises
    ------
    InputError
        If the file is missing, damaged, something else, or of another version.
    """
    check_regular(file)
    try:
        data = json.loads(file.read_bytes(), parse_constant=_no_constant)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{file.parent} is not the folder of a {kind}: it has no {file.name}"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read {file}: {os_error_reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is damaged: it is not JSON") from error
    if not isinstance(data, dict) or type(data.get("format")) is not int:
        raise InputError(f"{file} is not the {file.name} of fit-image")
    check_version(file, data["format"], understood)
    return data


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
