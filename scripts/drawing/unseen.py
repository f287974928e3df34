"""What encodings make of pixels that they never saw, as a sheet and as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from drawing.gallery import Cell, draw_sheet
from fit_image import fit, load_image, to_uint8
from fit_image.apps.bits_per_pixel import bits_per_pixel
from fit_image.apps.pixels.hold_out import HeldOut
from fit_image.config.fit import FitConfig

ENCODINGS = ("none", "fourier:128@1", "fourier:128@10", "fourier:128@100", "grid")
OPTIONS: dict[str, Any] = {
    "layers": "3x128",
    "activation": "relu",
    "optimizer": "adam",
    "epochs": 20,
    "hold_out": "even",
}
SIDE, ENLARGED, COLUMNS = 120, 2, 3


def draw_unseen(picture: Path, corner: tuple[int, int]) -> tuple[Image.Image, list[str]]:
    """Learn a picture with each encoding from a quarter of its pixels; return sheet and table.

    ``corner`` is the left and top of the part that the sheet shows.
    """
    levels = to_uint8(load_image(picture).levels)
    height, width = levels.shape[:2]
    held_out = HeldOut.of(FitConfig(hold_out="even"), width, height)
    assert held_out
    shown = np.where(held_out.mask[..., np.newaxis], np.uint8(255), levels)
    cells: list[Cell] = [(_part(shown, corner), "what is shown\na quarter of the pixels")]
    lines = [
        "| encoding | shown | never shown | parameters | bits a pixel |",
        "|---|---|---|---|---|",
    ]
    for encoding in ENCODINGS:
        *_, last = fit(levels, encoding=encoding, frame_every=OPTIONS["epochs"], **OPTIONS)
        assert last.picture is not None
        figures = f"{last.psnr:.1f} dB shown, {last.unseen_psnr:.1f} never shown"
        cells.append((_part(last.picture, corner), f"{encoding}\n{figures}"))
        count = last.network.num_params
        bits = " / ".join(f"{each:.3g}" for each in bits_per_pixel(count, width, height).values())
        psnr = f"{last.psnr:.1f} dB | {last.unseen_psnr:.1f} dB"
        lines.append(f"| `{encoding}` | {psnr} | {count:,} | {bits} |")
    return draw_sheet({"": cells}, COLUMNS), lines


def _part(levels: npt.NDArray[np.uint8], corner: tuple[int, int]) -> Image.Image:
    left, top = corner
    part = levels[top : top + SIDE, left : left + SIDE]
    return Image.fromarray(part.repeat(ENLARGED, 0).repeat(ENLARGED, 1))
