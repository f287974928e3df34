"""Pictures with motion, and files of several pages: which of them is read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import fit_image
from fit_image.errors import InputError
from fit_image.images.io import load_image

FORMATS = {
    ".gif": {},
    ".png": {},
    ".webp": {"lossless": True},
    ".avif": {"quality": 100, "subsampling": "4:4:4"},
    ".tif": {},
}


def colours(index):
    """A picture whose frames differ in a part of it, as animations store them."""
    picture = np.full((12, 20, 3), (40, 60, 80), np.uint8)
    picture[2 + index : 8, 3 : 9 + index] = (250, 80 * index, 10)
    return picture


@pytest.fixture(params=FORMATS)
def moving(request, tmp_path):
    path = tmp_path / f"a{request.param}"
    first, *others = (Image.fromarray(colours(index)) for index in range(4))
    first.save(path, save_all=True, append_images=others, **FORMATS[request.param])
    return path


def test_a_frame_is_read_as_it_is_seen(moving):
    for number in range(1, 5):
        read = load_image(moving, frame=number)
        error = abs(read.levels.astype(int) - colours(number - 1))
        assert error.max() <= (2 if moving.suffix == ".avif" else 0)
        said = [remark.text for remark in read.remarks]
        noun = "page" if moving.suffix == ".tif" else "frame"
        assert said == ([f"only the first of 4 {noun}s is read"] if number == 1 else [])


def test_there_are_no_others(moving):
    noun = "page" if moving.suffix == ".tif" else "frame"
    with pytest.raises(InputError, match=f"a{moving.suffix}: it has 4 {noun}s, .* no {noun} 5$"):
        load_image(moving, frame=5)
    with pytest.raises(InputError, match="it has 4"):
        load_image(moving, frame=10**30)


def test_a_still_has_one(tmp_path):
    for suffix in (".png", ".jpg", ".bmp", ".gif", ".tif"):
        path = tmp_path / f"still{suffix}"
        Image.fromarray(colours(1)).save(path)
        assert load_image(path, frame=1).levels.shape == (12, 20, 3)
        with pytest.raises(InputError, match=r"it has 1 (frame|page), .* no (frame|page) 2$"):
            load_image(path, frame=2)


@pytest.mark.parametrize("wrong", [0, -1, 1.0, True, "1", None])
def test_other_numbers_are_refused(moving, wrong):
    with pytest.raises(InputError, match="frame must be 1 or more"):
        load_image(moving, frame=wrong)


def test_a_pillow_image_is_read_where_it_stands(tmp_path):
    path = tmp_path / "a.gif"
    first, *others = (Image.fromarray(colours(index)) for index in range(4))
    first.save(path, save_all=True, append_images=others)
    with Image.open(path) as image:
        image.seek(2)
        np.testing.assert_array_equal(load_image(image).levels, colours(2))
        with pytest.raises(InputError, match="seek the frame"):
            load_image(image, frame=2)
    with pytest.raises(InputError, match="frame is of files"):
        load_image(colours(0), frame=2)


def test_pages_keep_their_own_depth_and_thumbnails_are_not_counted(tmp_path):
    path = tmp_path / "a.tif"
    deep = np.linspace(0, 65_535, 240).astype(np.uint16).reshape(12, 20)
    small = Image.fromarray(colours(0)[::4, ::4])
    small.encoderinfo = {"tiffinfo": {254: 1}}
    pages = [small, Image.fromarray(deep), Image.fromarray(colours(2))]
    Image.fromarray(colours(1)).save(path, save_all=True, append_images=pages)
    np.testing.assert_array_equal(load_image(path, frame=1).levels, colours(1))
    np.testing.assert_array_equal(load_image(path, frame=2, channels="grey").levels[..., 0], deep)
    np.testing.assert_array_equal(load_image(path, frame=3).levels, colours(2))
    with pytest.raises(InputError, match="it has 3 pages"):
        load_image(path, frame=4)


def test_fit_learns_the_frame_that_was_loaded(moving):
    image = load_image(moving, frame=3)
    *_, epoch = fit_image.fit(image, layers="1x4", epochs=1)
    assert epoch.picture.shape == (12, 20, 3)
