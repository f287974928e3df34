"""Photographs of pages, by Chromium."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image


def photograph(page: Path, target: Path, width: int, height: int) -> None:
    """Write a screenshot of a page, by chromium."""
    options = ["--headless", "--no-sandbox", "--no-first-run", "--hide-scrollbars"]
    options += ["--disable-background-networking", "--virtual-time-budget=30000"]
    options += ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        files = [f"--user-data-dir={folder}", f"--screenshot={target}"]
        size = f"--window-size={width},{height}"
        subprocess.run(["chromium", *options, size, *files, page.absolute().as_uri()], check=True)


def photograph_training(words: Sequence[str], seconds: float, size: tuple[int, int]) -> Image.Image:
    """Return a screenshot of the page that a training serves after so many seconds; it is ended.

    ``words`` are the arguments of the tool, with ``--serve``.
    """
    from selenium import webdriver

    command = [sys.executable, "-m", "fit_image", *words]
    training = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert training.stderr
    url = training.stderr.readline().split()[-1]
    options = webdriver.ChromeOptions()
    window = "--window-size={},{}".format(*size)
    for option in ("--headless", "--no-sandbox", "--hide-scrollbars", window):
        options.add_argument(option)
    options.binary_location = shutil.which("chromium") or ""
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as browser:
        browser.get(url)
        time.sleep(seconds)
        shot = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    training.terminate()
    training.communicate()
    return shot
