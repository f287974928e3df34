"""The package, built and installed: the wheel, the source archive, the man page and completions."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import manual
import minima
from fit_image.version import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LIBRARIES = ("click", "filelock", "imageio", "numba", "numpy", "PIL")

BUILD = """
import sys
from setuptools import build_meta
folder = sys.argv[1]  # building changes the arguments
build_meta.build_wheel(folder)
build_meta.build_sdist(folder)
"""

USE = """
import importlib.resources, sys
import fit_image
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
assert sys.prefix in fit_image.__file__, fit_image.__file__
assert DigitModel.load().class_names == tuple("0123456789")
assert all(ResidualNetwork.shipped(name).numbers.any() for name in ("small", "large"))
assert (importlib.resources.files("fit_image") / "py.typed").is_file()
apps = importlib.resources.files("fit_image.apps")
pages = ("sweep/results/page/page.html", "report/run/page.html")
for name in (*pages, "report/uplot/uPlot.iife.min.js"):
    assert (apps / name).is_file(), name
"""


def output_of(*command, **options):
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and a source archive, made from a copy of the sources."""
    pytest.importorskip("setuptools", "77")
    copy, dist = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.in"):
        shutil.copy(ROOT / name, copy)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "share", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    output_of(sys.executable, "-c", BUILD, dist, cwd=copy)
    (wheel,), (archive,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return wheel, archive


def test_the_wheel_has_all_that_the_program_reads(built):
    with zipfile.ZipFile(built[0]) as archive:
        names = set(archive.namelist())
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        facts = Parser().parsestr(archive.read(metadata).decode())
    folder = ROOT / "src"
    of_source = {
        path.relative_to(folder).as_posix()
        for path in (folder / "fit_image").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert of_source <= names
    for name in manual.files():
        assert any(each.endswith(f".data/data/share/{name}") for each in names), name
    assert facts["Requires-Python"] == PROJECT["requires-python"]
    assert facts.get_all("Project-URL")
    assert not any(name.startswith("tests/") for name in names)
    licences = {name.partition(".dist-info/licenses/")[2] for name in names}
    assert {"LICENSE", "src/fit_image/apps/report/uplot/LICENSE"} <= licences


def test_the_source_archive_can_be_built_from(built):
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "docs/options.md"} <= names
    assert "src/fit_image/apps/digits/digits.npz" in names
    assert "src/fit_image/apps/digits/article.npz" in names
    assert {f"share/{name}" for name in manual.files()} <= names


def test_the_metadata_are_valid(built):
    pytest.importorskip("twine")
    output_of(sys.executable, "-m", "twine", "check", "--strict", *built)


def test_the_wheel_serves_in_an_empty_environment(built, tmp_path):
    pytest.importorskip("pip")
    venv.create(tmp_path, with_pip=False, symlinks=True)
    python = tmp_path / "bin" / "python"
    install = ("install", "--quiet", "--no-index", "--no-deps", "--no-compile", built[0])
    output_of(sys.executable, "-m", "pip", "--python", python, *install)
    # The libraries are those of the tests: nothing is fetched.
    packages = {str(Path(importlib.import_module(name).__file__).parents[1]) for name in LIBRARIES}
    (site,) = tmp_path.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text("\n".join(sorted(packages)))
    version = output_of(tmp_path / "bin" / "fit-image", "--version", cwd=tmp_path)
    assert version == f"fit-image, version {__version__}\n"
    output_of(python, "-c", USE, cwd=tmp_path)
    assert (tmp_path / "share" / "man" / "man1" / "fit-image.1").is_file()


@pytest.mark.parametrize("name", manual.files())
def test_the_man_page_and_completions_are_up_to_date(name):
    wanted = manual.files()[name]
    assert (ROOT / "share" / name).read_text() == wanted, "renew it: python scripts/manual.py"


def test_the_man_page_is_understood():
    if not shutil.which("groff"):
        pytest.skip("there is no groff")
    page = ROOT / "share" / "man" / "man1" / "fit-image.1"
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tascii", "-P-cbou", page],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "SYNOPSIS" in done.stdout


def test_every_library_has_a_least_version_that_can_be_installed():
    extras = PROJECT["optional-dependencies"].values()
    names = {
        re.match(r"[\w-]+", each)[0]
        for each in (*PROJECT["dependencies"], *(one for extra in extras for one in extra))
    }
    assert set(minima.minima()) == names - {PROJECT["name"]}
    assert minima.minima()["numba"] == "0.62"


def test_the_versions_of_python_are_named_in_one_way():
    versions = [
        each.rpartition(" ")[2] for each in PROJECT["classifiers"] if "Python :: 3." in each
    ]
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert f"Python {versions[0]} to {versions[-1]}" in (ROOT / "README.md").read_text()
