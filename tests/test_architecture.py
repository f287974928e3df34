"""The layout: which folders may import which, and that no folders import each other in a circle."""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import cache
from pathlib import Path

import pytest

import fit_image

SOURCE = Path(fit_image.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))

ORDER = [
    {"cli"},
    {"live"},
    {"apps"},
    {"runs"},
    {"datasets", "animation"},
    {"images"},
    {"storage"},
    {"config"},
    {"nn"},
    {"errors", "version"},
]
"""From the top to the ground: a folder imports from sets below its own only."""

LIBRARIES = {
    "numba": {"nn", "apps", "runs"},
    "click": {"cli"},
    "PIL": {"images", "animation", "datasets", "runs", "apps"},
    "imageio": {"animation"},
}
"""Who may import what others wrote; numpy is for all but ``import fit_image.cli``."""

LARGEST_FOLDER = 12


def name_of(path):
    """Name of a module or package, without ``fit_image``: ``nn.layers.dense``."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


@cache
def imports(path):
    """Full names of the modules that a file imports, anywhere in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                names.append(name if name.removeprefix("fit_image.") in NAMES else node.module)
    return names


def own_imports(path):
    """Those of the package's own modules, without ``fit_image``."""
    for name in imports(path):
        if name.startswith("fit_image."):
            yield name.removeprefix("fit_image.")


def level(name):
    top = name.split(".")[0]
    (number,) = (number for number, tops in enumerate(ORDER) if top in tops)
    return number


def inner_modules():
    """All modules but the package's face, which names everything public."""
    faces = {SOURCE / "__init__.py", SOURCE / "__main__.py"}
    return [path for path in MODULES if path not in faces]


@pytest.mark.parametrize("path", inner_modules(), ids=name_of)
def test_imports_point_one_way(path):
    own = name_of(path)
    for name in own_imports(path):
        same = name.split(".")[0] == own.split(".")[0]
        assert same or level(name) > level(own), f"{own} imports {name}"
    if own.startswith("nn"):
        assert all(name.split(".")[0] in ("nn", "errors") for name in own_imports(path))


@pytest.mark.parametrize("path", inner_modules(), ids=name_of)
def test_libraries_stay_in_their_folders(path):
    top = name_of(path).split(".")[0]
    for name in imports(path):
        library = name.split(".")[0]
        assert top in LIBRARIES.get(library, {top}), f"{top} imports {library}"


@cache
def folder_of(name):
    """The folder of a module; where it lies beside folders, it counts by itself."""
    path = NAMES[name]
    beside_folders = any(each.parent.parent == path.parent for each in NAMES.values())
    return name if path.name == "__init__.py" or beside_folders else name.rpartition(".")[0]


def folder_arrows():
    arrows = {}
    for path in inner_modules():
        own = name_of(path)
        for name in own_imports(path):
            arrows.setdefault(folder_of(own), set()).add(folder_of(name))
    return {folder: targets - {folder} for folder, targets in arrows.items()}


def circle(arrows):
    """Return folders that import each other in a circle, or nothing."""
    done, path = set(), []

    def visit(folder):
        if folder in path:
            return path[path.index(folder) :]
        if folder in done:
            return []
        path.append(folder)
        for target in sorted(arrows.get(folder, ())):
            if found := visit(target):
                return found
        path.pop()
        done.add(folder)
        return []

    return next((found for folder in sorted(arrows) if (found := visit(folder))), [])


def test_no_folders_import_each_other_in_a_circle():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert circle(folder_arrows()) == []


def test_no_folder_is_crowded():
    for folder in {path.parent for path in MODULES}:
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(files) <= LARGEST_FOLDER, folder


def test_the_command_line_loads_no_numerics_when_imported():
    for path in (SOURCE / "cli").glob("*.py"):
        top = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import)]
        names = {alias.name for node in top for alias in node.names}
        assert not names & {"numpy", "numba", "imageio", "PIL"}, path


@pytest.mark.parametrize("name", fit_image.__all__)
def test_public_names_exist_and_are_documented(name):
    item = getattr(fit_image, name)
    if name != "__version__":
        assert inspect.getdoc(item)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="nothing"):
        _ = fit_image.nothing


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_has_a_docstring(path):
    name = ".".join(("fit_image", *name_of(path).split("."))).rstrip(".")
    if path.name != "__main__.py":
        assert importlib.import_module(name).__doc__


def public_methods():
    """Classes that modules define, with the names of their public methods."""
    for path in inner_modules():
        module = importlib.import_module(f"fit_image.{name_of(path)}")
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__ == module.__name__:
                for name in vars(kind):
                    static = inspect.getattr_static(kind, name)
                    kinds = (classmethod, staticmethod, property)
                    if inspect.isfunction(static) or isinstance(static, kinds):
                        yield kind, name


POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "selectors", "termios", "tty"}
"""Windows has none of them; its selectors do not take pipes."""

POSIX_NAMES = {
    *{f"signal.{name}" for name in ("SIGHUP", "SIGKILL", "SIGCONT", "SIGTSTP", "SIGUSR1", "alarm")},
    *{f"os.{name}" for name in ("fork", "setsid", "killpg", "getuid", "geteuid", "getpgid")},
    *{f"os.{name}" for name in ("sched_getaffinity", "sched_setaffinity", "mkfifo", "uname")},
    *{f"os.{name}" for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "O_CLOEXEC")},
    *{f"os.{name}" for name in ("sysconf", "statvfs", "fchmod", "chown", "getloadavg")},
}


def posix_only(source):
    """Names in a source that Windows does not have, but for those behind a guard.

    A guard is a condition that asks `hasattr`, or a ``try`` that catches AttributeError.
    """
    found = []

    def visit(node, guarded):
        if isinstance(node, (ast.If, ast.IfExp)) and "hasattr" in ast.unparse(node.test):
            guarded = True
        if isinstance(node, ast.Try):
            guarded = guarded or any(
                "AttributeError" in ast.unparse(handler.type or node) for handler in node.handlers
            )
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
            found.extend(name for name in names if name in POSIX_MODULES | POSIX_NAMES)
        if isinstance(node, ast.Attribute) and not guarded and ast.unparse(node) in POSIX_NAMES:
            found.append(ast.unparse(node))
        for child in ast.iter_child_nodes(node):
            visit(child, guarded)

    visit(ast.parse(source), guarded=False)
    return found


def test_names_of_posix_alone_are_found():
    assert posix_only("import fcntl\ndef f():\n    import resource") == ["fcntl", "resource"]
    assert posix_only("from os import fork") == ["os.fork"]
    assert posix_only("for s in (signal.SIGINT, signal.SIGHUP): pass") == ["signal.SIGHUP"]
    assert posix_only("if hasattr(os, 'getuid'): print(os.getuid())") == []
    assert posix_only("try: os.sysconf('x')\nexcept (AttributeError, OSError): pass") == []
    assert posix_only("try: os.sysconf('x')\nexcept OSError: pass") == ["os.sysconf"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_needs_posix(path):
    assert posix_only(path.read_text()) == []


def test_public_methods_have_a_docstring_of_their_own_or_inherit_one():
    for kind, name in public_methods():
        if not kind.__name__.startswith("_") and not name.startswith("_"):
            assert inspect.getdoc(getattr(kind, name)), f"{kind}.{name}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_docstrings_name_the_thing(path):
    for node in ast.walk(ast.parse(path.read_text())):
        body = getattr(node, "body", None)
        for each in body if isinstance(body, list) else []:
            text = each.value if isinstance(each, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                assert not text.value.startswith(("What ", "Return what ", "See ")), text.value
