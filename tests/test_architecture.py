"""The arrows of the design: cli -> apps -> nn; image, animation and run never from nn."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import fit_image

SOURCE = Path(fit_image.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))


def imports(path):
    """Full names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(path):
    parts = path.relative_to(SOURCE).parts
    return parts[0] if len(parts) > 1 else "."


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path):
    forbidden = {
        "nn": ("fit_image.cli", "fit_image.apps", "click", "PIL", "imageio"),
        "apps": ("fit_image.cli", "click"),
        ".": ("fit_image.cli", "fit_image.apps", "click"),
        "cli": ("numba", "imageio"),
    }[layer(path)]
    if path.name in ("__init__.py", "__main__.py") and layer(path) == ".":
        return  # the package's face, which names everything public
    for name in imports(path):
        assert not any(name == wall or name.startswith(f"{wall}.") for wall in forbidden)
        if layer(path) == "nn":
            allowed = ("fit_image.nn", "fit_image.errors")
            assert not name.startswith("fit_image.") or name.startswith(allowed)


@pytest.mark.parametrize("name", fit_image.__all__)
def test_public_names_exist_and_are_documented(name):
    item = getattr(fit_image, name)
    if name != "__version__":
        assert inspect.getdoc(item)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="nothing"):
        _ = fit_image.nothing


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_has_a_docstring(path):
    name = ".".join(("fit_image", *path.relative_to(SOURCE).with_suffix("").parts))
    if path.name != "__main__.py":
        assert importlib.import_module(name.removesuffix(".__init__")).__doc__
