#!/usr/bin/env python3
"""Make the pictures of the README with the tool itself; about half an hour, resumable.

Runs that are already in the work folder are not repeated.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fit_image.model import PaintingNetwork

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PORTRAIT = EXAMPLES / "portrait.png"

COMPARED = ("1x30", "1x1000", "2x64", "4x100", "4x300")
EPOCHS = (1, 5, 20, 100)
HERO, HERO_EPOCHS = "4x300", 300

CELL = (150, 214)
MARGIN, CAPTION = 8, 58
PAPER, INK = "white", "#333333"


def fit_image(*args: object) -> None:
    """Run a command of the tool."""
    subprocess.run([sys.executable, "-m", "fit_image", *map(str, args)], check=True)


def train(work: Path, layers: str) -> Path:
    """Return the folder of a finished run."""
    folder = work / f"p-{layers}"
    epochs = HERO_EPOCHS if layers == HERO else max(EPOCHS)
    fit_image(PORTRAIT, "--layers", layers, "--epochs", epochs, "-o", folder, "--resume")
    return folder


def draw_comparison(folders: dict[str, Path], path: Path) -> None:
    """Put the networks in rows and the epochs in columns."""
    width = MARGIN + len(folders) * (CELL[0] + MARGIN)
    height = CAPTION + len(EPOCHS) * (CELL[1] + MARGIN)
    label = 76
    sheet = Image.new("RGB", (label + width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    bold, plain = ImageFont.load_default(17), ImageFont.load_default(13)
    for row, epoch in enumerate(EPOCHS):
        top = CAPTION + row * (CELL[1] + MARGIN)
        draw.text((label - 2, top + CELL[1] // 2), f"epoch {epoch}", INK, plain, anchor="rm")
    for column, (layers, folder) in enumerate(folders.items()):
        left = label + MARGIN + column * (CELL[0] + MARGIN)
        with (folder / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        last = rows[max(EPOCHS) - 1]
        parameters = PaintingNetwork.load(folder).num_params
        middle = left + CELL[0] // 2
        draw.text((middle, 14), layers, INK, bold, anchor="mm")
        draw.text((middle, 32), f"{parameters:,} parameters", INK, plain, anchor="mm")
        cost = f"{float(last['psnr']):.1f} dB in {float(last['seconds']):.0f} s"
        draw.text((middle, 48), cost, INK, plain, anchor="mm")
        for row, epoch in enumerate(EPOCHS):
            with Image.open(folder / "frames" / f"epoch-{epoch:06}.png") as frame:
                cell = frame.resize(CELL, Image.Resampling.LANCZOS)
            sheet.paste(cell, (left, CAPTION + row * (CELL[1] + MARGIN)))
    sheet.save(path, optimize=True)


def main() -> None:
    """Train what is missing and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("readme-work"), help="folder of the runs")
    work = parser.parse_args().work
    folders = {layers: train(work, layers) for layers in COMPARED}
    draw_comparison(folders, EXAMPLES / "choosing.png")
    beyond = ("--region", "-0.5,-0.5,1.5,1.5", "--size", "300x429", "-o", EXAMPLES / "beyond.png")
    fit_image("render", folders[HERO], *beyond)
    animation = EXAMPLES / "learning.gif"
    fit_image(
        "animate",
        folders[HERO],
        "-o",
        animation,
        "--with-target",
        "--pace",
        "visible",
        "--fps",
        12,
    )


if __name__ == "__main__":
    main()
