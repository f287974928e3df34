"""One page that shows the comparison of codes, and needs nothing but itself."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

import numpy as np
from PIL import Image

from drawing.codes import Comparison, Floats, Outcome, Pair
from fit_image.apps.autoencode.sheet import tile
from fit_image.image import to_uint8
from fit_image.version import __version__

SHOWN = 10
"""Held-out pictures."""

_STYLE = """
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 9px 12px; text-align: right; border-bottom: 1px solid var(--line); }
:is(th, td):first-child { text-align: left; }
.better { color: var(--good); }
.strips { display: grid; gap: 14px 18px; align-items: center;
  grid-template-columns: minmax(150px, 200px) 1fr; }
.strips img { width: 100%; image-rendering: pixelated; }
.strips small { display: block; }
svg text { fill: var(--soft); font-size: 13px; }
svg path { fill: none; stroke-width: 2.5; stroke: var(--line); }
svg .dense { stroke: var(--series-0); fill: var(--series-0); }
svg .PCA { stroke: var(--series-1); fill: var(--series-1); }
svg .other { stroke: var(--series-2); fill: var(--series-2); }
svg path[class] { fill: none; } svg text[class] { stroke: none; }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{name}: codes of auto-encoders compared</title>
<style>{css}{style}</style>
</head>
<body>
<header class="page">
<p class="kicker">fit-image autoencode</p>
<h1>{name}: how few numbers make a picture?</h1>
<p class="facts">{facts}</p>
</header>
<main>
<section><h2>Figures</h2>
<table>
<thead><tr><th>network</th><th>code</th><th>times fewer</th><th>parameters</th><th>PSNR</th>
<th>PCA of that code</th><th>differences kept</th><th>epochs</th><th>training</th></tr></thead>
<tbody>{rows}</tbody></table>
<p class="note">All on held-out pictures, which neither network nor PCA has seen. PSNR is that of
the mean squared error, in dB: higher is better. "Differences kept" is the share of what makes a
picture another than the average one: the average itself keeps 0%, a perfect copy 100%. PCA
(principal components) is fitted to the same training pictures; there are at most as many
components as pictures less one.</p></section>
<section><h2>PSNR by the size of the code</h2>{chart}</section>
<section><h2>Held-out pictures, redrawn</h2><div class="strips">{strips}</div></section>
</main>
<footer class="page">fit-image {version}, scripts/figures.py</footer>
</body>
</html>
"""


def render(comparison: Comparison, pairs: Sequence[Pair], name: str) -> str:
    """Return the page as HTML."""
    source = comparison.lesson.source
    facts = [
        f"{source.pictures:,} pictures learned from",
        f"{source.held_out:,} held out",
        f"{source.width} x {source.height}, {source.channels}",
    ]
    return _PAGE.format(
        name=escape(name),
        css=(files("fit_image.apps.sweep") / "page" / "page.css").read_text("utf-8"),
        style=_STYLE,
        facts="".join(f"<span>{fact}</span>" for fact in facts),
        rows="".join(_row(*pair, comparison.mean.size) for pair in pairs),
        chart=_chart(pairs),
        strips="".join(_strips(comparison.wanted, pairs)),
        version=__version__,
    )


def _row(network: Outcome, pca: Outcome | None, numbers: int) -> str:
    better = "better" if pca and network.psnr >= pca.psnr else ""
    trained, nothing = network.epochs > 0, "&ndash;"
    cells = [
        f"{network.code:,}",
        f"{numbers / network.code:,.4g}" if network.code else nothing,
        f"{network.parameters:,}",
        f'<span class="{better}">{network.psnr:.2f}</span>',
        f"{pca.psnr:.2f}" if pca else nothing,
        f"{network.kept:.1%}",
        f"{network.epochs:,}" if trained else nothing,
        f"{network.seconds:.0f} s" if trained else nothing,
    ]
    data = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{escape(network.name)}</th>{data}</tr>'


def _strips(wanted: Floats, pairs: Sequence[Pair]) -> Iterator[str]:
    shown = np.linspace(0, len(wanted) - 1, min(SHOWN, len(wanted))).astype(int)
    yield _strip("originals", "held out", wanted[shown])
    for outcome in _outcomes(pairs):
        text = f"a code of {outcome.code:,}, {outcome.psnr:.2f} dB"
        yield _strip(outcome.name, text, outcome.drawn[shown])


def _outcomes(pairs: Sequence[Pair]) -> list[Outcome]:
    """Return all, each once."""
    return list({each.name: each for pair in pairs for each in pair if each}.values())


def _strip(name: str, text: str, pictures: Floats) -> str:
    sheet, stream = tile([to_uint8(pictures)]), io.BytesIO()
    Image.fromarray(sheet[..., 0] if sheet.shape[2] == 1 else sheet).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    image = f'<img alt="{escape(f"{name}: {text}")}" src="data:image/png;base64,{data}">'
    return f"<p><b>{escape(name)}</b><small>{escape(text)}</small></p>{image}"


_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _RIGHT, _TOP = 900, 320, 50, 40, 190, 16


def _chart(pairs: Sequence[Pair]) -> str:
    """Draw PSNR over the size of the code as SVG."""
    outcomes = sorted((each for each in _outcomes(pairs) if each.code), key=lambda each: each.code)
    least, most = (math.log2(outcomes[index].code) for index in (0, -1))
    low = math.floor(min(each.psnr for each in outcomes))
    high = math.ceil(max(each.psnr for each in outcomes) + 0.01)

    def x(code: int) -> float:
        share = (math.log2(code) - least) / (most - least or 1)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(psnr: float) -> float:
        return _TOP + (high - psnr) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<path d="M{_LEFT} {y(level):.1f}H{_WIDTH - _RIGHT}"/><text x="0" y="{y(level):.1f}">'
        f"{level} dB</text>"
        for level in range(low, high + 1, max(1, (high - low) // 6))
    ]
    for code in {each.code for each in outcomes}:
        parts.append(f'<text x="{x(code):.1f}" y="{_HEIGHT - 16}">{code:,}</text>')
    legend = (("dense", "fully connected"), ("PCA", "PCA"), ("other", "tied, convolutional"))
    for index, (kind, text) in enumerate(legend):
        points = [(x(each.code), y(each.psnr)) for each in outcomes if each.kind == kind]
        if kind != "other":
            line = "L".join(f"{across:.1f} {down:.1f}" for across, down in points)
            parts.append(f'<path class="{kind}" d="M{line}"/>')
        for across, down in points:
            parts.append(f'<circle class="{kind}" cx="{across:.1f}" cy="{down:.1f}" r="5"/>')
        down = _TOP + 20 * index
        parts.append(f'<text class="{kind}" x="{_WIDTH - _RIGHT + 20}" y="{down}">{text}</text>')
    label = 'role="img" aria-label="PSNR by code"'
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" {label}>{"".join(parts)}</svg>'
