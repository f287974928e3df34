#!/usr/bin/env python3
"""Make the pictures of digits in the README: from the shipped model, and from the run it is of.

The run's folder is that of ``fit-image digits train``; without it, only the first is made.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fit_image.frames import frame_path, read_frame

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

SEED, SIZE = 0, "1080x1080"

SHOWN = 5
"""Samples of a class in the picture of epochs."""

MARGIN, CAPTION = 24, 44
PAPER, INK = "white", "#333333"


def draw_grid() -> None:
    """Draw ten digits of each class."""
    command = ("digits", "grid", "--seed", SEED, "--size", SIZE, "-o", EXAMPLES / "digits.png")
    subprocess.run([sys.executable, "-m", "fit_image", *map(str, command)], check=True)


def draw_epochs(run: Path, epochs: list[int]) -> None:
    """Show samples after some epochs, side by side."""
    sheets = [read_frame(frame_path(run / "frames", epoch)) for epoch in epochs]
    height, width, _ = sheets[0].shape
    width = width * SHOWN // 10
    size = (len(sheets) * (width + MARGIN) - MARGIN, height + CAPTION)
    picture = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(22)
    for index, (epoch, sheet) in enumerate(zip(epochs, sheets, strict=True)):
        left = index * (width + MARGIN)
        name = "untrained" if epoch == 0 else f"{epoch} epoch{'s' * (epoch > 1)}"
        draw.text((left, 8), name, INK, font)
        picture.paste(Image.fromarray(np.ascontiguousarray(sheet[:, :width])), (left, CAPTION))
    picture.convert("L").save(EXAMPLES / "digits-epochs.png", optimize=True)


def main() -> None:
    """Make both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN")
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 2, 4], metavar="N")
    arguments = parser.parse_args()
    draw_grid()
    if arguments.run:
        draw_epochs(arguments.run, arguments.epochs)


if __name__ == "__main__":
    main()
