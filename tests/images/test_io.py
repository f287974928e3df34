from __future__ import annotations

import hashlib
import io
import itertools
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin

from fit_image.errors import FitImageError, InputError
from fit_image.images import io as image_io
from fit_image.images.colours import to_uint8
from fit_image.images.decoding import file_sha256, parse_background
from fit_image.images.fidelity import psnr
from fit_image.images.formats import limits
from fit_image.images.io import (
    Canvas,
    check_image_suffix,
    check_image_target,
    load_image,
    save_image,
)
from fit_image.images.scaling import size_within

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)

# What the stored pixels must undergo for each EXIF orientation, from the words of the standard.
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}


def levels(path, **options):
    """The loaded picture in 0..255, after checking what holds for every loaded picture."""
    loaded = load_image(path, **options)
    assert loaded.levels.dtype in (np.uint8, np.uint16)
    assert loaded.levels.flags.c_contiguous
    pixels = loaded.pixels
    assert pixels.dtype == np.float32
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert pixels.flags.c_contiguous
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    return pixels * 255


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, colour_type, raw, *extra):
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(raw))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def icc_profile(space, tags):
    """An ICC v2 display profile of the given tags, as bytes."""
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    header = struct.pack(
        ">I4sI4s4s4s", offset + len(body), b"\0" * 4, 0x02100000, b"mntr", space, b"XYZ "
    )
    header += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    header += struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    return header.ljust(128, b"\0") + table + body


def xyz(*values):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


WHITE_POINT = {b"wtpt": xyz(0.9642, 1.0, 0.8249)}
PRIMARIES = {
    b"r": xyz(0.43607, 0.22249, 0.01392),
    b"g": xyz(0.38515, 0.71687, 0.09708),
    b"b": xyz(0.14307, 0.06061, 0.71410),
}


def rgb_profile(order, exponent):
    """sRGB's primaries in another order of channels, with a power curve."""
    tags = dict(WHITE_POINT)
    for channel, primary in zip((b"r", b"g", b"b"), order, strict=True):
        tags[channel + b"XYZ"] = PRIMARIES[primary]
        tags[channel + b"TRC"] = gamma(exponent)
    return icc_profile(b"RGB ", tags)


SWAPPED = rgb_profile((b"g", b"r", b"b"), 2.2)
LINEAR_GREY = icc_profile(b"GRAY", {**WHITE_POINT, b"kTRC": gamma(1.0)})


def only_line(caught):
    message = str(caught.value)
    assert message
    assert message.isprintable()
    return message


class TestModes:
    @pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".gif", ".webp", ".ppm"])
    def test_lossless_colours_are_exact(self, tmp_path, rng, suffix):
        stored = rng.choice(np.array([0, 1, 77, 254, 255], np.uint8), (5, 7, 3))
        file = tmp_path / f"a{suffix}"
        Image.fromarray(stored).save(file, **({"lossless": True} if suffix == ".webp" else {}))
        np.testing.assert_allclose(levels(file), stored, atol=1e-4)
        assert np.array_equal(to_uint8(load_image(file).pixels), stored)

    @pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA"])
    def test_every_mode_shows_its_greys(self, tmp_path, mode):
        grey = np.array([[0, 255, 0], [255, 255, 0]], np.uint8)
        Image.fromarray(grey).convert(mode).save(tmp_path / "a.png")
        np.testing.assert_allclose(levels(tmp_path / "a.png")[..., 1], grey, atol=1e-4)

    def test_palette(self, tmp_path):
        picture = Image.new("P", (3, 1))
        picture.putpalette([*RED, *GREEN, *BLUE])
        picture.putdata([2, 0, 1])
        picture.save(tmp_path / "a.png")
        assert to_uint8(load_image(tmp_path / "a.png").pixels).tolist() == [
            [[*BLUE], [*RED], [*GREEN]]
        ]

    @pytest.mark.parametrize(
        ("mode", "suffix"), [("I;16", ".png"), ("I;16", ".tif"), ("I;16B", ".tif"), ("I", ".pgm")]
    )
    def test_sixteen_bit_grey_keeps_its_levels(self, tmp_path, mode, suffix):
        grey = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
        if mode == "I":
            (tmp_path / "a.pgm").write_bytes(b"P5 256 256 65535\n" + grey.astype(">u2").tobytes())
        else:
            raw = grey.astype(">u2" if mode == "I;16B" else "<u2").tobytes()
            Image.frombytes(mode, (256, 256), raw).save(tmp_path / f"a{suffix}")
        shown = load_image(tmp_path / f"a{suffix}").pixels
        assert len(np.unique(shown)) == 65_536
        np.testing.assert_allclose(shown, (grey / 65_535)[..., None].repeat(3, 2), atol=1e-6)

    def test_levels_are_bytes_unless_the_picture_is_deeper(self, tmp_path, rng):
        colours = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
        deep = rng.integers(0, 65_536, (5, 7), dtype=np.uint16)
        for stored in (colours, deep):
            Image.fromarray(stored).save(tmp_path / "a.png")
            loaded = load_image(tmp_path / "a.png")
            assert loaded.levels.dtype == stored.dtype
            np.testing.assert_array_equal(loaded.levels[..., 0], stored.reshape(5, 7, -1)[..., 0])
            floats = (loaded.levels / np.iinfo(stored.dtype).max).astype(np.float32)
            np.testing.assert_array_equal(loaded.pixels, floats)

    def test_deep_grey_stays_deep_when_scaled(self, tmp_path):
        grey = np.linspace(0, 65_535, 400 * 400).astype(np.uint16).reshape(400, 400)
        Image.fromarray(grey).save(tmp_path / "a.png")
        assert len(np.unique(levels(tmp_path / "a.png", max_pixels=10_000))) > 1000

    def test_a_grey_of_sixteen_bits_may_mean_transparent(self, tmp_path):
        raw = b"\0" + np.array([0, 300, 65_535], ">u2").tobytes()
        key = chunk(b"tRNS", struct.pack(">H", 300))
        (tmp_path / "a.png").write_bytes(png(3, 1, 16, 0, raw, key))
        shown = to_uint8(load_image(tmp_path / "a.png", background="#f00").pixels)
        assert shown.tolist() == [[[0, 0, 0], [*RED], [255, 255, 255]]]

    def test_integers_beyond_sixteen_bits_span_their_own_range(self, tmp_path):
        Image.fromarray(np.array([[-1000, 499_500, 999_000]], np.int32)).save(tmp_path / "a.tif")
        np.testing.assert_allclose(levels(tmp_path / "a.tif")[0, :, 0], [0, 127.56, 255], atol=0.1)

    @pytest.mark.parametrize(
        ("stored", "shown"),
        [
            ([0.25, 0.5, 0.75], [0.25, 0.5, 0.75]),
            ([0, 50, 200], [0, 0.25, 1]),
            ([np.nan, np.inf, -np.inf], [0, 1, 0]),
            ([np.nan, 0.5, np.inf], [0, 0.5, 1]),
        ],
    )
    def test_floats_are_taken_as_they_are_within_one(self, tmp_path, stored, shown):
        Image.fromarray(np.array([stored], np.float32)).save(tmp_path / "a.tif")
        exact_to = 0.51 / 65_535
        np.testing.assert_allclose(levels(tmp_path / "a.tif")[0, :, 2] / 255, shown, atol=exact_to)

    def test_sixteen_bit_colour(self, tmp_path):
        raw = b"\0" + np.array([65_535, 32_896, 0, 0, 257, 65_535], ">u2").tobytes()
        (tmp_path / "a.png").write_bytes(png(2, 1, 16, 2, raw))
        shown = levels(tmp_path / "a.png")
        np.testing.assert_allclose(shown, [[[255, 128, 0], [0, 1, 255]]], atol=1)

    def test_cmyk(self, tmp_path):
        inks = Image.new("CMYK", (16, 8), (0, 255, 255, 0))
        inks.save(tmp_path / "adobe.jpg", quality=95)
        inks.save(tmp_path / "plain.tif")
        inks.save(tmp_path / "profile.jpg", quality=95, icc_profile=SWAPPED)  # of RGB: no use here
        for name in ("adobe.jpg", "plain.tif", "profile.jpg"):
            red, green, blue = levels(tmp_path / name).mean(axis=(0, 1))
            assert red > 230
            assert max(green, blue) < 30

    @pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
    def test_thin_pictures(self, tmp_path, size):
        Image.new("RGB", size, RED).save(tmp_path / "a.png")
        loaded = load_image(tmp_path / "a.png")
        assert loaded.pixels.shape == (size[1], size[0], 3)
        assert loaded.original_size == size
        assert not loaded.scaled

    @pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
    def test_first_frame_of_an_animation(self, tmp_path, suffix):
        first, *rest = [Image.new("RGB", (6, 4), colour) for colour in (BLUE, RED, GREEN)]
        options = {"lossless": True} if suffix == ".webp" else {}
        first.save(tmp_path / f"a{suffix}", save_all=True, append_images=rest, **options)
        assert np.all(to_uint8(load_image(tmp_path / f"a{suffix}").pixels) == BLUE)


class TestOrientation:
    @pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
    @pytest.mark.parametrize("orientation", UPRIGHT)
    def test_is_applied(self, tmp_path, orientation, suffix):
        cells = np.array([[RED, GREEN, BLUE], [(0, 0, 0), (255, 255, 255), RED]], np.uint8)
        stored = cells.repeat(16, 0).repeat(16, 1)
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {".webp": {"lossless": True}, ".jpg": {"quality": 95, "subsampling": 0}}
        file = tmp_path / f"a{suffix}"
        Image.fromarray(stored).save(file, exif=exif, **options.get(suffix, {}))
        upright = UPRIGHT[orientation](stored)
        np.testing.assert_allclose(levels(file), upright, atol=12 if suffix == ".jpg" else 1e-4)
        loaded = load_image(file, max_pixels=100)
        assert loaded.original_size == upright.shape[1::-1]
        assert loaded.pixels.shape[0] == (8 if orientation < 5 else 12)

    def test_deep_grey_is_turned_too(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(np.array([[0, 30_000, 65_535]], np.uint16)).save(
            tmp_path / "a.png", exif=exif
        )
        np.testing.assert_allclose(levels(tmp_path / "a.png")[:, 0, 0], [0, 116.7, 255], atol=0.1)

    def test_damaged_exif_is_ignored(self, tmp_path):
        exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(range(256))
        Image.new("RGB", (8, 4), RED).save(tmp_path / "a.jpg", exif=exif)
        assert load_image(tmp_path / "a.jpg").original_size == (8, 4)


class TestProfiles:
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
    def test_colours_come_to_srgb(self, tmp_path, mode):
        picture = Image.new("RGB", (2, 1), (250, 10, 10))
        picture.putpixel((1, 0), (20, 230, 90))
        picture = picture.quantize(2) if mode == "P" else picture.convert(mode)
        picture.save(tmp_path / "a.png", icc_profile=SWAPPED)
        shown = levels(tmp_path / "a.png")
        np.testing.assert_allclose(shown, [[[10, 250, 10], [230, 20, 90]]], atol=8)

    def test_curves_count(self, tmp_path):
        linear = rgb_profile((b"r", b"g", b"b"), 1.0)
        Image.new("RGB", (2, 1), (128, 128, 128)).save(tmp_path / "a.png", icc_profile=linear)
        Image.new("L", (2, 1), 128).save(tmp_path / "grey.png", icc_profile=LINEAR_GREY)
        Image.new("LA", (2, 1), (128, 255)).save(tmp_path / "alpha.png", icc_profile=LINEAR_GREY)
        for name in ("a.png", "grey.png", "alpha.png"):
            np.testing.assert_allclose(levels(tmp_path / name), 188, atol=2)

    @pytest.mark.parametrize(
        "profile",
        [b"nonsense", SWAPPED[:200], SWAPPED[:128] + b"\xff" * 400, LINEAR_GREY],
        ids=["nonsense", "cut", "damaged", "for grey"],
    )
    def test_useless_ones_are_ignored(self, tmp_path, profile):
        for name in ("a.png", "a.tif"):
            Image.new("RGB", (3, 2), (200, 100, 50)).save(tmp_path / name, icc_profile=profile)
            np.testing.assert_allclose(levels(tmp_path / name)[0, 0], [200, 100, 50], atol=1e-4)

    def test_alpha_survives_the_profile(self, tmp_path):
        Image.new("RGBA", (1, 1), (255, 0, 0, 51)).save(tmp_path / "a.png", icc_profile=SWAPPED)
        shown = levels(tmp_path / "a.png", background="black")[0, 0]
        np.testing.assert_allclose(shown, [0, 51, 0], atol=3)


class TestTransparency:
    def test_background_shows_through_in_proportion(self, tmp_path):
        Image.new("RGBA", (1, 1), (200, 100, 0, 64)).save(tmp_path / "a.png")
        for background in ((255, 255, 255), (0, 0, 0), (10, 200, 90)):
            shown = levels(tmp_path / "a.png", background=f"rgb{background}".replace(" ", ""))[0, 0]
            share = 64 / 255
            expected = share * np.array([200, 100, 0]) + (1 - share) * np.array(background)
            np.testing.assert_allclose(shown, expected, atol=0.6)

    @pytest.mark.parametrize("max_pixels", [None, 16])
    @pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
    def test_hidden_colour_stays_hidden(self, tmp_path, suffix, max_pixels):
        hidden = np.zeros((16, 16, 4), np.uint8)
        hidden[..., 0] = 255
        hidden[:, 3:5] = (0, 0, 255, 255)
        options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
        Image.fromarray(hidden).save(tmp_path / f"a{suffix}", **options)
        shown = levels(tmp_path / f"a{suffix}", background="#00f", max_pixels=max_pixels)
        np.testing.assert_allclose(shown, np.broadcast_to(BLUE, shown.shape), atol=1e-4)

    @pytest.mark.parametrize("transparency", [0, b"\x00\xff"], ids=["index", "table"])
    def test_palettes(self, tmp_path, transparency):
        picture = Image.new("P", (2, 1))
        picture.putpalette([*RED, *GREEN])
        picture.putpixel((1, 0), 1)
        picture.save(tmp_path / "a.png", transparency=transparency)
        shown = to_uint8(load_image(tmp_path / "a.png", background="blue").pixels)
        assert shown.tolist() == [[[*BLUE], [*GREEN]]]

    @pytest.mark.parametrize(
        ("mode", "colours", "key"), [("L", (9, 80), 9), ("RGB", (RED, (80,) * 3), RED)]
    )
    def test_colour_keys(self, tmp_path, mode, colours, key):
        picture = Image.new(mode, (2, 1), colours[0])
        picture.putpixel((1, 0), colours[1])
        picture.save(tmp_path / "a.png", transparency=key)
        shown = to_uint8(load_image(tmp_path / "a.png", background="blue").pixels)
        assert shown.tolist() == [[[*BLUE], [80, 80, 80]]]

    @pytest.mark.parametrize(
        ("text", "colour"),
        [
            ("white", (255, 255, 255)),
            ("#fa0", (255, 170, 0)),
            ("rgb(1,2,3)", (1, 2, 3)),
            ("#010203ff", (1, 2, 3)),
        ],
    )
    def test_backgrounds(self, text, colour):
        assert parse_background(text) == colour

    @pytest.mark.parametrize("text", ["", "whit\ne", "#12", "rgb(1,2,300)", "#0008", "x" * 200])
    def test_no_backgrounds(self, tmp_path, text):
        with pytest.raises(InputError) as caught:
            parse_background(text)
        assert "colour" in only_line(caught)
        with pytest.raises(InputError):
            load_image(tmp_path / "absent.png", background=text)


class TestScaling:
    @given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 10**6))
    def test_size(self, width, height, max_pixels):
        new_width, new_height = size_within((width, height), max_pixels)
        if width * height <= max_pixels:
            return
        assert min(new_width, new_height) >= 1
        assert new_width * new_height <= max_pixels
        scale = (max_pixels / (width * height)) ** 0.5
        if min(width, height) * scale >= 1:  # else the picture is thinner than a pixel would be
            short, long = sorted((width, height))
            new_short, new_long = sorted((new_width, new_height))
            assert new_short >= int(short * scale - 1e-9)
            assert abs(new_long - long * new_short / short) <= 1

    def test_picture(self, tmp_path):
        Image.new("RGB", (400, 300), RED).save(tmp_path / "a.png")
        loaded = load_image(tmp_path / "a.png", max_pixels=1200)
        assert loaded.pixels.shape == (30, 40, 3)
        assert loaded.original_size == (400, 300)
        assert loaded.scaled
        np.testing.assert_array_equal(loaded.pixels, np.broadcast_to([1, 0, 0], (30, 40, 3)))
        assert not load_image(tmp_path / "a.png", max_pixels=120_000).scaled

    @pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (2, 4001)])
    def test_thin_pictures(self, tmp_path, size):
        Image.new("RGB", size, RED).save(tmp_path / "a.png")
        loaded = load_image(tmp_path / "a.png", max_pixels=100)
        height, width = loaded.pixels.shape[:2]
        assert sorted((width, height)) == [1, 100]
        assert (width < height) == (size[0] < size[1])

    @pytest.mark.parametrize("deep", [False, True])
    def test_is_antialiased(self, tmp_path, deep):
        board = np.indices((256, 256)).sum(0) % 2
        pixels = (board * 65_535).astype(np.uint16) if deep else (board * 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "a.png")
        inner = levels(tmp_path / "a.png", max_pixels=40 * 40)[2:-2, 2:-2]
        np.testing.assert_allclose(inner, 127.5, atol=4)

    def test_no_pixels(self, tmp_path):
        with pytest.raises(InputError, match="max_pixels must be 1 or more"):
            load_image(tmp_path / "a.png", max_pixels=0)


class TestRefusals:
    def refusal(self, path):
        with pytest.raises(InputError) as caught:
            load_image(path)
        return only_line(caught)

    def test_absent_folder_empty(self, tmp_path):
        assert "absent.png: No such file" in self.refusal(tmp_path / "absent.png")
        assert "directory" in self.refusal(tmp_path)
        (tmp_path / "empty.png").touch()
        assert "empty.png: the file is empty" in self.refusal(tmp_path / "empty.png")

    def test_no_permission(self, tmp_path, monkeypatch):
        def denied(*_args):
            raise PermissionError(13, "Permission denied", "a.png")

        monkeypatch.setattr(Path, "open", denied)
        assert "a.png: Permission denied" in self.refusal(tmp_path / "a.png")

    def test_not_a_picture(self, tmp_path):
        (tmp_path / "a.png").write_text("Dear diary,")
        assert "a.png: not a picture" in self.refusal(tmp_path / "a.png")

    def test_postscript_is_not_run(self, tmp_path):
        (tmp_path / "a.eps").write_bytes(
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
        )
        assert "PostScript" in self.refusal(tmp_path / "a.eps")

    @pytest.mark.parametrize(
        "name", ["new\nline.png", "esc\x1b[2J.png", "caf\udce9.png", "\u2028.png"]
    )
    def test_odd_names_keep_to_one_line(self, tmp_path, name):
        (tmp_path / name).write_text("no picture")
        assert ".png: not a picture" in self.refusal(tmp_path / name)
        with pytest.raises(InputError) as caught:
            check_image_suffix(tmp_path / name.replace("png", "doc"))
        only_line(caught)
        self.refusal(tmp_path / f"absent{name}")
        self.refusal(f"nul\0{name}")

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".webp"])
    def test_cut_short(self, tmp_path, rng, suffix):
        picture = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
        picture.save(tmp_path / f"whole{suffix}")
        whole = (tmp_path / f"whole{suffix}").read_bytes()
        (tmp_path / f"cut{suffix}").write_bytes(whole[: len(whole) // 2])
        assert f"cut{suffix}: " in self.refusal(tmp_path / f"cut{suffix}")

    def test_gigapixels(self, tmp_path):
        (tmp_path / "bomb.png").write_bytes(png(40_000, 40_000, 8, 2, b""))
        assert "bomb.png: more than 1,000,000,000 pixels" in self.refusal(tmp_path / "bomb.png")

    @pytest.mark.parametrize("limit", [10, 300, None])
    def test_our_limit_replaces_that_of_pillow(self, tmp_path, monkeypatch, limit):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        Image.new("RGB", (20, 20), RED).save(tmp_path / "a.png")
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            load_image(tmp_path / "a.png")
            (tmp_path / "bomb.png").write_bytes(png(40_000, 40_000, 8, 2, b""))
            self.refusal(tmp_path / "bomb.png")
        assert not seen
        assert limit == Image.MAX_IMAGE_PIXELS

    def test_no_memory(self, tmp_path, monkeypatch):
        Image.new("RGB", (20, 20), RED).save(tmp_path / "a.png")
        monkeypatch.setattr(np, "empty", mock.Mock(side_effect=MemoryError))
        assert "memory" in self.refusal(tmp_path / "a.png")


def samples():
    """Small valid pictures, one of each kind of file that people have."""
    y, x = np.mgrid[0:12, 0:10]
    colours = np.stack((x * 25, y * 21, (x + y) * 12), axis=2).astype(np.uint8)
    picture = Image.fromarray(colours)
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {
        "png": (picture, {"icc_profile": SWAPPED, "exif": exif}),
        "palette png": (picture.quantize(8), {"transparency": 2}),
        "deep png": (Image.fromarray(colours[..., 0].astype(np.uint16) * 257), {}),
        "apng": (picture, {"save_all": True, "append_images": [picture.rotate(90)]}),
        "jpeg": (picture, {"icc_profile": SWAPPED, "exif": exif}),
        "cmyk jpeg": (picture.convert("CMYK"), {"progressive": True}),
        "gif": (picture, {"save_all": True, "append_images": [picture.rotate(90)]}),
        "webp": (picture, {"icc_profile": SWAPPED, "exif": exif}),
        "tiff": (picture, {"compression": "tiff_lzw", "icc_profile": SWAPPED}),
        "float tiff": (Image.fromarray(x.astype(np.float32)), {}),
        "bmp": (picture, {}),
        "ppm": (picture, {}),
        "tga": (picture, {"compression": "tga_rle"}),
        "ico": (picture, {"sizes": [picture.size]}),
    }
    for kind, (source, options) in kinds.items():
        buffer = io.BytesIO()
        name = kind.split()[-1].replace("apng", "png")
        source.save(buffer, name, **options)
        yield kind, buffer.getvalue()


SAMPLES = dict(samples())


class TestDamage:
    @pytest.mark.parametrize("kind", SAMPLES)
    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(data=st.data())
    def test_never_escapes_as_anything_but_an_input_error(self, tmp_path_factory, kind, data):
        damaged = bytearray(SAMPLES[kind])
        places = st.integers(0, len(damaged) - 1) | st.integers(0, min(80, len(damaged) - 1))
        edits = data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6))
        for place, value in edits:
            damaged[place] = value
        length = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)))
        file = tmp_path_factory.getbasetemp() / "damaged"
        file.write_bytes(damaged[:length])
        with mock.patch.object(limits, "LARGEST_PICTURE", 50_000):  # keeps forged sizes cheap
            try:
                assert np.isfinite(load_image(file).pixels).all()
            except InputError as error:
                message = str(error)
            else:
                return
        assert message.isprintable()
        assert file.name in message

    @pytest.mark.parametrize("kind", SAMPLES)
    def test_whole_samples_load(self, tmp_path, kind):
        (tmp_path / "a").write_bytes(SAMPLES[kind])
        assert levels(tmp_path / "a").size == 360


class TestBytes:
    def test_clip_then_round(self):
        pixels = np.array([-np.inf, -1, 0, 0.4 / 255, 0.6 / 255, 0.5, 1, 1.01, 9, np.inf, np.nan])
        for dtype in (np.float32, np.float64):
            shown = to_uint8(pixels.astype(dtype))
            assert shown.dtype == np.uint8
            assert shown.tolist() == [0, 0, 0, 0, 1, 128, 255, 255, 255, 255, 0]

    def test_integers(self):
        levels = np.arange(65_536, dtype=np.uint16)
        np.testing.assert_array_equal(to_uint8(levels), np.rint(levels / 257))
        levels = np.arange(256, dtype=np.uint8)
        np.testing.assert_array_equal(to_uint8(levels), levels)

    def test_leaves_its_argument_alone(self, small_picture):
        before = small_picture * 2 - 0.5
        copy = before.copy()
        to_uint8(before)
        psnr(before, small_picture)
        np.testing.assert_array_equal(before, copy)


class TestPsnr:
    def test_known_values(self):
        target = np.full((300, 2000, 3), 0.5, np.float32)
        assert psnr(target + np.float32(0.1), target) == pytest.approx(20, abs=1e-4)
        assert psnr(target, target) == float("inf")
        one_off = target.copy()
        one_off[-1, -1, -1] = 1
        assert psnr(one_off, target) == pytest.approx(10 * np.log10(4 * target.size), abs=1e-4)

    def test_integers_stand_for_their_floats(self, rng):
        for dtype, white in ((np.uint8, 255), (np.uint16, 65_535)):
            picture, target = rng.integers(0, white, (2, 5, 4, 3), dtype=dtype)
            expected = psnr(picture / np.float32(white), target / np.float32(white))
            assert psnr(picture, target) == pytest.approx(expected, abs=1e-6)

    def test_clips_the_picture_only(self, small_picture):
        outside = np.where(small_picture > 0.5, 7, -3).astype(np.float32)
        assert psnr(outside, small_picture) == psnr(outside.clip(0, 1), small_picture)

    def test_shapes(self, small_picture):
        with pytest.raises(ValueError, match="shapes"):
            psnr(small_picture, small_picture[:1])


class TestSaving:
    @pytest.mark.parametrize("suffix", [".png", ".BMP", ".tif", ".tiff", ".webp"])
    @pytest.mark.parametrize("kind", ["float", "uint8", "pillow"])
    def test_lossless_round_trip(self, tmp_path, rng, suffix, kind):
        stored = rng.integers(0, 256, (9, 14, 3), dtype=np.uint8)
        given_as = {
            "float": stored / np.float32(255),
            "uint8": stored,
            "pillow": Image.fromarray(stored),
        }
        save_image(tmp_path / f"a{suffix}", given_as[kind])
        assert np.array_equal(to_uint8(load_image(tmp_path / f"a{suffix}").pixels), stored)
        assert [file.name for file in tmp_path.iterdir()] == [f"a{suffix}"]

    @pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".gif"])
    def test_lossy_round_trip(self, tmp_path, small_picture, suffix):
        picture = small_picture.repeat(8, 0).repeat(8, 1)
        save_image(tmp_path / f"a{suffix}", picture)
        assert psnr(load_image(tmp_path / f"a{suffix}").pixels, picture) > 26

    def test_jpeg_keeps_its_colours_sharp(self, tmp_path, small_picture):
        save_image(tmp_path / "a.jpg", small_picture)
        with Image.open(tmp_path / "a.jpg") as written:
            assert JpegImagePlugin.get_sampling(written) == 0

    def test_other_modes_become_rgb(self, tmp_path):
        for number, mode in enumerate(("P", "CMYK", "F", "1", "LA")):
            save_image(tmp_path / f"{number}.jpg", Image.new(mode, (4, 3)))
            with Image.open(tmp_path / f"{number}.jpg") as written:
                assert (written.mode, written.size) == ("RGB", (4, 3))

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
    def test_failure_keeps_the_old_file(self, tmp_path, monkeypatch, small_picture, error):
        file = tmp_path / "a.png"
        save_image(file, small_picture)
        before = file.read_bytes()

        def fail(_picture, target, *_args, **_options):
            target.write(b"half a pic")
            raise error

        monkeypatch.setattr(Image.Image, "save", fail)
        with pytest.raises(FitImageError if isinstance(error, OSError) else MemoryError):
            save_image(file, small_picture * 0)
        assert file.read_bytes() == before
        assert list(tmp_path.iterdir()) == [file]

    def test_absent_folder(self, tmp_path, small_picture):
        with pytest.raises(FitImageError, match="No such file"):
            save_image(tmp_path / "absent" / "a.png", small_picture)

    @pytest.mark.parametrize("name", ["a.xyz", "a", "png", "a.png.txt", ".png"])
    def test_suffixes(self, tmp_path, small_picture, name):
        for attempt in (
            lambda: check_image_suffix(name),
            lambda: save_image(tmp_path / name, small_picture),
        ):
            with pytest.raises(InputError) as caught:
                attempt()
            assert ".png" in only_line(caught)
            assert name in only_line(caught)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("suffix", "side"), [(".jpg", 65_500), (".webp", 16_383), (".gif", 65_535)]
    )
    def test_limits_of_formats_are_those_of_their_writers(self, tmp_path, suffix, side):
        file = tmp_path / f"a{suffix}"
        save_image(file, np.zeros((1, side, 3), np.uint8))
        assert load_image(file).original_size == (side, 1)
        for width, height in ((side + 1, 1), (1, side + 1)):
            with pytest.raises(InputError, match=rf"at most {side} .* {width} x {height}"):
                check_image_target(file, width, height)
        check_image_target(tmp_path / "a.png", side + 1, 1)

    @pytest.mark.parametrize("size", [(0, 5), (5, -1), (40_000, 40_000)])
    def test_impossible_sizes(self, size):
        for attempt in (lambda: Canvas(*size), lambda: check_image_target("a.png", *size)):
            with pytest.raises(InputError, match=f"{size[0]} x {size[1]}"):
                attempt()


class TestCanvas:
    def test_bands_make_the_picture(self, tmp_path, small_picture):
        canvas = Canvas(24, 16)
        for top in (8, 0):
            canvas.paste(top, to_uint8(small_picture[top : top + 8]))
        save_image(tmp_path / "bands.png", canvas.image)
        save_image(tmp_path / "whole.png", small_picture)
        assert file_sha256(tmp_path / "bands.png") == file_sha256(tmp_path / "whole.png")

    def test_floats_are_rounded(self, small_picture):
        canvas = Canvas(24, 16)
        canvas.paste(0, small_picture)
        assert np.array_equal(np.asarray(canvas.image), to_uint8(small_picture))

    @pytest.mark.parametrize(
        ("top", "shape"),
        [(0, (2, 5, 3)), (0, (2, 4)), (0, (2, 4, 4)), (-1, (2, 4, 3)), (9, (2, 4, 3))],
    )
    def test_bands_must_fit(self, top, shape):
        with pytest.raises(ValueError, match="does not fit"):
            Canvas(4, 10).paste(top, np.zeros(shape, np.uint8))

    def test_no_memory(self, monkeypatch):
        monkeypatch.setattr(Image, "new", mock.Mock(side_effect=MemoryError))
        with pytest.raises(InputError, match="30000 x 20000"):
            Canvas(30_000, 20_000)


class TestFileSha256:
    def test_digest(self, tmp_path):
        (tmp_path / "a").write_bytes(b"abc" * 99_999)
        assert file_sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 99_999).hexdigest()

    def test_unreadable(self, tmp_path):
        for path in (tmp_path, tmp_path / "absent"):
            with pytest.raises(InputError) as caught:
                file_sha256(path)
            assert path.name in only_line(caught)


MEASURE = """
import sys
from fit_image.images.io import Canvas, load_image, save_image

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024

load_image(sys.argv[1])
before = peak()
if sys.argv[2] != "save":
    load_image(sys.argv[3], channels=sys.argv[2])
else:
    save_image(sys.argv[3], Canvas(4000, 3000).image)
print((peak() - before) / 12e6)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure")
@pytest.mark.parametrize(("job", "most"), [("rgb", 14), ("grey", 14), ("rgba", 14), ("save", 6)])
def test_memory_per_pixel(tmp_path, job, most):
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    Image.new("RGBA", (9, 9)).save(small)
    if job != "save":
        Image.new("RGBA", (4000, 3000), (1, 2, 3, 4)).save(large, compress_level=1)
    command = [sys.executable, "-c", MEASURE, str(small), job, str(large)]
    environment = {**os.environ, "PYTHONPATH": str(Path(image_io.__file__).parents[2])}
    measured = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert float(measured.stdout) < most


class TestRealPictures:
    def test_photographs(self, data):
        files = sorted((data / "kodak").glob("*.png"))
        if not files:
            pytest.skip("no Kodak pictures")
        for file in itertools.islice(files, 2):
            with Image.open(file) as stored:
                expected = np.asarray(stored.convert("RGB"))
            loaded = load_image(file)
            assert np.array_equal(to_uint8(loaded.pixels), expected)
            assert loaded.original_size == expected.shape[1::-1]

    def test_portrait(self, data, tmp_path):
        file = data / "monalisa.jpg"
        if not file.exists():
            pytest.skip("no portrait")
        whole, small = load_image(file), load_image(file, max_pixels=5000)
        assert small.scaled
        np.testing.assert_allclose(small.pixels.mean((0, 1)), whole.pixels.mean((0, 1)), atol=0.01)
        save_image(tmp_path / "a.jpg", whole.pixels)
        assert psnr(load_image(tmp_path / "a.jpg").pixels, whole.pixels) > 38
