"""Pixels never shown, as networks with several encodings draw them: a sheet and a table."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from drawing.gallery import Cell, draw_sheet
from fit_image import load_image, to_uint8
from fit_image.apps.pixels.hold_out import HeldOut
from fit_image.config.fit import FitConfig

ENCODINGS = ("none", "fourier:128@1", "fourier:128@10", "fourier:128@100", "grid")
OPTIONS = (
    "--layers 3x128 --activation relu --optimizer adam --batch-size 256 --epochs 20 "
    "--frame-every 20 --max-pixels none"
)
SIDE, ENLARGED, COLUMNS = 120, 2, 3


def draw_unseen(
    picture: Path, work: Path, corner: tuple[int, int]
) -> tuple[Image.Image, list[str]]:
    """Learn a picture with each encoding from a quarter of its pixels; return sheet and table.

    What is in the work folder is not learned again. ``corner`` is the left and top of the part that
    the sheet shows.
    """
    levels = to_uint8(load_image(picture).levels)
    held_out = HeldOut.of(FitConfig(hold_out="even"), levels.shape[1], levels.shape[0])
    assert held_out
    shown = np.where(held_out.mask[..., np.newaxis], np.uint8(128), levels)
    cells: list[Cell] = [(_part(shown, corner), "what is shown:\na quarter of the pixels")]
    lines = [
        "| encoding | shown | never shown | parameters | bits a pixel |",
        "|---|---|---|---|---|",
    ]
    for encoding in ENCODINGS:
        folder = work / re.sub(r"\W+", "-", f"unseen-{encoding}")
        command = [sys.executable, "-m", "fit_image", picture, *OPTIONS.split(), "--resume"]
        command += ["--hold-out", "even", "--encoding", encoding, "--animation", "none"]
        subprocess.run([*map(str, command), "-o", folder], check=True)
        info = [sys.executable, "-m", "fit_image", "info", str(folder), "--json"]
        facts = json.loads(subprocess.run(info, check=True, capture_output=True).stdout)
        caption = f"{encoding}\n{facts['psnr']:.1f} dB, never shown {facts['unseen_psnr']:.1f} dB"
        with Image.open(folder / "final.png") as final:
            cells.append((_part(np.asarray(final), corner), caption))
        bits = f"{facts['bits_per_pixel_32']:.3g} / {facts['bits_per_pixel_16']:.3g}"
        psnr = f"{facts['psnr']:.1f} dB | {facts['unseen_psnr']:.1f} dB"
        lines.append(f"| `{encoding}` | {psnr} | {facts['parameters']:,} | {bits} |")
    return draw_sheet({"20 epochs of a quarter of the pixels": cells}, COLUMNS), lines


def _part(levels: npt.NDArray[np.uint8], corner: tuple[int, int]) -> Image.Image:
    left, top = corner
    part = levels[top : top + SIDE, left : left + SIDE]
    return Image.fromarray(part.repeat(ENLARGED, 0).repeat(ENLARGED, 1))
