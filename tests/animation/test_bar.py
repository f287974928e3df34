"""The bar below the pictures: its text can be read, and its line grows."""

from __future__ import annotations

import numpy as np
import pytest
from test_animation import TIMED, read_timed, read_video

from fit_image.animation.bar import Bar, check_drawable, with_bar
from fit_image.animation.film import Film
from fit_image.animation.writers import WRITERS, write_film
from fit_image.errors import InputError

RED = (200, 30, 20)

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def plain(width=64, height=40):
    return np.full((height, width, 3), RED, np.uint8)


def box_of_text(bar):
    """Top, bottom, left and right of the letters in a bar without a line."""
    rows, columns = np.nonzero(bar[..., 0] > 128)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


@pytest.mark.parametrize("width", [1, 7, 24, 60, 100, 204, 300, 1001, 4000])
@pytest.mark.parametrize(
    "caption", ["100 30.2 dB", "epoch 100 of a network of 4x300: 30.2 dB", "W" * 40]
)
def test_text_has_room_at_any_size(width, caption):
    bar = Bar(width, 40, [caption])
    frame = bar.below(0, plain(width))
    assert frame.shape == (40 + bar.height, bar.width, 3)
    left = (bar.width - width) // 2
    np.testing.assert_array_equal(frame[:40, left : left + width], plain(width))
    assert (np.delete(frame[:40], np.s_[left : left + width], axis=1) == 24).all()
    top, bottom, first, end = box_of_text(frame[40:])
    assert 0 < top < bottom < bar.height
    assert 0 < first < end < bar.width
    assert bar.width == width or width < 420
    # Of letters, the lines are a fixed share: the smallest can be read.
    assert bar.height >= 11


def test_letters_grow_with_the_picture_up_to_a_middle_size():
    heights = [Bar(width, width, ["30 dB"]).height for width in (100, 200, 400, 600, 1200, 4000)]
    assert heights == sorted(heights)
    assert heights[0] < 40 < heights[3] == heights[4] < heights[5]
    assert Bar(600, 100, ["30 dB"]).height < 40  # beside a picture that is low


def test_long_text_is_wrapped_and_made_smaller():
    short, long = (
        Bar(300, 300, ["30 dB"]),
        Bar(300, 300, ["a long text of many words to be shown in two lines"]),
    )
    assert long.width == short.width == 300
    assert short.height < long.height < 3 * short.height


def test_what_stands_before_a_number_does_not_move():
    bar = Bar(300, 300, ["epoch 1", "epoch 888", "epoch -"])
    boxes = [box_of_text(bar.below(index, plain(300))[40:]) for index in range(3)]
    assert len({left for _, _, left, _ in boxes}) == 1
    assert boxes[0][3] < boxes[1][3]
    _, _, left, right = boxes[1]
    assert abs(left - (300 - right)) <= 2  # the longest is in the middle


def test_the_line_grows():
    bar = Bar(200, 40, None, [0.0, 0.25, 1.0])
    assert (bar.width, bar.height) == (200, 2)
    lengths = [
        (bar.below(index, plain(200))[40:] == 236).all(axis=(0, 2)).sum() for index in range(3)
    ]
    assert lengths == [0, 50, 200]
    assert Bar(1500, 40, None, [0.5]).height == 10


def test_a_film_without_a_bar_is_itself():
    film = Film(3, lambda index: plain())
    assert with_bar(film) is film
    assert with_bar(film, None, [0.0, 0.5, 1.0]).height == 42


@pytest.mark.parametrize(
    ("text", "missing"),
    [("Grün 30 dB", "ü"), ("30 ∞", "∞"), ("漢", "漢"), ("\U0001f642", "\U0001f642")],
)
def test_characters_that_cannot_be_drawn_are_named(text, missing):
    with pytest.raises(InputError, match=f"^caption has '{missing}', which cannot be drawn"):
        check_drawable(text)


def test_ascii_can_be_drawn():
    check_drawable("".join(map(chr, range(32, 127))))


@pytest.mark.parametrize("suffix", WRITERS)
def test_bars_arrive_in_every_format(tmp_path, suffix):
    captions, progress = ["0 - dB", "5 21.5 dB", "10 30.2 dB"], [0.0, 0.5, 1.0]
    # Pictures of many colours, so that a palette is not exact.
    y, x = np.mgrid[0:48, 0:96]
    pictures = [
        np.stack((x * 2, y * 5, (x * y + 80 * n) % 256), 2).astype(np.uint8) for n in range(3)
    ]
    film = with_bar(Film(3, pictures.__getitem__), captions, progress)
    path = tmp_path / f"a{suffix}"
    write_film(path, film, fps=10, hold=0.1)
    shown = read_timed(path)[0] if suffix in TIMED else read_video(path)[0]
    assert len(shown) == 3
    for index, picture in enumerate(shown):
        bar, wanted = picture[48 : film.height].astype(int), film.frame(index)[48:].astype(int)
        assert abs(bar - wanted).mean() < 6
        line, track = bar[:2, 4 : 4 + 40], bar[:2, -40:-4]
        assert line.mean() == pytest.approx(236 if index else 84, abs=25)
        assert track.mean() == pytest.approx(236 if index == 2 else 84, abs=25)
