#!/usr/bin/env python3
"""Make the README's gallery: one picture, the same seconds of training on each component.

About six minutes; runs that are already in the work folder are not repeated. Nothing else should
run on the machine.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fit_image.metrics import Metrics

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


# Waves want a smaller rate than bends; apart from that, only the component differs in a group.
GALLERY = (
    Group(
        "--encoding",
        "--layers 3x128 --activation relu --optimizer adam --lr 1e-3 --batch-size 1024",
        {
            "none": "--encoding none",
            "positional:8": "--encoding positional:8",
            "fourier:128@10": "--encoding fourier:128@10",
            "grid": "--encoding grid --layers 2x64",
        },
    ),
    Group(
        "--activation",
        "--layers 3x128 --optimizer adam --batch-size 1024",
        {
            "leaky-relu": "--activation leaky-relu --lr 1e-3",
            "relu": "--activation relu --lr 1e-3",
            "elu": "--activation elu --lr 1e-3",
            "softplus": "--activation softplus --lr 1e-3",
            "tanh": "--activation tanh --lr 1e-3",
            "scaled-tanh": "--activation scaled-tanh --lr 1e-3",
            "sigmoid": "--activation sigmoid --lr 1e-3",
            "sine": "--activation sine --lr 5e-4",
            "gauss": "--activation gauss --lr 1e-3",
            "gabor": "--activation gabor --lr 5e-4",
            "finer": "--activation finer --lr 5e-4",
        },
    ),
    Group(
        "--optimizer",
        "--layers 3x128",
        {name: f"--optimizer {name}" for name in ("sgd", "momentum", "adam", "adamw")},
    ),
    Group("--preset", "", {name: f"--preset {name}" for name in ("classic", "sharp", "instant")}),
)

COLUMNS = 6
CELL = (150, 214)
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
    psnrs = (row.psnr for row in Metrics(folder / "metrics.csv").read() if row.psnr is not None)
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
                    cell = picture.convert("RGB").resize(CELL, Image.Resampling.LANCZOS)
                sheet.paste(cell, (left, top))
                below = top + CELL[1]
                draw.text((middle, below + 11), name, INK, plain, anchor="mm")
                psnr = f"{painting.psnr:.1f} dB"
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
    draw_gallery(paintings, EXAMPLES / "gallery.png")


if __name__ == "__main__":
    main()
