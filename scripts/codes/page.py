"""One page that shows the comparison, and needs nothing but itself."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import numpy as np
from PIL import Image

from codes.measure import Comparison, Floats, Outcome, Pair
from fit_image.apps.autoencode.sheet import tile
from fit_image.image import to_uint8
from fit_image.version import __version__

SHOWN = 10
"""Held-out pictures."""

_NOTHING = "&ndash;"

_STYLE = """
.numbers { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; padding: 6px 20px; }
.numbers table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.numbers th, .numbers td { padding: 9px 12px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
.numbers tr:last-child td, .numbers tr:last-child th { border-bottom: 0; }
.numbers thead th { color: var(--soft); font-weight: 600; font-size: 0.875rem; }
.numbers :is(th, td):first-child { text-align: left; padding-left: 0; }
.numbers tbody th { font-weight: 600; }
.better { color: var(--good); }
.strips { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 18px 20px; display: grid; gap: 14px 18px; align-items: center;
  grid-template-columns: minmax(150px, 200px) 1fr; }
.strips img { width: 100%; height: auto; display: block; image-rendering: pixelated; }
.strips p small { display: block; }
.strips .first { border-top: 1px solid var(--line); grid-column: 1 / -1; }
@media (max-width: 640px) { .strips { grid-template-columns: 1fr; gap: 4px; } }
.chart { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 18px 20px; }
.chart svg { width: 100%; height: auto; display: block; }
.chart text { fill: var(--soft); font-size: 13px; }
.chart path { fill: none; stroke-width: 2.5; }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.chart .networks { stroke: var(--series-0); } .chart .pca { stroke: var(--series-1); }
.chart circle.networks, .chart text.networks { fill: var(--series-0); stroke: none; }
.chart circle.pca, .chart text.pca { fill: var(--series-1); stroke: none; }
.chart circle.others, .chart text.others { fill: var(--series-2); }
"""


def render(comparison: Comparison, pairs: Sequence[Pair], name: str) -> str:
    """Return the page as HTML."""
    lesson = comparison.lesson
    source = lesson.source
    css = (files("fit_image.apps.sweep.results") / "page" / "page.css").read_text("utf-8")
    average = comparison.average()
    facts = [
        f"{source.pictures:,} pictures learned from",
        f"{source.held_out:,} held out",
        f"{source.width} x {source.height}, {source.channels}",
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(name)}: codes of auto-encoders compared</title>
<style>
{css}
{_STYLE}
</style>
</head>
<body>
<header class="page">
<p class="kicker">fit-image autoencode</p>
<h1>{escape(name)}: how few numbers make a picture?</h1>
<p class="facts">{"".join(f"<span>{fact}</span>" for fact in facts)}</p>
</header>
<main>
<section><h2>Figures</h2>
<div class="numbers"><table>
<thead><tr><th>network</th><th>code</th><th>times fewer</th><th>parameters</th><th>PSNR</th>
<th>PCA of that code</th><th>differences kept</th><th>epochs</th><th>training</th></tr></thead>
<tbody>{_row(Pair(average, None), comparison)}{"".join(_row(each, comparison) for each in pairs)}
</tbody></table></div>
<p class="note">All on held-out pictures, which neither network nor PCA has seen. PSNR is that of
the mean squared error, in dB: higher is better. "Differences kept" is the share of what makes a
picture another than the average one: the average itself keeps 0%, a perfect copy 100%. PCA
(principal components) is fitted to the same training pictures; there are at most as many
components as pictures less one.</p></section>
<section><h2>PSNR by the size of the code</h2>
<div class="chart">{_chart(pairs)}</div></section>
<section><h2>Held-out pictures, redrawn</h2>
<div class="strips">{_strips(comparison, average, pairs)}</div></section>
</main>
<footer class="page">fit-image {__version__}, scripts/compare_codes.py</footer>
</body>
</html>
"""


def _row(pair: Pair, comparison: Comparison) -> str:
    network, pca = pair.network, pair.pca
    better = pca is not None and network.psnr >= pca.psnr
    fewer = f"{comparison.mean.size / network.code:,.4g}" if network.code else _NOTHING
    cells = [
        f"{network.code:,}",
        fewer,
        f"{network.parameters:,}",
        f'<span class="{"better" if better else ""}">{network.psnr:.2f}</span>',
        _NOTHING if pca is None else f"{pca.psnr:.2f}",
        f"{network.kept:.1%}",
        _NOTHING if network.epochs is None else f"{network.epochs:,}",
        _NOTHING if network.epochs is None else f"{network.seconds:.0f} s",
    ]
    return (
        f'<tr><th scope="row">{escape(network.name)}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def _strips(comparison: Comparison, average: Outcome, pairs: Sequence[Pair]) -> str:
    shown = np.linspace(0, len(comparison.wanted) - 1, SHOWN).astype(int)
    shown = shown[: len(comparison.wanted)]
    rows = [_strip("originals", "held out", comparison.wanted[shown])]
    rows.append(_strip(average.name, f"{average.psnr:.2f} dB", average.drawn[shown]))
    done = set()
    for pair in pairs:
        rows.append('<div class="first"></div>')
        for outcome in (pair.network, pair.pca):
            if outcome is not None and outcome.name not in done:
                done.add(outcome.name)
                text = f"a code of {outcome.code:,}, {outcome.psnr:.2f} dB"
                rows.append(_strip(outcome.name, text, outcome.drawn[shown]))
    return "".join(rows)


def _strip(name: str, text: str, pictures: Floats) -> str:
    sheet = tile([to_uint8(pictures)])
    stream = io.BytesIO()
    Image.fromarray(sheet[..., 0] if sheet.shape[2] == 1 else sheet).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    label = escape(f"{name}: {text}")
    image = f'<img alt="{label}" src="data:image/png;base64,{data}">'
    return f"<p><b>{escape(name)}</b><small>{escape(text)}</small></p>{image}"


_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _RIGHT, _TOP = 900, 320, 50, 40, 190, 16


def _chart(pairs: Sequence[Pair]) -> str:
    plain = sorted(
        (pair.network for pair in pairs if pair.network.name.startswith("fully connected")),
        key=lambda each: each.code,
    )
    components = {each.code: each for pair in pairs for each in pair.components}
    pca = [components[code] for code in sorted(components)]
    others = [each for each in (pair.network for pair in pairs) if each not in [*plain, *pca]]
    every = [*plain, *others, *pca]
    least, most = (f(math.log2(each.code) for each in every) for f in (min, max))
    low = math.floor(min(each.psnr for each in every))
    high = math.ceil(max(each.psnr for each in every) + 0.01)

    def x(outcome: Outcome) -> float:
        share = (math.log2(outcome.code) - least) / (most - least or 1)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(psnr: float) -> float:
        return _TOP + (high - psnr) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="PSNR by code">']
    for level in range(low, high + 1, max(1, (high - low) // 6)):
        parts.append(
            f'<path class="grid" d="M{_LEFT} {y(level):.1f}H{_WIDTH - _RIGHT}"/>'
            f'<text x="{_LEFT - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{level}</text>'
        )
    for code in sorted({each.code for each in every}):
        at = x(next(each for each in every if each.code == code))
        parts.append(f'<text x="{at:.1f}" y="{_HEIGHT - 16}" text-anchor="middle">{code:,}</text>')
    for kind, series in (("networks", plain), ("pca", pca)):
        line = "L".join(f"{x(each):.1f} {y(each.psnr):.1f}" for each in series)
        parts.append(f'<path class="{kind}" d="M{line}"/>')
    for kind, series in (("networks", plain), ("pca", pca), ("others", others)):
        parts += [
            f'<circle class="{kind}" cx="{x(each):.1f}" cy="{y(each.psnr):.1f}" r="5"/>'
            for each in series
        ]
    labels = [("networks", "fully connected", plain[-1])] if plain else []
    labels += [("pca", "PCA", pca[-1])] if pca else []
    labels += [("others", each.name, each) for each in others]
    taken: list[tuple[float, float]] = []
    for kind, text, each in sorted(labels, key=lambda label: -label[2].psnr):
        # One above the other where they would overlap.
        at, height = x(each) + 10, y(each.psnr) + 4
        while any(abs(height - other) < 15 and abs(at - left) < 150 for left, other in taken):
            height += 5
        taken.append((at, height))
        parts.append(f'<text class="{kind}" x="{at:.1f}" y="{height:.1f}">{escape(text)}</text>')
    return "".join([*parts, "</svg>"])
