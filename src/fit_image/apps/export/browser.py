"""Pages drawn in headless Chromium, where there is one."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from fit_image.apps.contact_sheet import Pixels

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_OPTIONS = (
    *("--headless", "--no-first-run", "--disable-extensions", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    # Drawn by the processor: the same everywhere, and also without a graphics card.
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
)

_SECONDS = 90
"""After so long, a browser has failed."""


def find_browser() -> str | None:
    """Return the path of a browser, if there is one."""
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


def draw_page(
    browser: str, page: Path, width: int, height: int, centre: tuple[float, float], scale: float
) -> Pixels | None:
    """Return the picture that a page draws: uint8 (height, width, 4); None if the browser fails.

    ``centre`` is the place in the middle, in pixels of the learned picture; there are ``scale``
    pixels for each of these.
    """
    numbers = ",".join(map(str, (width, height, *centre, scale)))
    # Chromium does not start as root otherwise; the page is this program's own.
    options = [*_OPTIONS, *(["--no-sandbox"] if _is_root() else [])]
    with tempfile.TemporaryDirectory(prefix="fit-image-", ignore_cleanup_errors=True) as folder:
        options += [f"--user-data-dir={folder}", "--dump-dom", f"{page.as_uri()}#draw={numbers}"]
        try:
            done = subprocess.run(
                [browser, *options],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    match = re.search(rb"drawn:([A-Za-z0-9+/=]*):", done.stdout)
    try:
        data = base64.b64decode(match[1]) if match else b""
    except ValueError:  # cut off
        return None
    if len(data) != 4 * width * height:
        return None
    return np.frombuffer(data, np.uint8).reshape(height, width, 4)


def _is_root() -> bool:
    return os.geteuid() == 0 if hasattr(os, "geteuid") else False
