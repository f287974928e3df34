#!/usr/bin/env python3
"""Make the README's gallery: one picture, the same seconds of training on each component.

About six minutes; runs that are already in the work folder are not repeated. Nothing else should
run on the machine.
"""

from __future__ import annotations

import argparse
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fit_image.apps.fit_directory import FitMetrics
from fit_image.components import ACTIVATIONS, LOSSES, OPTIMIZERS
from fit_image.runs.metrics import MetricsFile

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PORTRAIT = EXAMPLES / "portrait.png"
SECONDS = 10


@dataclass(frozen=True)
class Group:
    """Cells that differ in one component.

    Attributes
    ----------
    title : str
    common : str
        Options of all cells.
    cells : dict of str to str
        Captions, and the options of each.
    """

    title: str
    common: str
    cells: dict[str, str]


# Waves and bells have smaller rates by default; apart from that, only the component differs in a
# group. Schedules are as long as the epochs, so these are as many as there is time for.
_WAVES = "--layers 3x128 --activation finer --optimizer adam --batch-size 512 --lr 3e-4"
GALLERY = (
    Group(
        "--encoding, of three layers of 128 ReLUs with Adam",
        "--layers 3x128 --activation relu --optimizer adam --batch-size 256",
        {
            spec: f"--encoding {spec}"
            for spec in ("none", "positional:6", "positional:9", "fourier:128@3", "fourier:128@10")
        }
        | {"grid": "--encoding grid"},
    ),
    Group(
        "--activation, of three layers of 128 units with Adam",
        "--layers 3x128 --optimizer adam --batch-size 256",
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
        f"{_WAVES} --epochs 35 --lr-schedule cosine",
        {name: f"--loss {name}" for name in LOSSES} | {"by error": "--sampling error"},
    ),
    Group(
        "--preset",
        "",
        {
            "classic": "--preset classic",
            "sharp, 15 epochs": "--preset sharp --epochs 15",
            "instant": "--preset instant",
        },
    ),
)

# The face, pixel by pixel: of a whole picture made small, all would look sharp.
CROP = (95, 50, 245, 200)

COLUMNS = 6
CELL = (CROP[2] - CROP[0], CROP[3] - CROP[1])
MARGIN, TITLE, CAPTION = 8, 34, 42
PAPER, INK = "white", "#333333"


@dataclass(frozen=True)
class Painting:
    """What a network painted, and its PSNR."""

    path: Path
    psnr: float


def train(work: Path, group: Group, name: str) -> Painting:
    """Return the picture of a finished run."""
    options = f"{group.common} {group.cells[name]}".split()
    folder = work / re.sub(r"\W+", "-", f"{group.title}-{name}").strip("-")
    limits = ("--time-limit", f"{SECONDS}s", "--animation", "none", "-o", folder, "--resume")
    command = [sys.executable, "-m", "fit_image", PORTRAIT, *options, *limits]
    subprocess.run([*map(str, command)], check=True)
    psnrs = (
        row.psnr
        for row in MetricsFile(folder / "metrics.csv", FitMetrics).read()
        if row.psnr is not None
    )
    *_, psnr = psnrs
    return Painting(folder / "final.png", psnr)


def rows(cells: dict[str, Painting]) -> Iterator[list[tuple[str, Painting]]]:
    """Yield the cells of each row."""
    items = list(cells.items())
    for start in range(0, len(items), COLUMNS):
        yield items[start : start + COLUMNS]


def draw_gallery(paintings: dict[str, dict[str, Painting]], path: Path) -> None:
    """Put the groups below each other, each under its title."""
    row_height = CELL[1] + CAPTION + MARGIN
    heights = (TITLE + len(list(rows(cells))) * row_height for cells in paintings.values())
    width = MARGIN + COLUMNS * (CELL[0] + MARGIN)
    sheet = Image.new("RGB", (width, sum(heights) + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    bold, plain = ImageFont.load_default(17), ImageFont.load_default(13)
    top = 0
    for title, cells in paintings.items():
        draw.text((MARGIN, top + TITLE // 2), title, INK, bold, anchor="lm")
        top += TITLE
        for row in rows(cells):
            for column, (name, painting) in enumerate(row):
                left = MARGIN + column * (CELL[0] + MARGIN)
                middle = left + CELL[0] // 2
                with Image.open(painting.path) as picture:
                    cell = picture.convert("RGB").crop(CROP)
                sheet.paste(cell, (left, top))
                below = top + CELL[1]
                draw.text((middle, below + 11), name, INK, plain, anchor="mm")
                psnr = f"{painting.psnr:.1f} dB" if math.isfinite(painting.psnr) else ""
                draw.text((middle, below + 27), psnr, INK, plain, anchor="mm")
            top += row_height
    sheet.save(path, optimize=True)


def main() -> None:
    """Train what is missing and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = Path("gallery-work")
    parser.add_argument("--work", type=Path, default=folder, help="folder of the runs")
    work = parser.parse_args().work
    paintings = {
        group.title: {name: train(work, group, name) for name in group.cells} for group in GALLERY
    }
    *_, presets = paintings.values()
    presets["the picture itself"] = Painting(PORTRAIT, math.inf)
    draw_gallery(paintings, EXAMPLES / "gallery.png")


if __name__ == "__main__":
    main()
