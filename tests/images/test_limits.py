"""The limit of pixels, which several threads share."""

from __future__ import annotations

import os
import threading
import warnings

import numpy as np
import pytest
from PIL import Image

from fit_image.images.formats.limits import LARGEST_PICTURE, pixel_limit
from fit_image.images.io import load_image, save_image


@pytest.fixture
def picture(tmp_path):
    save_image(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    return tmp_path / "a.png"


def test_readers_do_not_wait_for_one_another(picture):
    usual = Image.MAX_IMAGE_PIXELS
    with pixel_limit():
        reader = threading.Thread(target=load_image, args=(picture,))
        reader.start()
        reader.join(10)
        assert not reader.is_alive()
        assert Image.MAX_IMAGE_PIXELS == LARGEST_PICTURE  # the first reader is not done
    assert usual == Image.MAX_IMAGE_PIXELS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_while_another_thread_reads_reads_too(picture):
    usual, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    reading, done = threading.Event(), threading.Event()

    def read():
        with pixel_limit():
            reading.set()
            done.wait(10)

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait(10)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            restored = usual == Image.MAX_IMAGE_PIXELS and warnings.filters == filters
            read_well = load_image(picture).levels.shape == (8, 8, 3)
            status = 0 if restored and read_well and usual == Image.MAX_IMAGE_PIXELS else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    done.set()
    reader.join()
    assert usual == Image.MAX_IMAGE_PIXELS
