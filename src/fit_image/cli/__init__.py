"""The command line: parse, loop, print. Importing it loads neither numpy nor numba."""

from fit_image.cli.main import cli, main

__all__ = ["cli", "main"]
