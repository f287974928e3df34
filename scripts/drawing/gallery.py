"""Sheets of captioned pictures; the gallery, in which components learn for the same seconds."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fit_image.apps.fit.metrics import FitMetrics
from fit_image.config.registry import ACTIVATIONS, LOSSES, OPTIMIZERS
from fit_image.runs.metrics import MetricsFile

MARGIN, TITLE, LINE = 8, 34, 16

Cell = tuple[Image.Image, str]
"""A picture, and what stands below it, perhaps in several lines."""


def draw_sheet(groups: Mapping[str, Sequence[Cell]], columns: int) -> Image.Image:
    """Put groups of cells of one size below each other, each under its title."""
    cells = [cell for group in groups.values() for cell in group]
    wide, high = cells[0][0].size
    lines = max(caption.count("\n") + 1 if caption else 0 for _, caption in cells)
    step = high + LINE * lines + MARGIN
    heights = [TITLE + -(-len(group) // columns) * step for group in groups.values()]
    sheet = Image.new("RGB", (MARGIN + columns * (wide + MARGIN), sum(heights) + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    bold, plain = ImageFont.load_default(17), ImageFont.load_default(13)
    top = 0
    for (title, group), height in zip(groups.items(), heights, strict=True):
        draw.text((MARGIN, top + TITLE // 2), title, "#333333", bold, anchor="lm")
        for index, (picture, caption) in enumerate(group):
            row, column = divmod(index, columns)
            left, above = MARGIN + column * (wide + MARGIN), top + TITLE + row * step
            sheet.paste(picture.convert("RGB"), (left, above))
            for number, line in enumerate(caption.splitlines()):
                place = (left + wide // 2, above + high + LINE * number + LINE // 2 + 2)
                draw.text(place, line, "#333333", plain, anchor="mm")
        top += height
    return sheet


SECONDS, COLUMNS = 10, 6
# The face, pixel by pixel: of a whole picture made small, all would look sharp.
CROP = (95, 50, 245, 200)

# Options of all cells of a group, and captions with those of each. Waves and bells have smaller
# rates by default; apart from that, only the component differs in a group. Schedules are as long as
# the epochs, so these are as many as there is time for.
_SPECS = ("none", "positional:6", "positional:9", "fourier:128@3", "fourier:128@10", "grid")
_SMALL = "--layers 3x128 --optimizer adam"
_WAVES = f"{_SMALL} --activation finer --batch-size 512 --lr 3e-4 --epochs 35 --lr-schedule cosine"
_ANNEALED = {name: f"--optimizer adam --lr-schedule {name}" for name in ("cosine", "exponential")}
GALLERY = {
    "--encoding, of three layers of 128 ReLUs with Adam": (
        f"{_SMALL} --activation relu --batch-size 256",
        {spec: f"--encoding {spec}" for spec in _SPECS},
    ),
    "--activation, of three layers of 128 units with Adam": (
        f"{_SMALL} --batch-size 256",
        {name: f"--activation {name}" for name in ACTIVATIONS},
    ),
    "--optimizer, and --lr-schedule with Adam, of four layers of 100 leaky ReLUs": (
        "--layers 4x100 --epochs 50",
        {name: f"--optimizer {name}" for name in OPTIMIZERS} | _ANNEALED,
    ),
    "--loss and --sampling, of three layers of 128 FINER units": (
        _WAVES,
        {name: f"--loss {name}" for name in LOSSES} | {"by error": "--sampling error"},
    ),
    "--preset": (
        "",
        {"classic": "--preset classic", "sharp, 15 epochs": "--preset sharp --epochs 15"}
        | {"instant": "--preset instant"},
    ),
}


def draw_gallery(picture: Path, work: Path) -> Image.Image:
    """Train what is missing in the work folder, and draw all."""
    groups = {}
    for title, (common, each) in GALLERY.items():
        cells = []
        for name, own in each.items():
            folder = work / re.sub(r"\W+", "-", f"{title}-{name}").strip("-")
            options = [*common.split(), *own.split(), "--time-limit", f"{SECONDS}s", "--resume"]
            command = [sys.executable, "-m", "fit_image", picture, *options, "-o", folder]
            subprocess.run([*map(str, command), "--animation", "none"], check=True)
            rows = MetricsFile(folder / "metrics.csv", FitMetrics).read()
            psnr = [row.psnr for row in rows if row.psnr is not None][-1]
            cells.append((_face(folder / "final.png"), f"{name}\n{psnr:.1f} dB"))
        groups[title] = cells
    groups[title].append((_face(picture), "the picture itself"))
    return draw_sheet(groups, COLUMNS)


def _face(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.crop(CROP)
