"""Pictures of pages, taken with a browser that shows no window."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fit_image.errors import FitImageError, InputError
from fit_image.storage.atomic import atomic_path

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

_TIMEOUT = 60
"""Seconds for one page."""

_FONTCONFIG = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<match target="font">{edits}</match><match target="pattern">{edits}</match></fontconfig>"""


@dataclass(frozen=True)
class Display:
    """How a screen shows a page.

    Attributes
    ----------
    width, height : int
        Of the picture in pixels.
    scale : float
        Pixels of a CSS pixel's side.
    hinting : str
        ``none``, ``slight``, ``medium`` or ``full``: how glyphs are fitted to the pixels.
    edges : str
        Of glyphs: ``grey``, ``coloured`` (a liquid crystal display's) or ``hard``.
    """

    width: int
    height: int
    scale: float
    hinting: str
    edges: str


def find_browser() -> str:
    """Return the program.

    Raises
    ------
    InputError
        If there is none.
    """
    for name in _PROGRAMS:
        program = shutil.which(name)
        if program:
            return program
    raise InputError(f"no browser: install one of {', '.join(_PROGRAMS)}")


def _edit(name: str, value: str) -> str:
    kind = "bool" if value in ("true", "false") else "const"
    return f'<edit name="{name}" mode="assign"><{kind}>{value}</{kind}></edit>'


def _font_settings(display: Display) -> str:
    hint = {"none": "hintnone", "slight": "hintslight", "medium": "hintmedium", "full": "hintfull"}
    edits = _edit("hintstyle", hint[display.hinting])
    edits += _edit("hinting", "false" if display.hinting == "none" else "true")
    edits += _edit("antialias", "false" if display.edges == "hard" else "true")
    edits += _edit("rgba", "rgb" if display.edges == "coloured" else "none")
    return _FONTCONFIG.format(edits=edits)


def shoot(program: str, page: str, display: Display, path: Path) -> None:
    """Write a picture of a page, whole or not at all.

    Raises
    ------
    FitImageError
        If the browser fails, or the picture cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="screens-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, shot, settings = folder / "page.html", folder / "shot.png", folder / "fonts.conf"
        source.write_text(page, encoding="utf-8")
        settings.write_text(_font_settings(display), encoding="utf-8")
        # A window has a frame even when it is not shown: the page is smaller, its body is not.
        size = (
            round(display.width / display.scale) + 8,
            round(display.height / display.scale) + 160,
        )
        command = [
            *(program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
            *("--disable-lcd-text",) * (display.edges != "coloured"),
            *("--enable-lcd-text",) * (display.edges == "coloured"),
            f"--font-render-hinting={display.hinting}",
            f"--force-device-scale-factor={display.scale}",
            f"--window-size={size[0]},{size[1]}",
            f"--user-data-dir={folder / 'profile'}",
            f"--screenshot={shot}",
            source.as_uri(),
        ]
        environment = {**os.environ, "FONTCONFIG_FILE": str(settings)}
        try:
            run = subprocess.run(
                command, env=environment, capture_output=True, timeout=_TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FitImageError(f"the browser failed: {error}") from error
        if not shot.exists():
            raise FitImageError(f"the browser made no picture (exit {run.returncode})")
        with Image.open(shot) as opened:
            picture = opened.convert("RGB").crop((0, 0, display.width, display.height))
        with atomic_path(path) as temporary:
            picture.save(temporary, optimize=True)
