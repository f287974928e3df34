from __future__ import annotations

import gc
import importlib.util
import itertools
import math
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from fit_image.animation.film import frame_path, frame_paths, with_target
from fit_image.animation.pacing import VISIBLE_FRAMES, choose_frames
from fit_image.animation.writers import WRITERS, check_suffix, write_animation
from fit_image.errors import FitImageError, InputError

VIDEO = (".mp4", ".webm")
TIMED = (".gif", ".webp", ".avif", ".png")  # Pillow reads the durations

# imageio-ffmpeg starts ffmpeg with a preexec_fn, which newer Pythons warn about.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def save_frames(folder, pictures):
    folder.mkdir(parents=True, exist_ok=True)
    paths = [frame_path(folder, epoch) for epoch in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    return paths


def scene(height=29, width=37, step=0):
    """A smooth picture of many colours with a sharp disc, the disc moving with ``step``."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack((x * 255 / width, y * 255 / height, (x + y) * 2.0), axis=2)
    picture[np.hypot(x - 9 - step, y - 12) < 5] = (250, 240, 30)
    return np.clip(picture, 0, 255).astype(np.uint8)


def read_timed(path):
    """Return the frames as they are seen, their durations in ms, and the loop count."""
    with Image.open(path) as image:
        pictures, durations = [], []
        for index in range(image.n_frames):
            image.seek(index)
            pictures.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
        return pictures, durations, image.info.get("loop")


def read_video(path):
    """Return the frames of a video, unscaled, and what ffmpeg says of it."""
    from imageio_ffmpeg import get_ffmpeg_exe, get_ffmpeg_version

    frame_rate = "-vsync" if get_ffmpeg_version().startswith("4.") else "-fps_mode"
    command = [get_ffmpeg_exe(), "-i", f"file:{path}", frame_rate, "passthrough"]
    result = subprocess.run(
        [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True
    )
    words = result.stderr.decode()
    match = re.search(r"Video: (\w+).*?(yuv\w+).*? (\d+)x(\d+).*?, ([\d.]+) fps", words)
    width, height = int(match[3]), int(match[4])
    pictures = np.frombuffer(result.stdout, np.uint8).reshape(-1, height, width, 3)
    facts = {"codec": match[1], "pix_fmt": match[2], "fps": float(match[5])}
    return pictures, {**facts, "colours": re.search(r"yuv\w+\(([^)]*)\)", words)[1]}


def error(a, b):
    return float(np.sqrt(np.mean((a.astype(float) - b) ** 2)))


def leftovers(folder):
    return [path.name for path in folder.iterdir() if ".partial-" in path.name]


def workers():
    return [t.name for t in threading.enumerate() if t.name.startswith("fit-image")]


def children():
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


# Every format


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("size", [(29, 37), (30, 38), (17, 100), (1, 1)])
def test_all_frames_arrive_in_order_unscaled_and_close(tmp_path, suffix, size):
    source = [scene(*size, step) for step in range(0, 20, 4)]
    path = tmp_path / f"a{suffix}"
    report = write_animation(path, save_frames(tmp_path / "frames", source), fps=10)
    assert (report.path, report.frames) == (path, 5)
    assert report.fps == pytest.approx(10)
    assert report.seconds == pytest.approx(4 * 0.1 + 2.0)
    if suffix in VIDEO:
        pictures, meta = read_video(path)
        assert meta["fps"] == pytest.approx(10)
        assert len(pictures) == 24
        assert meta["pix_fmt"].startswith("yuv420p")
        assert meta["codec"] == {".mp4": "h264", ".webm": "vp9"}[suffix]
        # One name is matrix, primaries and transfer; otherwise ffmpeg shows three.
        assert meta["colours"].startswith("tv, bt709")
        assert "/" not in meta["colours"]
        padded = tuple(side + side % 2 for side in size)
        assert pictures[0].shape == (*padded, 3)
        shown = [*pictures[:4], pictures[-1]]
        for picture, original in zip(shown, source, strict=True):
            seen = picture[: size[0], : size[1]]
            # yuv420p halves the resolution of colour, but not that of brightness.
            assert abs(seen.mean(axis=2) - original.mean(axis=2)).mean() < 4
            assert error(seen, original) < 20
    else:
        # Equal neighbours merge.
        distinct = 1 + sum(not np.array_equal(*pair) for pair in itertools.pairwise(source))
        if suffix == ".webp" and distinct == 1:
            return
        if suffix == ".avif":
            distinct = len(source)  # a frame that is equal takes a few bytes
        pictures, durations, loop = read_timed(path)
        assert loop == (None if suffix == ".avif" else 0)  # Pillow does not read that of AVIF
        assert len(pictures) == distinct
        assert sum(durations) == pytest.approx(2400)
        for picture, original in zip([pictures[0], pictures[-1]], [source[0], source[-1]]):  # noqa: B905
            assert picture.shape == original.shape
            assert (
                error(picture, original)
                < {
                    ".png": 1e-9,
                    ".gif": 8,
                    ".webp": 14,
                    ".avif": 20,
                }[suffix]
            )


def test_png_is_lossless_when_parts_change(tmp_path):
    source = [scene(step=step) for step in (0, 0, 3, 3, 5, 20, 0)]
    write_animation(tmp_path / "a.png", save_frames(tmp_path / "f", source))
    pictures, durations, _ = read_timed(tmp_path / "a.png")
    assert durations == [100, 100, 50, 50, 2000]
    for picture, index in zip(pictures, (0, 2, 4, 5, 6), strict=True):
        assert np.array_equal(picture, source[index])


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_equal_frames_add_up_their_time(tmp_path, suffix):
    source = [scene(step=step) for step in (0, 0, 0, 4, 4, 8, 8)]
    write_animation(tmp_path / f"a{suffix}", save_frames(tmp_path / "f", source), fps=20)
    _, durations, _ = read_timed(tmp_path / f"a{suffix}")
    assert durations == [150, 100, 2050]


@pytest.mark.parametrize("suffix", [".gif", ".png", *VIDEO])
@pytest.mark.parametrize("count", [1, 6])
def test_one_frame_or_only_equal_frames_keep_their_time(tmp_path, suffix, count):
    path = tmp_path / f"a{suffix}"
    report = write_animation(path, save_frames(tmp_path / "f", [scene()] * count), fps=20)
    assert report.seconds == pytest.approx((count - 1) * 0.05 + 2)
    if suffix in VIDEO:
        pictures, _ = read_video(path)
        assert len(pictures) / 20 == pytest.approx(report.seconds)
    else:
        pictures, durations, _ = read_timed(path)
        assert len(pictures) == 1
        assert sum(durations) == pytest.approx(report.seconds * 1000)
        assert error(pictures[0], scene()) < 8


@pytest.mark.parametrize("count", [1, 6])
def test_a_webp_of_equal_frames_is_a_still_picture(tmp_path, count):
    path = tmp_path / "a.webp"
    write_animation(path, save_frames(tmp_path / "f", [scene()] * count))
    with Image.open(path) as image:
        assert image.n_frames == 1
        assert error(np.asarray(image.convert("RGB")), scene()) < 14


def test_a_png_stands_still_for_longer_than_one_delay_can(tmp_path):
    path = tmp_path / "a.png"
    source = [scene(), *[scene(step=5)] * 3, scene(step=9)]
    report = write_animation(path, save_frames(tmp_path / "f", source), fps=0.02, hold=70)
    pictures, durations, _ = read_timed(path)
    assert report.seconds == 270
    assert sum(durations) == pytest.approx(270_000)
    assert np.array_equal(pictures[-1], source[-1])
    assert any(np.array_equal(picture, source[1]) for picture in pictures)


@pytest.mark.parametrize(
    ("suffix", "asked", "true"),
    [
        (".gif", 20, 20),
        (".gif", 30, 100 / 3),
        (".gif", 24, 25),
        (".gif", 40, 100 / 3),
        (".gif", 1000, 50),
        (".gif", 0.3, 100 / 333),
        (".webp", 30, 1000 / 33),
        (".avif", 30, 1000 / 33),
        (".webp", 1000, 1000 / 11),
        (".png", 60, 1000 / 17),
        (".mp4", 29.97, 29.97),
        (".webm", 120, 120),
    ],
)
def test_the_true_rate_and_time_are_reported(tmp_path, suffix, asked, true):
    source = [scene(step=4 * step) for step in range(4)]
    path = tmp_path / f"a{suffix}"
    report = write_animation(path, save_frames(tmp_path / "f", source), fps=asked, hold=0)
    assert report.fps == pytest.approx(true)
    if suffix in VIDEO:
        pictures, _ = read_video(path)
        assert len(pictures) == 4
    else:
        _, durations, _ = read_timed(path)
        assert durations[0] == pytest.approx(1000 / true)
        assert sum(durations) / 1000 == pytest.approx(report.seconds)
    assert report.seconds == pytest.approx(4 / true)


@pytest.mark.parametrize("suffix", WRITERS)
def test_progress_is_told(tmp_path, suffix):
    seen = []
    frames = save_frames(tmp_path / "f", [scene(step=step) for step in range(9)])
    write_animation(tmp_path / f"a{suffix}", frames, on_frame=lambda *args: seen.append(args))
    assert seen == [(done, 9) for done in range(1, 10)]


@pytest.mark.parametrize("suffix", WRITERS)
def test_nothing_is_printed(tmp_path, suffix, capfd):
    frames = save_frames(tmp_path / "f", [scene(step=step) for step in range(3)])
    write_animation(tmp_path / f"a{suffix}", frames)
    assert capfd.readouterr() == ("", "")


# GIF


@dataclass
class ParsedGif:
    global_colours: int
    local_palettes: int
    delays: list[int]
    loop: int | None


def parse_gif(path):
    data = path.read_bytes()
    flags = data[10]
    assert flags & 0x80
    position = 13 + 3 * (2 << (flags & 7))
    gif = ParsedGif(2 << (flags & 7), 0, [], None)

    def skip_blocks(position):
        while data[position]:
            position += data[position] + 1
        return position + 1

    while data[position] != 0x3B:
        if data[position] == 0x21:
            if data[position + 1] == 0xF9:
                gif.delays.append(struct.unpack_from("<H", data, position + 4)[0])
            elif data[position + 3 : position + 14] == b"NETSCAPE2.0":
                gif.loop = struct.unpack_from("<H", data, position + 16)[0]
            position = skip_blocks(position + 2)
        else:
            assert data[position] == 0x2C
            local = data[position + 9]
            gif.local_palettes += local >> 7
            position += 10 + (3 * (2 << (local & 7)) if local & 0x80 else 0)
            position = skip_blocks(position + 1)
    return gif


def test_a_gif_has_one_palette_and_repeats_forever(tmp_path):
    source = [scene(step=step) for step in range(12)]
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", source), fps=25)
    gif = parse_gif(tmp_path / "a.gif")
    assert gif.local_palettes == 0
    assert gif.global_colours == 256
    assert gif.loop == 0
    assert gif.delays == [4] * 11 + [200]


def test_a_gif_of_few_colours_is_exact(tmp_path, rng):
    colours = rng.integers(0, 32, (60, 3)) * 8
    source = [colours[rng.integers(0, 60, (20, 30))].astype(np.uint8) for _ in range(4)]
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", source))
    pictures, _, _ = read_timed(tmp_path / "a.gif")
    for picture, original in zip(pictures, source, strict=True):
        assert np.array_equal(picture, original)


@pytest.mark.parametrize("colours", [1, 2, 3, 4, 5, 255, 256])
def test_a_gif_of_any_number_of_colours_is_valid(tmp_path, colours):
    """Also where the index of the transparent colour would need a larger table."""
    ramp = np.arange(256) % colours
    picture = np.repeat(ramp.reshape(16, 16, 1), 3, axis=2).astype(np.uint8) * (255 // colours)
    source = [picture, np.roll(picture, 1, axis=0), picture[::-1].copy()]
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", source))
    pictures, _, _ = read_timed(tmp_path / "a.gif")
    assert error(pictures[-1], source[-1]) < 4


def test_the_palette_serves_the_whole_run(tmp_path):
    """Neither the first frame alone, nor the last alone, has the colours of the others."""
    y, x = np.mgrid[0:60, 0:80]
    grey = np.stack([100 + x // 4] * 3, axis=2)
    red = np.stack([x * 3, y, y // 2], axis=2)
    blue = np.stack([y // 2, 255 - x, 3 * y], axis=2)
    source = [p.astype(np.uint8) for p in (grey, red, blue)]
    source = [picture for picture in source for _ in range(20)]
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", source))
    pictures, _, _ = read_timed(tmp_path / "a.gif")
    assert len(pictures) == 3
    for picture, original in zip(pictures, source[::20], strict=True):
        assert error(picture, original) < 8


def test_the_first_frames_of_many_have_their_colours(tmp_path):
    """Training leaves its first colours within a few epochs."""
    y, x = np.mgrid[0:200, 0:200]
    early = np.stack([x // 2 + 20, 120 + y // 2, (x + 200 - y) // 2], axis=2).astype(np.uint8)
    rest = np.stack([255 - x, (x + y) // 4, y], axis=2).astype(np.uint8)
    paths = save_frames(tmp_path / "f", [early, rest])
    write_animation(tmp_path / "a.gif", [paths[1]] + [paths[0]] * 3 + [paths[1]] * 396)
    pictures, _, _ = read_timed(tmp_path / "a.gif")
    assert error(pictures[1], early) < 20
    assert error(pictures[2], rest) < 8


def test_still_pixels_stay_as_they_are(tmp_path):
    source = [scene(60, 80, step) for step in range(20)]
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", source))
    pictures, _, _ = read_timed(tmp_path / "a.gif")
    for index in range(1, 20):
        still = (source[index] == source[index - 1]).all(axis=2)
        assert np.array_equal(pictures[index][still], pictures[index - 1][still])


def learned(count=12, side=200):
    """Frames as of a training: blurred and noisy at first, of ever more colours."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:side, 0:side] / side
    picture = np.stack((x, y, np.hypot(x - 0.5, y - 0.5)), axis=2) * 200 + 20
    ripples = np.sin(40 * x * y)[..., np.newaxis] * np.array([25, 10, 20])
    frames = []
    for step in range(count):
        share = 1 - 0.6**step
        wobble = rng.normal(0, 6 / (1 + step), 3)
        frames.append(128 + (picture + ripples * share - 128) * (0.1 + 0.9 * share) + wobble)
    return [np.clip(np.rint(frame), 0, 255).astype(np.uint8) for frame in frames]


def test_scenes_have_palettes_of_their_own(tmp_path):
    source = learned()
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", source))
    pictures, _, _ = read_timed(tmp_path / "a.gif")
    assert 0 < parse_gif(tmp_path / "a.gif").local_palettes < len(source)
    errors = [error(*pair) for pair in zip(pictures, source, strict=True)]
    assert max(errors) < 7  # with one palette, 7.7
    assert np.mean(errors) < 5.2  # with one palette, 6.1


def test_no_pixel_flickers_where_the_palette_changes(tmp_path):
    source = learned()
    for frame in source:
        frame[:90] = source[-1][:90]
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", source))
    assert parse_gif(tmp_path / "a.gif").local_palettes
    pictures, _, _ = read_timed(tmp_path / "a.gif")
    changes = [(a != b).any(axis=2)[:90].mean() for a, b in itertools.pairwise(pictures)]
    assert np.mean(changes) < 0.05


def test_noise_does_not_shimmer(tmp_path, rng):
    base = scene(60, 80).astype(int)
    noisy = [
        np.clip(base + rng.integers(-2, 3, base.shape), 0, 255).astype(np.uint8) for _ in range(20)
    ]
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", noisy))
    pictures, durations, _ = read_timed(tmp_path / "a.gif")
    assert sum(durations) == 19 * 50 + 2000
    changes = [(a != b).any(axis=2).mean() for a, b in itertools.pairwise(pictures)]
    assert np.mean(changes) < 0.1
    assert error(pictures[-1], base) < 10


def test_slow_change_is_followed(tmp_path):
    base = scene(40, 50) // 2
    source = [base + np.uint8(2 * step) for step in range(60)]
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", source))
    pictures, _, _ = read_timed(tmp_path / "a.gif")
    difference = pictures[-1].astype(int) - source[-1]
    assert abs(difference).mean() < 10
    assert abs(difference.mean()) < 5


def test_dithering_hides_bands(tmp_path):
    """In a slow gradient beside many colours, the mean of every small area is right."""
    y, x = np.mgrid[0:400, 0:400]
    colourful = np.stack([x * 0.6, y * 0.6, 240 - (x + y) * 0.3], axis=2)
    slow = np.stack([100 + x / 10, 90 + y / 4, 110 - x / 10], axis=2)[:80]
    picture = np.concatenate([colourful, slow]).astype(np.uint8)
    write_animation(tmp_path / "a.gif", save_frames(tmp_path / "f", [picture]))
    pictures, _, _ = read_timed(tmp_path / "a.gif")
    difference = (pictures[0].astype(float) - picture)[-80:]
    blocks = difference.reshape(10, 8, 50, 8, 3).mean(axis=(1, 3))
    assert np.sqrt((blocks**2).mean()) < 1.1


def test_a_gif_that_stands_still_too_long_is_refused(tmp_path):
    frames = save_frames(tmp_path / "f", [scene()]) * 8
    with pytest.raises(FitImageError, match=r"a\.gif.*655 s"):
        write_animation(tmp_path / "a.gif", frames, fps=0.01)
    assert not leftovers(tmp_path)


MEMORY = """
import sys
from pathlib import Path
from fit_image.animation.writers import write_animation
def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
folder, suffix = Path(sys.argv[1]), sys.argv[2]
frames = sorted(folder.glob("epoch-*.png"))
write_animation(folder / f"a{suffix}", frames * 5)
before = peak()
write_animation(folder / f"a{suffix}", frames * 25)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
@pytest.mark.parametrize(("suffix", "most"), [(".gif", 0.25), (".webp", 0.75), (".png", 0.75)])
def test_memory_a_frame(tmp_path, suffix, most):
    """Bytes a pixel and frame; pictures in colour would need 3 or 4."""
    height, width = 240, 320
    save_frames(tmp_path, [scene(height, width, 30 * step) for step in range(8)])
    result = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path), suffix],
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(result.stdout) / (height * width * 8 * 20) < most


LARGE = """
import sys
from pathlib import Path
from fit_image.animation.writers import write_animation
def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
small, large, suffix = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
write_animation(small / f"a{suffix}", sorted(small.glob("epoch-*.png")))
before = peak()
write_animation(large / f"a{suffix}", sorted(large.glob("epoch-*.png")))
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_memory_of_large_pictures(tmp_path, suffix):
    side = 2500
    for folder, size in (("small", 100), ("large", side)):
        save_frames(tmp_path / folder, [scene(size, size, 30 * step) for step in range(3)])
    result = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path / "small"), str(tmp_path / "large"), suffix],
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(result.stdout) / side**2 < 14


# What can go wrong


def test_an_unknown_suffix_is_refused_with_the_known_ones():
    for name in ("a.avi", "a", "a.gif.txt"):
        with pytest.raises(InputError) as caught:
            check_suffix(Path("out") / name)
        message = str(caught.value)
        assert str(Path("out") / name) in message
        assert all(suffix in message for suffix in (".gif", ".webp", ".png", ".mp4", ".webm"))
        assert "\n" not in message


def test_suffixes_in_capitals_are_known(tmp_path):
    assert check_suffix("A.GIF") == ".gif"
    write_animation(tmp_path / "A.GIF", save_frames(tmp_path / "f", [scene()]))
    assert (tmp_path / "A.GIF").read_bytes()[:3] == b"GIF"


@pytest.mark.parametrize("suffix", VIDEO)
def test_a_missing_extra_is_told_before_any_work(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'fit-image\[video\]'$"):
        check_suffix(tmp_path / f"a{suffix}")
    assert check_suffix("a.gif") == ".gif"
    with pytest.raises(InputError, match="pip install"):
        write_animation(tmp_path / f"a{suffix}", [tmp_path / "never-read.png"])


def test_a_pillow_without_avif_is_told_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(InputError, match=r"a\.avif: this Pillow was built without AVIF$"):
        check_suffix(tmp_path / "a.avif")
    assert check_suffix("a.webp") == ".webp"


@pytest.mark.parametrize("fps", [0, -1, math.nan, math.inf, 1001, 0.001])
def test_impossible_rates_are_refused(tmp_path, fps):
    frames = save_frames(tmp_path / "f", [scene()])
    with pytest.raises(InputError, match="fps must be"):
        write_animation(tmp_path / "a.gif", frames, fps=fps)


@pytest.mark.parametrize("hold", [-1, math.nan, math.inf])
def test_impossible_holds_are_refused(tmp_path, hold):
    frames = save_frames(tmp_path / "f", [scene()])
    with pytest.raises(InputError, match="hold must be"):
        write_animation(tmp_path / "a.gif", frames, hold=hold)


def test_no_frames_are_refused(tmp_path):
    with pytest.raises(InputError, match="no frames"):
        write_animation(tmp_path / "a.gif", [])


def test_a_picture_too_large_for_the_format_is_refused(tmp_path):
    frames = save_frames(tmp_path / "f", [np.zeros((1, 16_400, 3), np.uint8)])
    with pytest.raises(InputError, match=r"a\.webp: .*16383 .*16400 x 1"):
        write_animation(tmp_path / "a.webp", frames)
    write_animation(tmp_path / "a.gif", frames)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("damage", ["cut", "empty", "text", "missing", "size", "checksum"])
def test_a_bad_frame_is_named_and_the_old_file_stays(tmp_path, suffix, damage):
    frames = save_frames(tmp_path / "f", [scene(step=step) for step in range(40)])
    bad, old = frames[30], tmp_path / f"a{suffix}"
    old.write_bytes(b"old")
    data = bad.read_bytes()
    if damage == "missing":
        bad.unlink()
    elif damage == "size":
        Image.fromarray(scene(20, 21)).save(bad)
    else:
        middle = len(data) // 2
        bad.write_bytes(
            {
                "cut": data[:middle],
                "empty": b"",
                "text": b"no picture",
                "checksum": data[:40] + b"\xff" * 8 + data[48:],
            }[damage]
        )
    with pytest.raises(FitImageError, match="epoch-000030") as caught:
        write_animation(old, frames)
    message = str(caught.value)
    assert "\n" not in message
    assert ("21 x 20" in message) == (damage == "size")
    assert old.read_bytes() == b"old"
    assert not leftovers(tmp_path)
    assert not workers()


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("stop_at", [1, 15, 40])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path, suffix, stop_at):
    frames = save_frames(tmp_path / "f", [scene(step=step) for step in range(40)])
    old = tmp_path / f"a{suffix}"
    old.write_bytes(b"old")
    before = children()

    def stop(done, total):
        if done == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_animation(old, frames, on_frame=stop)
    assert old.read_bytes() == b"old"
    assert not leftovers(tmp_path)
    assert not workers()
    assert children() == before


SIGNALLED = """
import sys
from pathlib import Path
from fit_image.animation.writers import write_animation
folder = Path(sys.argv[1])
frames = sorted(folder.glob("epoch-*.png"))
def show(done, total):
    if done == 20:
        print("going", flush=True)
write_animation(folder / sys.argv[2], frames * 5000, on_frame=show)
"""


@pytest.mark.parametrize("suffix", WRITERS)
def test_ctrl_c_ends_the_program(tmp_path, suffix):
    save_frames(tmp_path, [scene(step=step) for step in range(4)])
    process = subprocess.Popen(
        [sys.executable, "-c", SIGNALLED, str(tmp_path), f"a{suffix}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "going\n"
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert complaint.rstrip().endswith("KeyboardInterrupt")
    assert not leftovers(tmp_path)
    assert not (tmp_path / f"a{suffix}").exists()


FULL = """
import resource, sys
from pathlib import Path
from fit_image.animation.writers import write_animation
from fit_image.errors import FitImageError
folder = Path(sys.argv[1])
frames = sorted(folder.glob("epoch-*.png"))
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    write_animation(folder / sys.argv[2], frames * 5)
except FitImageError as error:
    print(error)
"""


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_full_disk_is_one_line(tmp_path, rng, suffix):
    pictures = [rng.integers(0, 256, (64, 64, 3)).astype(np.uint8) for _ in range(6)]
    save_frames(tmp_path, pictures)
    old = tmp_path / f"a{suffix}"
    old.write_bytes(b"old")
    result = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), old.name],
        check=True,
        capture_output=True,
        text=True,
    )
    assert result.stdout.startswith(f"cannot write {old}: ")
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""
    assert old.read_bytes() == b"old"
    assert not leftovers(tmp_path)


# imageio-ffmpeg does not close its end of a broken pipe.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("suffix", VIDEO)
def test_a_failing_ffmpeg_is_one_line(tmp_path, monkeypatch, capfd, suffix):
    import imageio_ffmpeg._io

    monkeypatch.setattr(imageio_ffmpeg._io, "get_ffmpeg_exe", lambda: "false")
    frames = save_frames(tmp_path / "f", [scene(100, 100, step) for step in range(30)])
    path = tmp_path / f"a{suffix}"
    with pytest.raises(FitImageError, match=r"^cannot write .*: ffmpeg failed") as caught:
        write_animation(path, frames)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert not path.exists()
    assert not leftovers(tmp_path)
    del caught
    gc.collect()


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_missing_folder_is_one_line(tmp_path, suffix):
    frames = save_frames(tmp_path / "f", [scene()] * 2)
    with pytest.raises(FitImageError, match=rf"^cannot write .*none.a\{suffix}: .*$"):
        write_animation(tmp_path / "none" / f"a{suffix}", frames)


@pytest.mark.parametrize("suffix", VIDEO)
def test_names_that_ffmpeg_would_misread(tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    frames = save_frames(tmp_path / "f", [scene(step=4 * step) for step in range(3)])
    for name in ("pipe:1", "-y", "a%03d b"):
        write_animation(f"{name}{suffix}", frames, hold=0)
        assert len(read_video(tmp_path / f"{name}{suffix}")[0]) == 3


# Folders of frames


def test_frame_paths_are_in_order_and_ignore_other_files(tmp_path):
    for epoch in (1_000_000, 5, 999_999, 0):
        frame_path(tmp_path, epoch).touch()
    for name in (
        ".epoch-000003.partial-0a1b2c3d.png",
        "epoch-000003.jpg",
        "epoch-3.png",
        "epoch-0000003.png",
        "epoch-000003.png.bak",
        "xepoch-000003.png",
        "epoch-\u0660\u0660\u0660\u0660\u0660\u0663.png",
        "notes.txt",
    ):
        (tmp_path / name).touch()
    (tmp_path / "epoch-000007.png").mkdir()
    assert frame_paths(tmp_path) == [
        (epoch, frame_path(tmp_path, epoch)) for epoch in (0, 5, 999_999, 1_000_000)
    ]
    assert frame_path("frames", 42) == Path("frames/epoch-000042.png")


def test_a_folder_without_frames(tmp_path):
    assert frame_paths(tmp_path) == []
    assert frame_paths(tmp_path / "none") == []
    (tmp_path / "file").touch()
    with pytest.raises(FitImageError, match="file"):
        frame_paths(tmp_path / "file")


# The target beside the picture


def test_the_target_stands_to_the_right():
    picture, target = scene(100, 150), scene(100, 150, 30)
    both = with_target(picture, target)
    assert both.shape == (100, 150 + 3 + 150, 3)
    assert both.dtype == np.uint8
    assert np.array_equal(both[:, :150], picture)
    assert np.array_equal(both[:, -150:], target)
    assert (both[:, 150:153] == 128).all()


def test_the_target_of_a_wide_picture_is_below():
    picture, target = scene(20, 60), scene(20, 60, 30)
    both = with_target(picture, target)
    assert both.shape == (20 + 2 + 20, 60, 3)
    assert np.array_equal(both[:20], picture)
    assert np.array_equal(both[-20:], target)


def test_a_target_of_another_size_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"11 x 10 pixels.*21 x 20"):
        with_target(scene(20, 21), scene(10, 11))
    frames = save_frames(tmp_path / "f", [scene(20, 21)] * 2)
    with pytest.raises(InputError, match="11 x 10"):
        write_animation(tmp_path / "a.gif", frames, target=scene(10, 11))
    assert not (tmp_path / "a.gif").exists()


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_animation_with_its_target(tmp_path, suffix):
    source, target = [scene(step=step) for step in (0, 5, 10)], scene(step=20)
    path = tmp_path / f"a{suffix}"
    write_animation(path, save_frames(tmp_path / "f", source), target=target)
    pictures = (read_video if suffix in VIDEO else read_timed)(path)[0]
    assert error(pictures[-1][:29, :76], with_target(source[-1], target)) < 20
    if suffix == ".gif":
        for picture in pictures:
            assert np.array_equal(picture[:, -37:], pictures[0][:, -37:])


# Pacing


def test_even_pace_takes_every_nth_and_both_ends():
    epochs = list(range(0, 101, 5))
    assert choose_frames(epochs) == epochs
    assert choose_frames(epochs, every=6) == [0, 30, 60, 90, 100]
    assert choose_frames(epochs, every=1000) == [0, 100]
    assert choose_frames([7], every=3) == [7]
    assert choose_frames([]) == []
    assert choose_frames([], [], pace="visible") == []


def learning(count=501):
    """PSNR as a training shows it: quick at first, then ever slower."""
    epochs = np.arange(count)
    return 10 + 5 * np.log1p(epochs)


def test_visible_pace_moves_at_even_steps_of_psnr():
    values = learning()
    chosen = choose_frames(range(501), values, pace="visible")
    assert chosen[0] == 0
    assert chosen[-1] == 500
    assert 60 < len(chosen) <= VISIBLE_FRAMES
    step = (values[-1] - values[0]) / 197
    # Where single epochs are smaller steps than that, no frame is late, and none is wasted.
    later = [epoch for epoch in chosen if epoch > 60]
    steps = np.diff(values[later])
    assert steps[:-1].max() < 2 * step
    assert steps[:-1].mean() == pytest.approx(step, rel=0.15)
    assert np.diff(later[:-1]).max() > np.diff(later).min() + 2


def test_visible_pace_ignores_setbacks():
    values = [10, 12, 8, 13, 9, 9, 15, 14]
    assert choose_frames(range(8), values, pace="visible") == [0, 1, 3, 6, 7]


def test_visible_pace_of_noisy_progress_never_looks_back(rng):
    values = learning() + rng.normal(0, 0.5, 501)
    chosen = choose_frames(range(501), values, pace="visible")
    assert (np.diff(values[chosen[:-1]]) > 0).all()
    assert len(chosen) > 30


@pytest.mark.parametrize("values", [[20.0] * 9, [20.0 - index for index in range(9)]])
def test_visible_pace_without_progress_leaves_both_ends(values):
    assert choose_frames(range(10, 19), values, pace="visible") == [10, 18]


def test_visible_pace_with_unknown_values():
    nan = math.nan
    values = [None, 10.0, nan, 20.0, None, 30.0, nan]
    assert choose_frames(range(7), values, pace="visible") == [0, 1, 3, 5, 6]
    assert choose_frames(range(3), [None, nan, None], pace="visible") == [0, 1, 2]
    assert choose_frames(range(3), None, pace="visible") == [0, 1, 2]


def test_visible_pace_of_a_perfect_copy():
    assert choose_frames(range(4), [10, 20, 30, math.inf], pace="visible") == [0, 1, 2, 3]
    assert choose_frames(range(3), [math.inf] * 3, pace="visible") == [0, 2]


def test_every_applies_before_the_visible_pace():
    chosen = choose_frames(range(501), learning(), pace="visible", every=20)
    assert set(chosen) <= {*range(0, 501, 20)}
    assert {0, 500} <= set(chosen)


@given(
    st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=60),
    st.integers(1, 7),
    st.integers(3, 20),
)
def test_chosen_frames_always_increase_and_keep_both_ends(values, every, most):
    epochs = [3 * index + 2 for index in range(len(values))]
    chosen = choose_frames(epochs, values, pace="visible", every=every, most=most)
    assert set(chosen) <= set(epochs)
    assert all(a < b for a, b in itertools.pairwise(chosen))
    assert (chosen[0], chosen[-1]) == (epochs[0], epochs[-1])
    candidates = [*values[::every], values[-1]]
    if any(value is not None and value > -math.inf for value in candidates):
        assert len(chosen) <= most


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        (([1, 2],), {"pace": "fast"}, "fast"),
        (([1, 2],), {"every": 0}, "every=0"),
        (([1, 2],), {"most": 2}, "most=2"),
        (([1, 1],), {}, "increase"),
        (([1, 2], [3.0]), {}, "1 PSNR values for 2 epochs"),
    ],
)
def test_wrong_calls_of_choose_frames(args, options, message):
    with pytest.raises(ValueError, match=message):
        choose_frames(*args, **options)


# AVIF


def test_an_avif_is_small_and_close(tmp_path):
    source = learned()
    paths = save_frames(tmp_path / "f", source)
    for suffix in (".gif", ".avif"):
        write_animation(tmp_path / f"a{suffix}", paths)
    pictures, durations, _ = read_timed(tmp_path / "a.avif")
    assert durations == [50] * 11 + [2000]
    errors = [error(*pair) for pair in zip(pictures, source, strict=True)]
    assert max(errors) < 2.3  # 41 dB
    assert (tmp_path / "a.avif").stat().st_size < (tmp_path / "a.gif").stat().st_size / 10


# Imports


def test_importing_loads_no_imageio():
    code = (
        "import sys, fit_image.animation.writers\n"
        "print(any(name.startswith('imageio') for name in sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert result.stdout == "False\n"
