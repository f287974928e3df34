#!/usr/bin/env python3
"""Make the picture of auto-encoders in the README: of digits that the shipped model draws."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fit_image.apps.digits.model import DigitModel
from fit_image.frames import frame_paths, read_frame
from fit_image.image import to_uint8

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

SIDE = 28
CODES = (1, 4, 16)
CAPTION, MARGIN = 120, 6
PAPER, INK = "white", "#333333"


def draw_digits(path: Path, count: int) -> None:
    """Write an npz file of digits and their classes."""
    model, rng = DigitModel.load(), np.random.default_rng(0)
    labels = np.arange(count) % len(model.names)
    latents = model.sample(labels, rng, spread=1.0)
    pictures = [to_uint8(model.draw(each, SIDE, SIDE, threads=1))[..., 0] for each in latents]
    np.savez_compressed(path, images=np.stack(pictures), labels=labels)


def main() -> None:
    """Train a network for each code, and put their last frames below each other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=3000, metavar="N")
    parser.add_argument("--epochs", type=int, default=30, metavar="N")
    arguments = parser.parse_args()
    rows: list[tuple[str, np.ndarray]] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "digits.npz")
        draw_digits(data, arguments.pictures)
        for code in CODES:
            run = Path(folder, str(code))
            options = ("--bottleneck", code, "--hidden", 256, "--epochs", arguments.epochs)
            command = ("autoencode", "train", data, *options, "-o", run, "-q")
            subprocess.run([sys.executable, "-m", "fit_image", *map(str, command)], check=True)
            sheet = read_frame(frame_paths(run / "frames")[-1][1])
            middle = len(sheet) // 2
            rows = rows or [("held out", sheet[: middle - 1])]
            rows.append((f"{code} number{'s' * (code > 1)}", sheet[middle + 1 :]))
    height, width, _ = rows[0][1].shape
    size = (CAPTION + width, len(rows) * (height + MARGIN) - MARGIN)
    picture = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    for index, (name, strip) in enumerate(rows):
        top = index * (height + MARGIN)
        draw.text((0, top + height // 2), name, INK, font, anchor="lm")
        picture.paste(Image.fromarray(np.ascontiguousarray(strip)), (CAPTION, top))
    picture.convert("L").save(EXAMPLES / "codes.png", optimize=True)


if __name__ == "__main__":
    main()
