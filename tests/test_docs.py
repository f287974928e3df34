"""README and docs: their shape, their links, and the page of options."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest

import fit_image
from fit_image.cli import cli
from fit_image.version import __version__

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
SUBJECTS = {
    *("options", "choosing", "components", "sweeps", "digits", "autoencoders", "unjpeg", "dreams"),
    *("watching", "export", "scripting", "python", "file-formats", "method", "benchmarks"),
    "development",
    "frequencies",
    "unseen",
    "equal-parameters",
}


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OPTIONS = load_script("options")


def prose(page):
    """Return a page without its fences."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = []
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(words if words not in found else f"{words}-{found.count(words)}")
    return found


def links(page):
    text = prose(page)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)


def test_there_is_a_page_for_each_subject():
    assert {page.stem for page in PAGES} == {"README", *SUBJECTS}
    assert {f"docs/{subject}.md" for subject in SUBJECTS} <= set(links(README))


def test_the_readme_is_short_and_begins_with_two_commands_and_the_animation():
    text = README.read_text()
    assert len(text) <= 12_000
    assert re.findall(r"^\./scripts/\w+", text.split("```")[1], re.MULTILINE) == [
        "./scripts/demo",
        "./scripts/test",
    ]
    assert "examples/learning.gif" in text.split("\n## ")[0][:1000]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for link in links(page):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_option_has_help():
    for path, command in OPTIONS.commands(cli, "fit-image"):
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, (path, parameter)


def test_the_page_of_options_is_what_the_commands_say():
    renew = "renew it with: python scripts/options.py > docs/options.md"
    assert (ROOT / "docs" / "options.md").read_text() == OPTIONS.page(), renew


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_that_pages_name_exist(page):
    known = {"--version", "--help"}
    for _, command in OPTIONS.commands(cli, "fit-image"):
        for parameter in command.params:
            known |= {*parameter.opts, *parameter.secondary_opts}
    scripts = "".join(file.read_text() for file in (ROOT / "scripts").rglob("*.py"))
    for option in re.findall(r"`(--[a-z][a-z0-9-]*)", prose(page)):
        assert option in known or f'"{option}"' in scripts, option


def short(options):
    return {**options, "epochs": min(options["epochs"], 2)}


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fit = fit_image.fit
    monkeypatch.setattr(fit_image, "fit", lambda *args, **options: fit(*args, **short(options)))
    path = ROOT / "examples" / "learn_in_python.py"
    names = {"__name__": "example", "__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), names)
    names["main"]()
    assert (tmp_path / "side_by_side.png").exists()


def test_the_changelog_knows_the_version():
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
