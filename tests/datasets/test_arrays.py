from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fit_image.datasets.arrays import load_picture_data
from fit_image.datasets.cifar import read_cifar
from fit_image.errors import InputError


@pytest.fixture
def grey(rng):
    return rng.integers(0, 256, (5, 6, 8), dtype=np.uint8)


@pytest.fixture
def coloured(rng):
    return rng.integers(0, 256, (5, 6, 8, 3), dtype=np.uint8)


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(header + array.tobytes())


def write_cifar(path, pictures, labels):
    planes = pictures.transpose(0, 3, 1, 2).reshape(len(pictures), -1)
    path.write_bytes(np.concatenate([labels[:, None], planes], axis=1).astype(np.uint8).tobytes())


def test_npz(tmp_path, grey, coloured):
    np.savez(tmp_path / "a.npz", images=grey, labels=np.arange(5), other=np.zeros(3))
    data = load_picture_data(tmp_path / "a.npz")
    np.testing.assert_array_equal(data.pictures, grey[..., None])
    np.testing.assert_array_equal(data.labels, np.arange(5))
    assert (data.size, data.channels, len(data)) == ((8, 6), "grey", 5)
    np.savez_compressed(tmp_path / "b.npz", images=coloured)
    data = load_picture_data(tmp_path / "b.npz")
    np.testing.assert_array_equal(data.pictures, coloured)
    assert data.labels is None
    assert data.channels == "rgb"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros((2, 3, 3), np.uint8), "b": np.ones(3)}, "no array 'images'.*but 'a', 'b'"),
        ({"images": np.zeros((2, 3, 3), complex)}, "type complex128"),
        ({"x_train": np.full((2, 3, 3), -0.5)}, "values from -0.5 to -0.5; give 0 to 255"),
        ({"x_train": np.full((2, 3, 3), 16.0)}, "values from 16 to 16; give 0 to 255"),
        ({"x_train": np.full((2, 3, 3), 1)}, "values from 1 to 1; give 0 to 255"),
        ({"x_train": np.full((2, 3, 3), np.nan)}, "values from nan"),
        ({"x_train": np.full((2, 3, 3), 4095, np.uint16)}, "values from 4095"),
        ({"images": np.zeros((2, 3), np.uint8)}, r"shape \(2, 3\)"),
        ({"images": np.zeros((2, 3, 3, 4), np.uint8)}, "1 or 3 channels"),
        ({"images": np.zeros((0, 3, 3), np.uint8)}, "no pictures"),
        ({"images": np.zeros((2, 3, 3), np.uint8), "labels": np.zeros(3, int)}, "'labels'"),
        ({"images": np.zeros((2, 3, 3), np.uint8), "labels": np.eye(2)}, r"shape \(2, 2\)"),
        ({"images": np.array([None])}, "damaged"),
    ],
)
def test_bad_npz(arrays, message, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_picture_data(tmp_path / "a.npz")


def test_damaged_npz(tmp_path, grey):
    np.savez(tmp_path / "a.npz", images=grey)
    whole = (tmp_path / "a.npz").read_bytes()
    for damaged in (whole[:-40], whole[:100], b"", whole[:150] + b"x" * 9 + whole[159:]):
        (tmp_path / "a.npz").write_bytes(damaged)
        with pytest.raises(InputError, match=r"a\.npz"):
            load_picture_data(tmp_path / "a.npz")


def test_cifar(tmp_path, rng):
    pictures = rng.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    labels = np.array([3, 0, 9, 3])
    write_cifar(tmp_path / "data_1.bin", pictures[:3], labels[:3])
    write_cifar(tmp_path / "data_2.bin", pictures[3:], labels[3:])
    write_cifar(tmp_path / "test_batch.bin", pictures[:1], labels[:1])
    found, numbers = read_cifar(tmp_path / "data_1.bin")
    np.testing.assert_array_equal(found, pictures[:3])
    np.testing.assert_array_equal(numbers, labels[:3])
    data = load_picture_data(tmp_path)  # without what is for testing
    np.testing.assert_array_equal(data.pictures, pictures)
    np.testing.assert_array_equal(data.labels, labels)
    assert len(load_picture_data(tmp_path / "test_batch.bin")) == 1
    for name in ("data_1.bin", "data_2.bin"):
        (tmp_path / name).unlink()
    assert len(load_picture_data(tmp_path)) == 1


def test_bad_cifar(tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(3072))
    with pytest.raises(InputError, match=r"records of 3,073"):
        read_cifar(tmp_path / "a.bin")
    (tmp_path / "a.bin").write_bytes(b"")
    with pytest.raises(InputError, match="has 0 bytes"):
        read_cifar(tmp_path / "a.bin")
    with pytest.raises(InputError, match="cannot read"):
        read_cifar(tmp_path / "none.bin")


def test_idx(tmp_path, grey):
    write_idx(tmp_path / "train-images-idx3-ubyte", grey)
    data = load_picture_data(tmp_path / "train-images-idx3-ubyte")
    np.testing.assert_array_equal(data.pictures, grey[..., None])
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array([7, 3, 3, 7, 3], np.uint8))
    data = load_picture_data(tmp_path)
    np.testing.assert_array_equal(data.pictures, grey[..., None])
    np.testing.assert_array_equal(data.labels, [7, 3, 3, 7, 3])
    with pytest.raises(InputError, match="1 dimensions"):
        load_picture_data(tmp_path / "train-labels-idx1-ubyte")


def test_a_folder_of_pictures(tmp_path, coloured):
    for index, picture in enumerate(coloured):
        Image.fromarray(picture).save(tmp_path / f"{index}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    data = load_picture_data(tmp_path, size=(8, 6))
    np.testing.assert_array_equal(data.pictures, coloured)
    assert (len(data.skipped), data.fitted, data.labels) == (1, 0, None)
    data = load_picture_data(tmp_path)
    assert (data.size, data.fitted) == ((64, 64), 5)
    assert load_picture_data(tmp_path, channels="grey").channels == "grey"


def test_folders_are_classes(tmp_path, grey):
    for index, picture in enumerate(grey):
        folder = tmp_path / ("dog" if index > 2 else "cat")
        folder.mkdir(exist_ok=True)
        Image.fromarray(picture).save(folder / f"{index}.png")
    (tmp_path / "cat" / "a.txt").write_text("no picture")
    (tmp_path / "readme.txt").write_text("no picture")
    data = load_picture_data(tmp_path, size=(8, 6))
    np.testing.assert_array_equal(data.pictures, grey[..., None])
    np.testing.assert_array_equal(data.labels, [0, 0, 0, 1, 1])
    assert (data.names, len(data.skipped), data.channels) == (("cat", "dog"), 2, "grey")


def test_empty_folders(tmp_path):
    with pytest.raises(InputError, match="holds nothing"):
        load_picture_data(tmp_path)
    (tmp_path / "a.txt").write_text("no picture")
    with pytest.raises(InputError, match="holds no pictures, but 1 file"):
        load_picture_data(tmp_path)
    (tmp_path / "inner").mkdir()
    with pytest.raises(InputError, match="hold no pictures"):
        load_picture_data(tmp_path)
    with pytest.raises(InputError, match="cannot read"):
        load_picture_data(tmp_path / "none")


def test_sizes_are_covered(tmp_path):
    """A wide picture loses its left and right, and nothing is distorted."""
    picture = np.zeros((10, 30, 3), np.uint8)
    picture[:, :10] = (255, 0, 0)
    picture[:, 10:20] = (0, 255, 0)
    np.savez(tmp_path / "a.npz", images=picture[None])
    data = load_picture_data(tmp_path / "a.npz", size=(5, 5))
    assert data.fitted == 1
    np.testing.assert_allclose(data.pictures[0, :, 2], [[0, 255, 0]] * 5, atol=3)
    assert (data.pictures[0, ..., 0] < 60).all()


def test_grey_is_that_of_pillow(tmp_path, coloured):
    np.savez(tmp_path / "a.npz", images=coloured)
    data = load_picture_data(tmp_path / "a.npz", channels="grey")
    expected = [np.asarray(Image.fromarray(each).convert("L")) for each in coloured]
    np.testing.assert_array_equal(data.pictures[..., 0], expected)
    with pytest.raises(InputError, match="channels must be"):
        load_picture_data(tmp_path / "a.npz", channels="rgba")


def test_grey_in_three_channels_is_grey(tmp_path, grey):
    np.savez(tmp_path / "a.npz", images=grey[..., None].repeat(3, axis=3))
    data = load_picture_data(tmp_path / "a.npz")
    np.testing.assert_array_equal(data.pictures, grey[..., None])
    colours = load_picture_data(tmp_path / "a.npz", channels="rgb").pictures
    np.testing.assert_array_equal(colours, grey[..., None].repeat(3, axis=3))
    stream = io.BytesIO()
    np.savez(stream, images=grey)
    (tmp_path / "b.npz").write_bytes(stream.getvalue())
    assert load_picture_data(tmp_path / "b.npz", channels="rgb").channels == "rgb"


def test_too_many_for_memory(tmp_path, grey):
    np.savez(tmp_path / "a.npz", images=grey)
    with pytest.raises(InputError, match="choose a smaller size"):
        load_picture_data(tmp_path / "a.npz", size=(100_000, 100_000))
