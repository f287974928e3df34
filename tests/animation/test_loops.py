"""Ways to play an animation: how often, in which order, and how long the last frame stays."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from test_animation import VIDEO, learned, read_timed, read_video

from fit_image.animation.film import Film
from fit_image.animation.scenes import find_scenes, paint
from fit_image.animation.writers import WRITERS, write_film
from fit_image.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

GREYS = [10, 70, 130, 190, 250]


def greys(count=5):
    return Film(count, lambda index: np.full((16, 16, 3), GREYS[index], np.uint8))


def played(path):
    """Return the grey shown in each twentieth of a second, and the repetitions that a file asks."""
    if path.suffix in VIDEO:
        pictures, _ = read_video(path)
        return [nearest(picture) for picture in pictures], None
    pictures, durations, loop = read_timed(path)
    times = zip(pictures, durations, strict=True)
    return [nearest(picture) for picture, ms in times for _ in range(round(ms / 50))], loop


def nearest(picture):
    return min(GREYS, key=lambda grey: abs(grey - picture.mean()))


@pytest.mark.parametrize("suffix", WRITERS)
def test_forward_and_back(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    report = write_film(path, greys(), fps=20, hold=0.15, loop="boomerang")
    shown, loop = played(path)
    assert shown == [*GREYS[:4], 250, 250, 250, *GREYS[3:0:-1]]
    assert loop in (0, None)
    assert (report.frames, report.seconds) == (8, pytest.approx(0.5))


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("loop", ["forward", "once"])
def test_forward(tmp_path, suffix, loop):
    path = tmp_path / f"a{suffix}"
    if (suffix, loop) == (".avif", "once"):
        with pytest.raises(InputError, match=r"^loop once is not possible in AVIF"):
            write_film(path, greys(), loop=loop)
        return
    report = write_film(path, greys(), fps=20, hold=0.15, loop=loop)
    shown, repeats = played(path)
    assert shown == [*GREYS, 250, 250]
    assert report.frames == 5
    if suffix == ".gif":  # without the extension, viewers play it once
        assert repeats == (0 if loop == "forward" else None)
        assert (b"NETSCAPE2.0" in path.read_bytes()) == (loop == "forward")
    elif suffix not in (".avif", *VIDEO):  # Pillow does not read that of AVIF
        assert repeats == (0 if loop == "forward" else 1)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("suffix", [".gif", ".png", ".mp4"])
def test_few_frames_forward_and_back(tmp_path, suffix, count):
    path = tmp_path / f"a{suffix}"
    report = write_film(path, greys(count), fps=20, hold=0.1, loop="boomerang")
    assert report.frames == count
    if suffix == ".mp4":
        assert played(path)[0] == [*GREYS[: count - 1], GREYS[count - 1], GREYS[count - 1]]
    else:
        with Image.open(path) as image:
            assert getattr(image, "n_frames", 1) == count


def test_frames_on_the_way_back_have_the_palettes_of_the_way_forward():
    pictures = learned(9)
    film = Film(9, pictures.__getitem__)
    back = film.forward_and_back()
    assert (len(back), back.last) == (16, 8)
    scenes = find_scenes(back, 255)
    painted = [frame.colours for frame in paint([pictures[0]] * 16, scenes)]
    assert len({id(colours) for colours in painted}) == len(find_scenes(film, 255)) > 1
    for index in range(9, 16):
        assert painted[index] is painted[16 - index]


def test_an_unknown_way_is_refused(tmp_path):
    with pytest.raises(InputError, match="loop must be one of forward, boomerang, once"):
        write_film(tmp_path / "a.gif", greys(), loop="twice")
    assert not list(tmp_path.iterdir())
