#!/usr/bin/env python3
"""Print the lower bounds of all dependencies in pyproject.toml, as constraints for pip."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path


def minima() -> dict[str, str]:
    """Return the oldest permitted version of each library, extras for development included."""
    text = (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"].values()
    requirements = [*project["dependencies"], *(each for extra in extras for each in extra)]
    found = (re.fullmatch(r"([\w-]+)[>=]=([\d.]+)", each) for each in requirements)
    return {match[1]: match[2] for match in found if match}


if __name__ == "__main__":
    print("\n".join(f"{name}=={version}" for name, version in minima().items()))
