"""Data sets in the forms people have them: arrays of other names and types, zip files, deeper."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from PIL import Image

from fit_image.datasets.arrays import load_picture_data
from fit_image.datasets.labelled import load_labelled
from fit_image.datasets.unpacking import unpacked
from fit_image.errors import InputError

PICTURES = np.random.default_rng(1).integers(0, 256, (6, 5, 5), dtype=np.uint8)
LABELS = np.array([7, 3, 7, 3, 3, 7])


def write_classes(folder, pictures=PICTURES, labels=LABELS):
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        (folder / f"{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{label}" / f"{index}.png")
    return folder


def pack(folder, path, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize(
    ("pictures", "labels"),
    [("x_train", "y_train"), ("X_train", "y_train"), ("train_images", "train_labels"), ("X", "y")],
)
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_names_of_arrays(tmp_path, pictures, labels, write):
    arrays = {pictures: PICTURES, labels: LABELS[:, None].astype(np.uint8), "z": np.zeros(2)}
    write(tmp_path / "a.npz", x_test=PICTURES[:2] // 2, y_test=LABELS[:2], **arrays)
    data = load_picture_data(tmp_path / "a.npz")
    np.testing.assert_array_equal(data.pictures[..., 0], PICTURES)
    np.testing.assert_array_equal(data.labels, LABELS)
    test = load_picture_data(tmp_path / "a.npz", part="t10k")
    np.testing.assert_array_equal(test.pictures[..., 0], PICTURES[:2] // 2)
    labelled = load_labelled(tmp_path / "a.npz", channels="rgb")
    assert labelled.names == ("3", "7")
    np.testing.assert_array_equal(labelled.labels, LABELS // 7)
    np.testing.assert_array_equal(labelled.pictures, PICTURES[..., None].repeat(3, axis=3))


COLOURED = np.random.default_rng(2).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
FORMS = {
    "flat": (PICTURES.reshape(6, 25), PICTURES[..., None]),
    "floats to 1": (PICTURES / 255, PICTURES[..., None]),
    "half floats to 255": (PICTURES.astype(np.float16), PICTURES[..., None]),
    "whole numbers": (PICTURES.astype(np.int64), PICTURES[..., None]),
    "big-endian": (PICTURES.astype(">i2"), PICTURES[..., None]),
    "bits": (PICTURES > 127, (PICTURES > 127)[..., None] * np.uint8(255)),
    "one channel last": (PICTURES[..., None], PICTURES[..., None]),
    "one channel first": (PICTURES[:, None], PICTURES[..., None]),
    "colours": (COLOURED, COLOURED),
    "colours first": (COLOURED.transpose(0, 3, 1, 2), COLOURED),
    "in Fortran's order": (np.asfortranarray(COLOURED), COLOURED),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_arrays(tmp_path, form):
    array, expected = FORMS[form]
    np.savez(tmp_path / "a.npz", faces=array)
    np.save(tmp_path / "a.npy", array)
    for name in ("a.npz", "a.npy"):
        data = load_picture_data(tmp_path / name)
        np.testing.assert_array_equal(data.pictures, expected)
        assert data.pictures.dtype == np.uint8
        assert data.labels is None
    with pytest.raises(InputError, match="has no classes: give an npz file"):
        load_labelled(tmp_path / "a.npy")


def test_damaged_npy(tmp_path):
    np.save(tmp_path / "a.npy", PICTURES)
    whole = (tmp_path / "a.npy").read_bytes()
    huge = whole.replace(b"(6, 5, 5), }", b"(60000000,)}")
    for content in (whole[:-1], whole[:30], huge, whole[:6], whole.replace(b"|u1", b"|O8")):
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(InputError, match=r"a\.npy"):
            load_picture_data(tmp_path / "a.npy")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_file_is_like_its_folder(tmp_path, compression):
    folder = write_classes(tmp_path / "set")
    (folder / "3" / "notes.txt").write_text("no picture")
    (folder / "__MACOSX" / "3").mkdir(parents=True)
    (folder / "__MACOSX" / "3" / "._1.png").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    packed = pack(folder, tmp_path / "set.zip", compression=compression)
    for each in (folder / "__MACOSX" / "3" / "._1.png",):
        each.unlink()
        each.parent.rmdir()
        each.parent.parent.rmdir()
    for load in (load_picture_data, load_labelled):
        one, other = load(packed), load(folder)
        np.testing.assert_array_equal(one.pictures, other.pictures)
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.names == other.names == ("3", "7")
        assert one.skipped == (packed / "3" / "notes.txt",)
    flat = pack(folder / "3", tmp_path / "flat.zip")
    assert len(load_picture_data(flat)) == 3
    assert len(load_picture_data(pack(tmp_path / "set", tmp_path / "again.zip"))) == 6


def test_what_is_wrong_with_a_zip_file_is_said(tmp_path):
    packed = pack(write_classes(tmp_path / "set"), tmp_path / "set.zip")
    whole = packed.read_bytes()
    packed.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"set\.zip is damaged .*give the folder"):
        load_picture_data(packed)
    encrypted = whole.replace(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0")
    assert encrypted != whole
    packed.write_bytes(encrypted)
    with pytest.raises(InputError, match="is encrypted"):
        load_labelled(packed)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme.txt", "no picture")
    with pytest.raises(InputError, match=r"set\.zip holds no pictures, but 1 file"):
        load_picture_data(packed)


def test_a_zip_file_writes_nothing_outside(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    write_classes(tmp_path / "set")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("../out.png", "/out.png", "a/../../../out2.png", "in/1.png"):
            archive.write(tmp_path / "set" / "3" / "1.png", name)
    assert len(load_picture_data(tmp_path / "a.zip")) > 0
    assert not list(tmp_path.glob("out*"))
    assert not list((tmp_path / "temporary").iterdir())


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    packed = pack(write_classes(tmp_path / "set"), tmp_path / "set.zip")
    limit = r"more than 1,000,000 files or 99 bytes"
    with pytest.raises(InputError, match=limit), unpacked(packed, max_bytes=99):
        pass


def test_folders_of_classes_may_lie_deeper(tmp_path):
    write_classes(tmp_path / "set" / "images" / "train")
    write_classes(tmp_path / "set" / "images" / "test", PICTURES[:2], LABELS[:2])
    for load in (load_picture_data, load_labelled):
        assert len(load(tmp_path / "set")) == 6
        assert len(load(tmp_path / "set", part="t10k")) == 2
    packed = pack(tmp_path / "set", tmp_path / "set.zip")
    assert load_labelled(packed).sha256 == load_labelled(tmp_path / "set").sha256
    (tmp_path / "set" / "images" / "train").rename(tmp_path / "set" / "images" / "first")
    for load in (load_picture_data, load_labelled):
        with pytest.raises(InputError, match=r"folders of folders, first, test; give one of them"):
            load(tmp_path / "set")


def test_other_packed_files_are_to_be_unpacked(tmp_path):
    for name in ("a.tar.gz", "a.tgz", "a.7z"):
        (tmp_path / name).write_bytes(b"\x1f\x8b123")
        with pytest.raises(InputError, match="is packed: unpack it"):
            load_picture_data(tmp_path / name)
