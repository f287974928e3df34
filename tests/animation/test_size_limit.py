"""Animations that keep to a number of bytes."""

from __future__ import annotations

import numpy as np
import pytest
from test_animation import VIDEO, learned, leftovers, parse_gif, read_timed, save_frames

from fit_image.animation.film import Film
from fit_image.animation.size_limit import SizeLimit, evenly
from fit_image.animation.writers import WRITERS, write_film
from fit_image.errors import FitImageError, InputError


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    noise = np.random.default_rng(0)
    frames = [frame + noise.integers(0, 12, frame.shape) for frame in learned(50, side=40)]
    pictures = [np.clip(frame, 0, 255).astype(np.uint8) for frame in frames]
    return Film.of_frames(save_frames(tmp_path_factory.mktemp("f"), pictures))


def limited(path, film, most_bytes, **options):
    limit = SizeLimit(most_bytes, evenly(len(film)))
    return write_film(path, film, limit=limit, **options)


def test_what_is_small_enough_stays_as_it_is(tmp_path, film):
    report = write_film(tmp_path / "a.webp", film)
    same = limited(tmp_path / "b.webp", film, report.size)
    assert (tmp_path / "b.webp").read_bytes() == (tmp_path / "a.webp").read_bytes()
    assert (same.size, same.reduced) == (report.size, ())


@pytest.mark.parametrize("suffix", [each for each in WRITERS if each != ".gif"])
def test_every_format_keeps_to_a_size_and_says_how(tmp_path, film, suffix):
    path = tmp_path / f"a{suffix}"
    whole = write_film(path, film).size
    most = whole * 3 // 4
    report = limited(path, film, most)
    assert report.size == path.stat().st_size <= most
    assert report.reduced
    if suffix not in VIDEO:
        assert len(read_timed(path)[0]) == report.frames


def test_frames_go_first_then_quality_then_pixels(tmp_path, film):
    path = tmp_path / "a.webp"
    whole = write_film(path, film).size
    reduced = [limited(path, film, int(whole * share)).reduced for share in (0.95, 0.5, 0.05)]
    assert [len(texts) for texts in reduced] == [1, 2, 3]
    assert reduced[0][0].endswith(" of 50 frames")
    assert reduced[1][1].startswith("quality ")
    assert reduced[2][2].endswith(" pixels")
    pictures, durations, loop = read_timed(path)
    assert pictures[0].shape[0] < 40
    assert (sum(durations), loop) == (41 * 50 + 2000, 0)


def test_a_gif_has_fewer_colours(tmp_path, film):
    path = tmp_path / "a.gif"
    whole = write_film(path, film).size
    report = limited(path, film, int(whole * 0.6))
    assert report.reduced[1].endswith(" colours a scene")
    assert parse_gif(path).global_colours <= 256 >> 1


def test_a_boomerang_keeps_to_its_size(tmp_path, film):
    path = tmp_path / "a.webp"
    size = write_film(path, film, loop="boomerang").size
    report = limited(path, film, size * 9 // 10, loop="boomerang")
    assert report.size <= size * 9 // 10
    assert report.frames % 2 == 0
    assert sum(read_timed(path)[1]) == pytest.approx(report.seconds * 1000)


def test_too_few_bytes_are_refused_and_the_old_file_stays(tmp_path, film):
    path = tmp_path / "a.webp"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match=r"^max_bytes 200 is too little: 42 frames of 1") as caught:
        limited(path, film, 200)
    assert caught.value.fields == ("max_bytes",)
    assert path.read_bytes() == b"old"
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("error", [KeyboardInterrupt, FitImageError("the disk is full")])
def test_what_stops_it_leaves_the_old_file(tmp_path, film, error):
    path = tmp_path / "a.webp"
    size = write_film(path, film).size
    path.write_bytes(b"old")
    frames = []

    def stop(done, total):
        frames.append(total)
        if total < len(film) and done == 5:
            raise error

    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        limited(path, film.observed(stop), size // 2)
    assert len(set(frames)) > 1
    assert path.read_bytes() == b"old"
    assert not leftovers(tmp_path)
