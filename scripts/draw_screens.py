#!/usr/bin/env python3
"""Draw pictures of screens: pages and programs' windows in many fonts and colours, without loss.

The screens are composed by chance in Chromium, by the scripts of the folder ``screens``. The words,
fonts and hues of the part ``test`` are never those of the part ``train``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import click
from PIL import Image

from command_line import run_command
from fit_image.errors import FitImageError, InputError
from fit_image.storage.atomic import atomic_path

Numbered = tuple[int, Image.Image]
PAGE = Path(__file__).parent / "screens"
BATCH = 5
"""Screens of one start of the browser, which share how glyphs are drawn."""

LEAST, MOST = (640, 480), (1600, 1000)
"""Sizes in pixels."""

TIMEOUT = 120
"""Seconds of the browser."""

# Kin are together: Nimbus Roman and Tinos have the widths of Times, Carlito was drawn after Lato.
TEST_FONTS = re.compile(
    r"liberation serif|nimbus roman|tinos|inter\b|lato|carlito|pt |fira|vollkorn|go\b|cabin|play"
    r"|garuda|gentium|anonymous|mononoki|league|manrope|arapey|karla|spleen|cmu|noto serif",
    re.IGNORECASE,
)
# Half of all screens have these.
COMMON_FONTS = re.compile(
    r"dejavu|liberation|noto (sans|serif|mono)$|roboto|open sans|cantarell|inter\b|lato|fira|pt ",
    re.IGNORECASE,
)
# With these nobody reads a screen.
UNREAD_FONTS = re.compile(
    r"emoji|symbol|awesome|music|keyboard|initials|stroke|csur|upper|math|noto (sans|serif) \w{3,}"
    r"(?<!mono)(?<!display)",
    re.IGNORECASE,
)
FONTCONFIG = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<match target="font">{edits}</match><match target="pattern">{edits}</match></fontconfig>"""


@dataclass(frozen=True)
class Display:
    """How a screen shows its glyphs.

    Attributes
    ----------
    scale : float
        Pixels of a CSS pixel's side.
    hinting : str
        ``none``, ``slight``, ``medium`` or ``full``: how glyphs are fitted to the pixels.
    edges : str
        ``grey``, ``rgb`` or ``bgr`` (the stripes of a liquid crystal display), or ``hard``.
    """

    scale: float
    hinting: str
    edges: str

    def has_stripes(self) -> bool:
        """Tell whether glyphs have coloured edges."""
        return self.edges in ("rgb", "bgr")

    def fontconfig(self) -> str:
        """Return the settings of glyphs as a file of fontconfig."""
        stripes = self.edges if self.has_stripes() else "none"
        values = {
            "hintstyle": f"<const>hint{self.hinting}</const>",
            "hinting": f"<bool>{str(self.hinting != 'none').lower()}</bool>",
            "antialias": f"<bool>{str(self.edges != 'hard').lower()}</bool>",
            "rgba": f"<const>{stripes}</const>",
        }
        edits = (f'<edit name="{name}" mode="assign">{is_}</edit>' for name, is_ in values.items())
        return FONTCONFIG.format(edits="".join(edits))


def make_display(rng: Random) -> Display:
    """Choose a display; most are common ones."""
    return Display(
        scale=rng.choice([1] * 7 + [1.25, 1.5, 2]),
        hinting=rng.choice(["none", "slight", "slight", "medium", "full"]),
        edges=rng.choice(["grey"] * 6 + ["rgb"] * 3 + ["bgr"] + ["hard"] * 2),
    )


def find_program(names: Sequence[str]) -> str:
    """Return the first program that is installed.

    Raises
    ------
    InputError
        If none is.
    """
    for name in names:
        program = shutil.which(name)
        if program:
            return program
    raise InputError(f"install one of {', '.join(names)}")


def find_fonts(part: str) -> dict[str, list[str]]:
    """Return the families of a part: of text, of equal widths, and for letters that others lack.

    Raises
    ------
    InputError
        If there are none.
    """
    program = find_program(["fc-list"])

    def families(*conditions: str) -> list[str]:
        command = [program, ":".join(["", "lang=en", *conditions]), "family"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        names = {line.split(",")[0].replace("\\", "").strip() for line in run.stdout.splitlines()}
        of_part = {name for name in names if bool(TEST_FONTS.match(name)) == (part == "test")}
        found = sorted(name for name in of_part - {""} if not UNREAD_FONTS.search(name))
        common = [name for name in found if COMMON_FONTS.match(name)]
        return found + common * (len(found) // max(1, len(common)))

    text = families()
    if not text:
        raise InputError(f"no fonts for the part {part}: install some more")
    return {"text": text, "mono": families("spacing=100") or text, "fallback": text[-1:]}


def find_photographs(folder: Path | None) -> list[str]:
    """List the PNG pictures of a folder as addresses.

    Raises
    ------
    InputError
        If there are none.
    """
    if folder is None:
        return []
    found = sorted(folder.resolve().glob("*.png"))
    if not found:
        raise InputError(f"no PNG pictures in {folder}")
    return [path.as_uri() for path in found]


def place(part: str, seed: int, batch: int, scale: float) -> list[dict[str, object]]:
    """Choose the sizes of a batch's screens in CSS pixels, one below the other."""
    screens: list[dict[str, object]] = []
    top = 0
    for index in range(batch * BATCH, (batch + 1) * BATCH):
        key = f"{part} {seed} {index}"
        rng = Random(key)
        sides = [rng.randint(*limits) for limits in zip(LEAST, MOST, strict=True)]
        # Multiples of 4, so that pixels of all densities fit.
        width, height = (4 * round(side / scale / 4) for side in sides)
        where = {"left": 0, "top": top, "width": width, "height": height}
        screens.append({"key": key, "scene": index, **where})
        top += height
    return screens


def shoot(display: Display, settings: dict[str, object], size: tuple[int, int]) -> Image.Image:
    """Return a picture of a page whose size is in CSS pixels.

    Raises
    ------
    FitImageError
        If the browser fails.
    """
    program = find_program(["chromium", "chromium-browser", "google-chrome"])
    with tempfile.TemporaryDirectory(prefix="screens-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        page, shot, fonts = folder / "page.html", folder / "shot.png", folder / "fonts.conf"
        scripts = ("chance", "figures", "blocks", "scenes")
        page.write_text(
            '<!DOCTYPE html><meta charset="utf-8">'
            f'<link rel="stylesheet" href="{(PAGE / "style.css").as_uri()}">'
            f"<body><script>const SETTINGS = {json.dumps(settings)};</script>"
            + "".join(f'<script src="{(PAGE / each).as_uri()}.js"></script>' for each in scripts),
            encoding="utf-8",
        )
        fonts.write_text(display.fontconfig(), encoding="utf-8")
        lcd = "enable" if display.has_stripes() else "disable"
        command = [
            *(program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
            *("--allow-file-access-from-files", f"--{lcd}-lcd-text"),
            f"--font-render-hinting={display.hinting}",
            f"--force-device-scale-factor={display.scale}",
            # A window has a frame even when it is not shown.
            f"--window-size={size[0] + 8},{size[1] + 160}",
            f"--user-data-dir={folder / 'profile'}",
            f"--screenshot={shot}",
            page.as_uri(),
        ]
        environment = {**os.environ, "FONTCONFIG_FILE": str(fonts)}
        try:
            run = subprocess.run(
                command, env=environment, capture_output=True, timeout=TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FitImageError(f"the browser failed: {error}") from error
        if not shot.exists():
            raise FitImageError(f"the browser made no picture (exit {run.returncode})")
        with Image.open(shot) as opened:
            return opened.convert("RGB")


def draw(part: str, seed: int, wanted: range, photos: Path | None) -> Iterator[Numbered]:
    """Yield numbers of screens and their pictures."""
    words = json.loads((PAGE / "words.json").read_text(encoding="utf-8"))
    common = {"part": part, "words": words, "fonts": find_fonts(part)}
    addresses = find_photographs(photos)
    for batch in range(wanted.start // BATCH, (wanted.stop - 1) // BATCH + 1):
        display = make_display(Random(f"{part} {seed} display {batch}"))
        screens = place(part, seed, batch, display.scale)
        boxes = [[int(str(each[k])) for k in ("top", "width", "height")] for each in screens]
        whole = max(box[1] for box in boxes), sum(box[2] for box in boxes)
        shot = shoot(display, {**common, "photos": addresses, "screens": screens}, whole)
        for index, box in enumerate(boxes, batch * BATCH):
            if index in wanted:
                top, width, height = (round(side * display.scale) for side in box)
                yield index, shot.crop((0, top, width, top + height))


@click.command(help=__doc__)
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(1), default=100, show_default=True)
@click.option("--first", type=click.IntRange(0), default=0, help="Skip the screens before.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--part", type=click.Choice(["train", "test"]), default="train", show_default=True)
@click.option("--photos", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Clean PNG photographs to show in pages.")  # fmt: skip
def main(output: Path, count: int, first: int, seed: int, part: str, photos: Path | None) -> None:
    """Read the command line and draw."""
    output.mkdir(parents=True, exist_ok=True)
    for index, picture in draw(part, seed, range(first, first + count), photos):
        with atomic_path(output / f"{part}-{seed}-{index:04}.png") as temporary:
            picture.save(temporary)
        click.echo(f"{index + 1 - first} of {count}", err=True)
    click.echo(f"{count} pictures in {output}")


if __name__ == "__main__":
    run_command(main)
