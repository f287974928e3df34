"""How the programs of this folder tell what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

from fit_image.errors import FitImageError

_MISTAKE = 2


def run_command(command: Callable[[], object]) -> None:
    """Run a command; say in one line what is wrong with its files or options, with exit code 2."""
    try:
        command()
    except (OSError, FitImageError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(_MISTAKE)
