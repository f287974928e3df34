"""One picture, the same seconds of training on each component, side by side."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from fit_image.components import ACTIVATIONS, LOSSES, OPTIMIZERS
from fit_image.metrics import Metrics

SECONDS = 10
# The face, pixel by pixel: of a whole picture made small, all would look sharp.
CROP = (95, 50, 245, 200)
COLUMNS = 6
MARGIN, TITLE, CAPTION = 8, 34, 42
PAPER, INK = "white", "#333333"


class Group(NamedTuple):
    """Cells that differ in one component: options of all, and captions with those of each."""

    title: str
    common: str
    cells: dict[str, str]


# Waves and bells have smaller rates by default; apart from that, only the component differs in a
# group. Schedules are as long as the epochs, so these are as many as there is time for.
_SPECS = ("none", "positional:6", "positional:9", "fourier:128@3", "fourier:128@10", "grid")
_SMALL = "--layers 3x128 --optimizer adam"
GALLERY = (
    Group(
        "--encoding, of three layers of 128 ReLUs with Adam",
        f"{_SMALL} --activation relu --batch-size 256",
        {spec: f"--encoding {spec}" for spec in _SPECS},
    ),
    Group(
        "--activation, of three layers of 128 units with Adam",
        f"{_SMALL} --batch-size 256",
        {name: f"--activation {name}" for name in ACTIVATIONS},
    ),
    Group(
        "--optimizer, and --lr-schedule with Adam, of four layers of 100 leaky ReLUs",
        "--layers 4x100 --epochs 50",
        {name: f"--optimizer {name}" for name in OPTIMIZERS}
        | {name: f"--optimizer adam --lr-schedule {name}" for name in ("cosine", "exponential")},
    ),
    Group(
        "--loss and --sampling, of three layers of 128 FINER units",
        f"{_SMALL} --activation finer --batch-size 512 --lr 3e-4 --epochs 35 --lr-schedule cosine",
        {name: f"--loss {name}" for name in LOSSES} | {"by error": "--sampling error"},
    ),
    Group(
        "--preset",
        "",
        {"classic": "--preset classic"}
        | {"sharp, 15 epochs": "--preset sharp --epochs 15", "instant": "--preset instant"},
    ),
)


class Cell(NamedTuple):
    """What a network painted, and its PSNR as text."""

    picture: Path
    psnr: str


def train(picture: Path, work: Path, group: Group, name: str) -> Cell:
    """Return the picture of a finished run."""
    options = f"{group.common} {group.cells[name]}".split()
    folder = work / re.sub(r"\W+", "-", f"{group.title}-{name}").strip("-")
    limits = ("--time-limit", f"{SECONDS}s", "--animation", "none", "-o", folder, "--resume")
    command = [sys.executable, "-m", "fit_image", picture, *options, *limits]
    subprocess.run([*map(str, command)], check=True)
    psnrs = [row.psnr for row in Metrics(folder / "metrics.csv").read() if row.psnr is not None]
    return Cell(folder / "final.png", f"{psnrs[-1]:.1f} dB")


def draw_gallery(picture: Path, work: Path) -> Image.Image:
    """Train what is missing, and put the groups below each other, each under its title."""
    groups = {
        group.title: {name: train(picture, work, group, name) for name in group.cells}
        for group in GALLERY
    }
    groups[GALLERY[-1].title]["the picture itself"] = Cell(picture, "")
    wide, high = CROP[2] - CROP[0], CROP[3] - CROP[1]
    row_height = high + CAPTION + MARGIN
    heights = [TITLE + -(-len(cells) // COLUMNS) * row_height for cells in groups.values()]
    size = (MARGIN + COLUMNS * (wide + MARGIN), sum(heights) + MARGIN)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    bold, plain = ImageFont.load_default(17), ImageFont.load_default(13)
    top = 0
    for (title, cells), height in zip(groups.items(), heights, strict=True):
        draw.text((MARGIN, top + TITLE // 2), title, INK, bold, anchor="lm")
        for index, (name, cell) in enumerate(cells.items()):
            row, column = divmod(index, COLUMNS)
            left, above = MARGIN + column * (wide + MARGIN), top + TITLE + row * row_height
            with Image.open(cell.picture) as painted:
                sheet.paste(painted.convert("RGB").crop(CROP), (left, above))
            middle, below = left + wide // 2, above + high
            draw.text((middle, below + 11), name, INK, plain, anchor="mm")
            draw.text((middle, below + 27), cell.psnr, INK, plain, anchor="mm")
        top += height
    return sheet
