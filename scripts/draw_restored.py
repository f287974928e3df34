#!/usr/bin/env python3
"""Show what JPEG does to a part of a picture, and what a network makes of it, enlarged."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from fit_image.apps.unjpeg.model import Restorer
from fit_image.errors import FitImageError
from fit_image.image import load_image, psnr, save_image, to_uint8
from fit_image.jpeg import Compression

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

PART = 210, 60
FACTOR, MARGIN, CAPTION = 4, 8, 26
PAPER, INK = "white", "#333333"


def draw(
    pictures: dict[str, npt.NDArray[np.uint8]], part: tuple[int, int, int, int]
) -> Image.Image:
    """Return the parts below each other, with their names above them."""
    left, top, width, height = part
    font = ImageFont.load_default(16)
    step = FACTOR * height + CAPTION + MARGIN
    sheet = Image.new("RGB", (FACTOR * width + 2 * MARGIN, step * len(pictures) + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, (name, picture) in enumerate(pictures.items()):
        below = MARGIN + index * step
        pen.text((MARGIN, below), name, INK, font)
        cut = Image.fromarray(picture[top : top + height, left : left + width])
        enlarged = cut.resize((FACTOR * width, FACTOR * height), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (MARGIN, below + CAPTION))
    return sheet


def most_improved(
    damaged: npt.NDArray[np.uint8], restored: npt.NDArray[np.uint8], clean: npt.NDArray[np.uint8]
) -> tuple[int, int, int, int]:
    """Return the part in which the squared error falls most."""
    before, after = (np.square(each.astype(np.int64) - clean) for each in (damaged, restored))
    totals = np.pad((before - after).sum(axis=2).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = clean.shape[:2]
    rows, columns = min(PART[1], height), min(PART[0], width)
    sums = totals[rows:, columns:] - totals[:-rows, columns:]
    sums -= totals[rows:, :-columns] - totals[:-rows, :-columns]
    top, left = np.unravel_index(sums.argmax(), sums.shape)
    return int(left), int(top), columns, rows


def main() -> None:
    """Compress, restore, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, metavar="PICTURE", help="a clean one")
    parser.add_argument(
        "--part",
        type=lambda text: tuple(map(int, text.split(","))),
        metavar="X,Y,W,H",
        help="what is shown, in pixels (default: 210x60 where the network gains most)",
    )
    parser.add_argument("--quality", type=int, default=85, metavar="N", help="default 85")
    parser.add_argument("--model", type=Path, metavar="RUN", help="default: the shipped one")
    parser.add_argument("-o", "--output", type=Path, default=EXAMPLES / "restored.png")
    arguments = parser.parse_args()
    try:
        clean = to_uint8(load_image(arguments.picture).levels)
        quality = arguments.quality
        model = arguments.model
        restorer = Restorer.load(model) if model else Restorer.shipped(quality)
        damaged = Compression(quality).apply(clean)
        restored = restorer.restore(damaged)
        pictures = {
            "the screenshot": clean,
            f"JPEG, quality {quality}: {psnr(damaged, clean):.2f} dB": damaged,
            f"restored: {psnr(restored, clean):.2f} dB": restored,
        }
        part = arguments.part or most_improved(damaged, restored, clean)
        save_image(arguments.output, draw(pictures, part))
    except FitImageError as error:
        print(f"draw_restored.py: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
