"""Restoration of JPEGs by all kinds of programs: no picture gets worse, or it is refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.images.fidelity import psnr
from fit_image.images.formats.jpeg import decompress
from fit_image.images.formats.jpeg_planes import read_planes
from shell import Shell

WORST = 0.02
"""Decibels that a restored picture may be below the JPEG."""

QUALITIES = (10, 30, 50, 70, 75, 85, 92, 98)
FILES = Path(__file__).parent / "jpegs"
SAMPLINGS = {name: {"subsampling": name} for name in ("4:2:0", "4:2:2", "4:4:4")}

# By N. Robidoux, which mozjpeg uses by default; and one step for all frequencies.
STEPS = """16 16 16 18 25 37 56 85 16 17 20 27 34 40 53 75 16 20 24 31 43 62 91 135
    18 27 31 40 53 74 106 156 25 34 43 53 69 94 131 189 37 40 62 74 94 124 169 238
    56 53 91 106 131 169 226 255 85 75 135 156 189 238 255 255"""
TABLES = {f"flat {step}": [step] * 64 for step in (1, 3, 12, 40)} | {
    f"Robidoux {percent}%": [max(1, int(step) * percent // 100) for step in STEPS.split()]
    for percent in (12, 50, 80)
}


def screen(width=144, height=112):
    """Dots like letters on white, black and coloured ground, and a gradient."""
    rng = np.random.default_rng(4)
    levels = np.full((height, width, 3), 255, np.uint8)
    levels[:16] = 32, 80, 144
    levels[64:88, :80] = 0
    levels[88:, 96:] = np.linspace(40, 230, width - 96)[:, np.newaxis]
    for row, top in enumerate(range(4, height - 8, 12)):
        colour = (255, 255, 255) if top < 16 or 60 < top < 88 else rng.integers(0, 200, 3)
        for left in range(4, width - 20 - 8 * row, 7):
            glyph = rng.random((7, 5)) < 0.45
            levels[top : top + 7, left : left + 5][glyph] = colour
    return levels


def photograph(width=144, height=112):
    """Soft clouds of colour with edges and grain."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:height, :width] / 16
    clouds = np.stack([np.sin(x * a + y * b) + np.cos(y * c) for a, b, c in rng.random((3, 3))], -1)
    clouds[x + 2 * y > 12] *= -0.6
    return np.clip(120 + 48 * clouds + rng.normal(0, 6, clouds.shape), 0, 255).astype(np.uint8)


PICTURES = {"screen": screen(), "photograph": photograph()}


def jpeg(levels, **options):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", **options)
    return file.getvalue()


def check_gain(clean, data):
    """Fail if a file, restored, is farther from the clean picture than it was."""
    before = decompress(data)
    after = Restoration.shipped().restore(before, read_planes(io.BytesIO(data)))
    assert psnr(after, clean) >= psnr(before, clean) - WORST


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("sampling", [*SAMPLINGS, "grey", "RGB"])
def test_all_samplings(sampling, name):
    levels = PICTURES[name]
    options = SAMPLINGS.get(sampling, {"keep_rgb": True} if sampling == "RGB" else {})
    if sampling == "grey":
        levels = levels[..., 1]
    clean = np.broadcast_to(levels.reshape(*levels.shape[:2], -1), PICTURES[name].shape)
    for quality in QUALITIES:
        check_gain(clean, jpeg(levels, quality=quality, **options))


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("qualities", [(50, 90), (75, 75), (90, 40), (35, 96)], ids=str)
def test_twice_saved(qualities, name):
    levels, (first, second) = PICTURES[name], qualities
    for down, right in ((0, 0), (1, 0), (4, 4), (3, 7)):
        before = decompress(jpeg(levels, quality=first))[down:, right:]
        check_gain(levels[down:, right:], jpeg(np.ascontiguousarray(before), quality=second))


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("table", TABLES)
def test_tables_of_other_programs(table, name):
    for sampling in SAMPLINGS.values():
        check_gain(PICTURES[name], jpeg(PICTURES[name], qtables=[TABLES[table]] * 2, **sampling))


@pytest.mark.parametrize("path", sorted(FILES.glob("*.jpg")), ids=lambda path: path.stem)
def test_files_of_cjpeg(path, tmp_path):
    name, *kinds = path.stem.split("-")
    output = tmp_path / "out.png"
    Shell("unjpeg").succeed("apply", path, "-o", output)
    clean = PICTURES[name]
    if "grey" in kinds:
        clean = np.asarray(Image.fromarray(clean).convert("L"))[..., np.newaxis]
    with Image.open(path) as before, Image.open(output) as after:
        shape = (*clean.shape[:2], -1)
        found = [np.asarray(each).reshape(shape) for each in (before, after)]
    assert psnr(found[1], clean) >= psnr(found[0], clean) - WORST
