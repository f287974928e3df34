"""A page of charts: which octaves of a picture networks learn when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.report.frames import RunFrames
from fit_image.apps.report.spectra import spectra

_SCRIPT = """
for (const [title, spectrum] of Object.entries(data)) {
  const place = makeElement("div", "chart");
  const figure = makeElement("figure", "card", makeElement("h2", "", title), place);
  document.body.append(figure);
  const lines = octaveLines(spectrum);
  const x = { ...progressAxes.epochs, logarithmic: true };
  const floor = { name: "", colour: "--line", dash: [], x: [1, 1], y: [-1, 46] };
  new LineChart(place, () => {}).show([floor, ...lines], { x, y: decibels("dB", 1) });
  if (document.querySelectorAll("figure").length < Object.keys(data).length) continue;
  const names = lines.map(({ name, colour }) =>
    makeElement("span", "", makeSwatch(colour, "solid"), name),
  );
  document.body.append(makeElement("p", "legend", ...names));
}
"""

_STYLE = """
body { background: #fff; display: grid; grid-template-columns: 1fr 1fr; gap: 4px 20px;
  padding: 14px; font-size: 14px }
h2 { margin: 6px 0 2px; font-size: 15px }
.chart { height: 250px }
.legend { grid-column: 1 / 3; justify-content: center; gap: 4px 20px }
.legend span { display: inline-flex; align-items: center; gap: 6px }
"""


def write_frequencies(runs: Mapping[str, Path], page: Path) -> None:
    """Write a page with a chart for each run, by title."""
    data = {}
    for title, path in runs.items():
        run = FitDirectory.open(path)
        frames = RunFrames.of_run(run, run.metrics.read())
        assert frames
        data[title] = spectra(frames, most=60)
    folder = files("fit_image.apps.report")
    names = ("uplot/uPlot.iife.min.js", "dom.js", "chart.js", "axes.js")
    style = [(folder / name).read_text() for name in ("uplot/uPlot.min.css", "page.css")]
    scripts = [(folder / name).read_text() for name in names]
    page.write_text(
        f"<!DOCTYPE html><meta charset='utf-8'><style>{''.join(style)}{_STYLE}</style><body>"
        f"<script>{''.join(scripts)} const data = {json.dumps(data)}; {_SCRIPT}</script>"
    )
