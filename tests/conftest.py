from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pictures import make_small_picture, save_picture

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("FIT_IMAGE_DATA", ROOT.parent / "shared" / "data"))


def pytest_configure():
    """Give each of several workers a core of its own: their threads would wait for one another."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


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
    return make_small_picture()


@pytest.fixture
def picture(small_picture, tmp_path):
    """The file of it."""
    return save_picture(small_picture, tmp_path)
