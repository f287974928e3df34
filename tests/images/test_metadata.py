"""Metadata of picture files, in every format."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from fit_image.images.metadata import Metadata, turn_upright

MAKER, ORIENTATION, DESCRIPTION = 0x010F, 0x0112, 0x010E
XMP = b'<rdf:Description xmp:Rating="5"/>'
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")
MISSING = {
    "WEBP": {"dpi", "comment"},
    "GIF": {"exif", "xmp", "icc_profile", "dpi"},
    "BMP": {"exif", "xmp", "icc_profile", "comment"},
}
"""Metadata that formats cannot hold."""


def camera(orientation=1, *, maker=True):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    if maker:
        exif[MAKER] = "Maker"
    return exif.tobytes()


KINDS = {
    "exif": camera(),
    "xmp": XMP,
    "icc_profile": PROFILE,
    "dpi": (300, 200),
    "comment": "Käse".encode(),
}


def saved(format_name, picture=None, **options):
    """Return a picture as Pillow reads it from a file of the format."""
    file = io.BytesIO()
    (picture or Image.new("RGB", (12, 8), "red")).save(file, format_name, **options)
    again = Image.open(io.BytesIO(file.getvalue()))
    again.load()
    return again


def written(format_name, metadata):
    return saved(format_name, **metadata.save_options(format_name))


def facts(picture):
    """Return the metadata that Pillow itself sees in a file, by kind."""
    info, tags = picture.info, picture.getexif()
    comment = info.get("comment", info.get("Comment", tags.get(DESCRIPTION)))
    if isinstance(comment, str):
        # Pillow takes the description of a TIFF for Latin-1.
        comment = comment.encode("latin-1" if picture.format == "TIFF" else "utf-8")
    dpi = info.get("dpi")
    return {
        "exif": tags.get(MAKER),
        "xmp": info.get("xmp"),
        "icc_profile": info.get("icc_profile"),
        "dpi": dpi and tuple(round(float(each)) for each in dpi),
        "comment": comment,
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMATS)
def test_each_format_keeps_what_it_can_hold(name, kind):
    metadata = Metadata.of(saved("JPEG", **{kind: KINDS[kind]}))
    seen = facts(written(name, metadata))[kind]
    if kind not in MISSING.get(name, ()):
        assert seen == ("Maker" if kind == "exif" else KINDS[kind])
        assert metadata.lost_in(name) == []
    elif kind in ("dpi", "comment"):
        assert not (seen and kind == "comment")
        assert metadata.lost_in(name) == []
    else:
        assert len(metadata.lost_in(name)) == 1


@pytest.mark.parametrize("source", ["PNG", "WEBP", "MPO"])
@pytest.mark.parametrize("name", FORMATS)
def test_all_at_once_from_any_format(source, name):
    options = Metadata.of(saved("JPEG", **KINDS)).save_options(
        source if source != "MPO" else "JPEG"
    )
    if source == "MPO":
        options |= {"save_all": True, "append_images": [Image.new("RGB", (12, 8))]}
    picture = saved(source, **options)
    assert picture.format == source
    out = facts(written(name, Metadata.of(picture)))
    missing = {*MISSING.get(name, ()), *MISSING.get(source, ())}
    expected = {**KINDS, "exif": "Maker"}
    for kind in KINDS.keys() - missing:
        assert out[kind] == expected[kind]


def test_texts_of_a_png_stay_in_a_png():
    texts = PngInfo()
    texts.add_text("Title", "a title")
    texts.add_text("Comment", "a comment")
    texts.add_itxt("Author", "Łukasz", "pl", "Autor")
    metadata = Metadata.of(saved("PNG", pnginfo=texts))
    again = written("PNG", metadata)
    expected = {"Title": "a title", "Comment": "a comment", "Author": "Łukasz"}
    assert {key: again.text[key] for key in again.text} == expected
    assert written("JPEG", metadata).info["comment"] == b"a comment"


def test_exif_data_in_the_text_of_a_png():
    exif = camera(6)
    texts = PngInfo()
    texts.add_text("Raw profile type exif", f"\nexif\n{len(exif)}\n{exif.hex()}", zip=True)
    metadata = Metadata.of(saved("PNG", pnginfo=texts))
    assert metadata.orientation == 6
    again = written("PNG", metadata.turned_upright())
    assert dict(again.getexif()) == {ORIENTATION: 1, MAKER: "Maker"}
    assert again.text == {}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_upright(orientation, rng):
    picture = Image.fromarray(rng.integers(0, 256, (3, 5, 3), dtype=np.uint8))
    picture = saved("PNG", picture, exif=camera(orientation), dpi=(300, 200))
    metadata = Metadata.of(picture)
    assert metadata.orientation == orientation
    turned = turn_upright(picture, orientation)
    assert turned.tobytes() == ImageOps.exif_transpose(picture).tobytes()
    upright = metadata.turned_upright()
    assert upright.dpi == pytest.approx((200, 300) if orientation > 4 else (300, 200), abs=0.1)
    assert upright.orientation == 1
    assert dict(written("PNG", upright).getexif()) == {ORIENTATION: 1, MAKER: "Maker"}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "value"), [(3, "HH"), (4, "I")])
def test_the_orientation_is_reset_whatever_its_form(order, kind, value):
    number = struct.pack(order + value, 6, *[0] * (len(value) - 1))
    entries = struct.pack(f"{order}HHII", MAKER, 3, 1, 7 if order == "<" else 7 << 16)
    entries += struct.pack(f"{order}HHI", ORIENTATION, kind, 1) + number
    magic = b"II*\0" if order == "<" else b"MM\0*"
    rest = b"maker's note at its own offset"
    exif = magic + struct.pack(f"{order}IH", 8, 2) + entries + bytes(4) + rest
    metadata = Metadata.of(saved("JPEG", exif=b"Exif\0\0" + exif))
    assert metadata.orientation == 6
    turned = metadata.turned_upright()
    assert turned.exif.endswith(rest)
    assert dict(written("JPEG", turned).getexif()) == {MAKER: 7, ORIENTATION: 1}


@pytest.mark.parametrize("form", [b' tiff:Orientation="6"/>', b"><tiff:Orientation>6</tiff"])
def test_the_orientation_in_xmp_data_alone(form):
    metadata = Metadata.of(saved("JPEG", xmp=b"<rdf:Description" + form))
    assert metadata.orientation == 6
    turned = Metadata.of(written("PNG", metadata.turned_upright()))
    assert turned.orientation == 1
    assert turned.xmp == b"<rdf:Description" + form.replace(b"6", b"1")


def test_exif_data_that_say_the_orientation_alone_are_gone_when_it_is_done():
    metadata = Metadata.of(saved("JPEG", exif=camera(6, maker=False)))
    assert metadata.lost_in("BMP") == ["EXIF data"]
    assert metadata.turned_upright().lost_in("BMP") == []


@pytest.mark.filterwarnings("ignore:.*EXIF data")  # of Pillow, when a test opens a file
@pytest.mark.parametrize(
    "exif", [b"junk", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff\x12\x01\x03"]
)
def test_damaged_exif_data_are_kept_as_they_are(exif):
    metadata = Metadata.of(saved("PNG", exif=exif))
    assert (metadata.exif, metadata.orientation) == (exif, 1)
    assert metadata.turned_upright().exif == exif
    assert written("JPEG", metadata).info["exif"] == b"Exif\0\0" + exif


def test_what_lays_out_other_pixels_is_not_written_into_a_tiff():
    exif = Image.Exif()
    exif[MAKER] = "Maker"
    # As some programs leave them in a JPEG: white is 0, planes, strips, predictor.
    exif[262], exif[284], exif[278], exif[317], exif[258] = 0, 2, 1, 2, (16, 16, 16)
    for mode in ("L", "RGB"):
        picture = Image.linear_gradient("L").resize((9, 7)).convert(mode)
        options = Metadata.of(saved("JPEG", picture, exif=exif)).save_options("TIFF")
        out = saved("TIFF", picture, **options)
        assert out.tobytes() == picture.tobytes()
        assert out.getexif()[MAKER] == "Maker"


@pytest.mark.parametrize("dpi", [(0, 0), (float("nan"), 72), (1e9, 1e9), "x", (72,)])
def test_a_resolution_that_cannot_be_is_none(dpi):
    picture = Image.new("RGB", (2, 2))
    picture.info["dpi"] = dpi
    assert Metadata.of(picture).dpi is None
