"""A picture of a terminal, from the text that is written to it."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fit_image.animation.film import frame_path, read_frame
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.cli.common.texts import format_duration
from fit_image.cli.live.blocks import BlockPanel
from fit_image.cli.live.canvas import Canvas
from fit_image.images.scaling import thumbnail
from fit_image.runs.metrics import MetricsFile

_PANEL = 48, 34

_CELL = 8, 16
_BACKGROUND, _TEXT = (24, 26, 31), (210, 212, 216)
_NAMED = {"36": (64, 180, 190), "90": (90, 94, 102)}
_PART = re.compile(r"\x1b\[([0-9;]*)m|([▄━╸]|[^\x1b▄━╸]+)")

Colour = tuple[int, int, int]


def draw_watched(picture: Path, options: str, run: Path, epochs: int, epoch: int) -> Image.Image:
    """Draw what ``--watch`` showed of a run at an epoch, beside the picture."""
    row = MetricsFile(run / "metrics.csv", FitMetrics).read()[epoch - 1]
    target = read_frame(picture)
    rate = target[..., 0].size * epoch / row.seconds
    left = row.seconds * (epochs - epoch) / epoch
    columns, rows = _PANEL
    panels = [
        BlockPanel.of(thumbnail(pixels, columns, 2 * rows, (0, 0, 0)), true_colour=True)
        for pixels in (read_frame(frame_path(run / "frames", epoch)), target)
    ]
    lines = [f"$ fit-image {picture.name} {options} --watch {columns}"]
    for spans in zip(*(panel.spans(None) for panel in panels), strict=True):
        lines.append((" " * Canvas.gap).join(span.text for span in spans))
    done = round(40 * epoch / epochs)
    bar = f"\x1b[36m{'━' * done}\x1b[0m\x1b[90m{'━' * (40 - done)}\x1b[0m"
    facts = f"{row.psnr:.2f} dB  {rate:,.0f} px/s  {format_duration(left)} left"
    lines.append(f" {epoch / epochs:.0%}  {bar}  epoch {epoch}/{epochs}  {facts}")
    return draw_terminal(lines, 2 * columns + Canvas.gap)


def draw_terminal(lines: list[str], columns: int) -> Image.Image:
    """Draw lines of text and half blocks, with their colours (SGR) of 24 bits and few of 4."""
    width, height = _CELL
    picture = Image.new("RGB", ((columns + 2) * width, (len(lines) + 1) * height), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        top, left = row * height + height // 2, width
        upper, lower = _BACKGROUND, _TEXT
        for colours, text in _PART.findall(line):
            if not text:
                upper, lower = _colours(colours, upper, lower)
                continue
            if text == "▄":
                draw.rectangle((left, top, left + width - 1, top + 7), upper)
                draw.rectangle((left, top + 8, left + width - 1, top + 15), lower)
            elif text in "━╸":
                half = width // 2 if text == "╸" else width
                draw.rectangle((left, top + 7, left + half - 1, top + 9), lower)
            else:
                draw.text((left, top - 1), text, lower, ImageFont.load_default(13))
            left += width * len(text)
    return picture


def _colours(codes: str, upper: Colour, lower: Colour) -> tuple[Colour, Colour]:
    numbers = codes.split(";")
    if numbers[0] in _NAMED:
        return upper, _NAMED[numbers[0]]
    if numbers[0] in ("", "0"):
        return _BACKGROUND, _TEXT
    red, green, blue, *_ = map(int, numbers[2:5])
    lower = red, green, blue
    red, green, blue = map(int, numbers[7:10])
    return (red, green, blue), lower
