"""The chart of a range test: the loss against the learning rate."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT = 900, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 24, 56, 62

# Drawn so many times as large, and scaled down: Pillow's lines have no soft edges.
_FINER = 3

_PAPER, _GRID, _INK = (255, 255, 255), (228, 228, 232), (40, 40, 46)
_POINTS, _LINE, _MARK = (150, 168, 200), (31, 91, 182), (206, 76, 30)

# Losses beyond so many times the first are off the chart.
_MOST = 1.6

Floats = npt.NDArray[np.float64]


def draw_curve(
    rates: Floats, losses: Floats, smoothed: Floats, suggestion: float
) -> npt.NDArray[np.uint8]:
    """Draw the losses of a range test on logarithmic axes, and mark the suggested rate."""
    finite = np.isfinite(losses) & (losses > 0)
    start = float(np.median(losses[finite][: max(len(losses) // 10, 1)]))
    low, high = float(smoothed[np.isfinite(smoothed)].min()) / 1.25, _MOST * start
    scale = _Scale(math.log10(rates[0]), math.log10(rates[-1]), math.log10(low), math.log10(high))
    image = Image.new("RGB", (_WIDTH * _FINER, _HEIGHT * _FINER), _PAPER)
    draw = ImageDraw.Draw(image)
    _draw_axes(draw, scale)
    for rate, loss in zip(rates[finite], losses[finite], strict=True):
        if low <= loss <= high:
            x, y = scale.place(rate, loss)
            radius = 1.8 * _FINER
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), _POINTS)
    lowest = int(np.argmin(smoothed))
    beyond = [*np.flatnonzero(smoothed[lowest:] > high) + lowest, len(smoothed)]
    line = [
        scale.place(rate, min(loss, high))
        for rate, loss in zip(rates[: beyond[0]], smoothed, strict=False)
    ]
    draw.line(line, _LINE, width=3 * _FINER, joint="curve")
    x, _ = scale.place(suggestion, low)
    draw.line((x, _TOP * _FINER, x, (_HEIGHT - _BOTTOM) * _FINER), _MARK, width=2 * _FINER)
    text = f"--lr {suggestion:g}"
    draw.text((x, (_TOP - 8) * _FINER), text, _MARK, _font(18), anchor="ms")
    small = image.resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)
    return np.asarray(small)


class _Scale:
    """Logarithmic axes, as places in the large image."""

    def __init__(self, left: float, right: float, bottom: float, top: float) -> None:
        self.left, self.right, self.bottom, self.top = left, right, bottom, top

    def place(self, rate: float, loss: float) -> tuple[float, float]:
        across = (math.log10(rate) - self.left) / (self.right - self.left)
        up = (math.log10(loss) - self.bottom) / (self.top - self.bottom)
        x = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        y = _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)
        return x * _FINER, y * _FINER


def _draw_axes(draw: ImageDraw.ImageDraw, scale: _Scale) -> None:
    font = _font(15)
    top, bottom = _TOP * _FINER, (_HEIGHT - _BOTTOM) * _FINER
    left, right = _LEFT * _FINER, (_WIDTH - _RIGHT) * _FINER
    for power in range(math.ceil(scale.left), math.floor(scale.right) + 1):
        x, _ = scale.place(10.0**power, 10.0**scale.bottom)
        draw.line((x, top, x, bottom), _GRID, width=_FINER)
        draw.text((x, bottom + 8 * _FINER), f"{10.0**power:g}", _INK, font, anchor="ma")
    for loss in _ticks(10.0**scale.bottom, 10.0**scale.top):
        _, y = scale.place(10.0**scale.left, loss)
        draw.line((left, y, right, y), _GRID, width=_FINER)
        draw.text((left - 8 * _FINER, y), f"{loss:g}", _INK, font, anchor="rm")
    draw.line((left, top, left, bottom, right, bottom), _INK, width=_FINER)
    middle = (left + right) / 2
    draw.text((middle, bottom + 32 * _FINER), "learning rate", _INK, font, anchor="ma")
    draw.text((left, (_TOP - 26) * _FINER), "loss", _INK, font, anchor="rs")


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two: of each power of ten 1, 2 and 5."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = [float(f"{step}e{power}") for power in powers for step in (1, 2, 5)]
    return [number for number in numbers if low <= number <= high]


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * _FINER)
