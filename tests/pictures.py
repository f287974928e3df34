"""Small pictures for tests."""

from __future__ import annotations

import numpy as np
from PIL import Image


def make_small_picture():
    """A 24x16 picture (float32) with edges and a gradient."""
    y, x = np.mgrid[0:16, 0:24].astype(np.float32)
    picture = np.stack((x / 23, y / 15, (np.hypot(x - 12, y - 8) < 5).astype(np.float32)), axis=2)
    return np.ascontiguousarray(picture, dtype=np.float32)


def save_picture(pixels, folder):
    """Write ``pic.png``, and return its path."""
    path = folder / "pic.png"
    Image.fromarray((pixels * 255).astype(np.uint8)).save(path)
    return path
