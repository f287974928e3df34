from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("FIT_IMAGE_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def data():
    """The folder of real pictures."""
    if not DATA.is_dir():
        pytest.skip(f"no real pictures in {DATA}")
    return DATA


@pytest.fixture
def portrait():
    return ROOT / "examples" / "portrait.png"


@pytest.fixture
def small_picture():
    """A 24x16 picture (float32) with edges and a gradient."""
    y, x = np.mgrid[0:16, 0:24].astype(np.float32)
    picture = np.stack((x / 23, y / 15, (np.hypot(x - 12, y - 8) < 5).astype(np.float32)), axis=2)
    return np.ascontiguousarray(picture, dtype=np.float32)


@pytest.fixture
def picture(small_picture, tmp_path):
    """The file of it."""
    path = tmp_path / "pic.png"
    Image.fromarray((small_picture * 255).astype(np.uint8)).save(path)
    return path
