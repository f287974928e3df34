#!/usr/bin/env python3
"""Make clean photographs for training out of whatever photographs lie in folders.

Each is scaled down by 2 or more, so that the damage of its own compression vanishes. Drawings,
smooth backgrounds, pictures with holes and copies of the same picture in other sizes are left out.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from command_line import run_command
from fit_image.errors import InputError
from fit_image.storage.atomic import atomic_path

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
COLOURS = 300  # distinct ones, at 5 bits a channel, that a photograph has at least
FLAT = 0.45  # share of a photograph's blocks that are flat, at most
DETAIL = 0.6  # grey levels between a photograph's pixels and their neighbours' mean, at least
BLOCK = 8
LEAST = 200  # pixels of the shorter side of what is kept, at least


def find(folders: Sequence[Path], exclude: Sequence[str]) -> list[Path]:
    """List the pictures in folders and theirs, in the order of their names."""
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}")
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            unwanted = any(fnmatch.fnmatch(name, f"*{pattern}*") for pattern in exclude)
            if path.suffix.lower() in SUFFIXES and path.is_file() and not unwanted:
                found.append(path)
    return found


def read(path: Path) -> Image.Image | None:
    """Read a picture upright and in colour; None if that is impossible, or it has holes."""
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if "A" in picture.getbands() or "transparency" in picture.info:
                picture = picture.convert("RGBA")
                if np.asarray(picture)[..., 3].min() < 255:
                    return None
            return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def fault(picture: Image.Image) -> str | None:
    """Return the reason why a small picture is no photograph, or None."""
    pixels = np.asarray(picture)
    coarse = (pixels >> 3).astype(np.int64)
    colours = np.unique((coarse[..., 0] << 10) | (coarse[..., 1] << 5) | coarse[..., 2]).size
    if colours < COLOURS:
        return "too few colours"
    grey = pixels.astype(np.float64).mean(-1)
    rows, columns = (length // BLOCK for length in grey.shape)
    blocks = grey[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    if (np.ptp(blocks, axis=(1, 3)) <= 2).mean() > FLAT:
        return "too flat"
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    if np.abs(grey[1:-1, 1:-1] - around / 4).mean() < DETAIL:
        return "too smooth"
    return None


def likeness(picture: Image.Image) -> npt.NDArray[np.float64]:
    """Return a vector for comparison with pictures of other sizes and aspect ratios."""
    middle = ImageOps.fit(picture, (12, 12), Image.Resampling.BOX)
    grey = np.asarray(middle, dtype=np.float64).mean(-1).ravel()
    grey -= grey.mean()
    return np.asarray(grey / (np.linalg.norm(grey) + 1e-9))


def shrink(picture: Image.Image, side: int) -> Image.Image | None:
    """Scale down by 2 or more, to ``side`` on the shorter side or less; None if that is no use."""
    factor = max(2.0, min(picture.size) / side)
    width, height = (round(length / factor) for length in picture.size)
    if min(width, height) < LEAST:
        return None
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=None)


def collect(
    paths: Iterable[Path], side: int, alike: float, left_out: Counter[str]
) -> Iterator[tuple[Path, Image.Image]]:
    """Yield paths and shrunk photographs; count why others are left out."""
    kept: list[npt.NDArray[np.float64]] = []
    for path in paths:
        picture = read(path)
        small = picture and shrink(picture, side)
        if small is None:
            left_out["too small" if picture else "unreadable or with holes"] += 1
            continue
        known = likeness(small)
        reason = "seen before" if any(known @ each > alike for each in kept) else fault(small)
        if reason:
            left_out[reason] += 1
        else:
            kept.append(known)
            yield path, small


@click.command(help=__doc__)
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--side", type=click.IntRange(32), default=768, show_default=True,
              help="Shorter side in pixels.")  # fmt: skip
@click.option("--count", type=int, help="At most so many pictures.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out files whose path in "
              "its folder contains this; * and ? stand for anything.")  # fmt: skip
@click.option("--alike", type=float, default=0.97, show_default=True,
              help="Correlation of pictures taken for the same.")  # fmt: skip
def main(
    folders: tuple[Path, ...],
    output: Path,
    side: int,
    count: int | None,
    exclude: tuple[str, ...],
    alike: float,
) -> None:
    """Read the command line and collect."""
    left_out: Counter[str] = Counter()
    number = 0
    output.mkdir(parents=True, exist_ok=True)
    found = collect(find(folders, exclude), side, alike, left_out)
    for number, (path, picture) in enumerate(islice(found, count), 1):
        with atomic_path(output / f"{number:04}-{path.stem[:40]}.png") as temporary:
            picture.save(temporary)
    reasons = ", ".join(f"{times} {reason}" for reason, times in left_out.most_common())
    click.echo(f"{number} photographs; left out: {reasons or 'none'}")


if __name__ == "__main__":
    run_command(main)
