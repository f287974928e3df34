"""Networks of several kinds with equally many parameters: a sheet."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from drawing.gallery import CROP, Cell, draw_sheet

NUMBERS, SECONDS = (4_000, 16_000), 20
KINDS = {
    "leaky ReLUs": "--layers 4x300 --epochs 1000",
    "sharp": "--preset sharp",
    "instant": "--preset instant",
    "compact": "--preset compact",
}


def draw_equal(picture: Path, work: Path) -> Image.Image:
    """Learn a picture with each kind and number of parameters; return the sheet.

    What is in the work folder is not learned again.
    """
    groups = {}
    for number in NUMBERS:
        title = f"--parameters {number} --time-limit {SECONDS}s"
        groups[title] = [_cell(picture, work, kind, number) for kind in KINDS]
    return draw_sheet(groups, len(KINDS))


def _cell(picture: Path, work: Path, kind: str, number: int) -> Cell:
    folder = work / f"equal-{kind.replace(' ', '-')}-{number}"
    limits = ["--parameters", number, "--time-limit", f"{SECONDS}s"]
    command = [sys.executable, "-m", "fit_image", picture, *KINDS[kind].split(), *limits]
    options = ["--animation", "none", "--resume", "-o", folder]
    subprocess.run([*map(str, [*command, *options])], check=True)
    info = [sys.executable, "-m", "fit_image", "info", str(folder), "--json"]
    facts = json.loads(subprocess.run(info, check=True, capture_output=True).stdout)
    with Image.open(folder / "final.png") as final:
        part = final.convert("RGB").crop(CROP)
    return part, f"{kind}: {facts['parameters']:,}\n{facts['psnr']:.1f} dB"
