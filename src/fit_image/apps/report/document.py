"""A report as a whole: one file with its style, its data and its scripts."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from importlib.resources import files

from fit_image.apps.report.markup import Html, escape, join
from fit_image.version import __version__

_PACKAGE = "fit_image.apps.report"
_SCRIPTS = ("dom.js", "chart.js", "axes.js", "player.js")
_PARTS = ("chart_keys", "player")  # HTML that pages have in common


def render(package: str, title: str, values: Mapping[str, object], data: object) -> str:
    """Return a page.

    Parameters
    ----------
    package : str
        The folder of its ``page.html``, which ``values`` and `_PARTS` fill, and of its ``page.js``.
    title : str
    values : mapping
        Texts, which are escaped, or HTML.
    data : object
        JSON values for its script.
    """
    scripts = [_read(_PACKAGE, name) for name in _SCRIPTS]
    parts = {name: _read(_PACKAGE, f"{name}.html") for name in _PARTS}
    whole = {
        "title": title,
        "body": _filled(_read(package, "page.html"), {**parts, **values}),
        "version": __version__,
        "data": _json(data),
        "style": join(_read(_PACKAGE, "uplot/uPlot.min.css"), "\n", _read(_PACKAGE, "page.css")),
        "uplot": _read(_PACKAGE, "uplot/uPlot.iife.min.js"),
        "uplot_licence": _read(_PACKAGE, "uplot/LICENSE"),
        "script": Html("\n".join([*scripts, _read(package, "page.js")])),
    }
    return _filled(_read(_PACKAGE, "page.html"), whole)


def _read(package: str, name: str) -> Html:
    return Html((files(package) / name).read_text("utf-8").strip())


def _filled(template: str, values: Mapping[str, object]) -> Html:
    escaped = {name: escape(value) for name, value in values.items()}
    return Html(string.Template(template).substitute(escaped))


def _json(value: object) -> Html:
    """Return JSON that can stand in a script: no text in it ends the script or begins another."""
    return Html(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))
