from __future__ import annotations

import gzip
import os
from unittest import mock

import numpy as np
import pytest
from PIL import Image
from test_idx import idx_bytes

from fit_image.datasets.folder import folder_contents, load_pictures, natural_order
from fit_image.datasets.labelled import load_labelled
from fit_image.errors import InputError
from fit_image.images.colours import to_uint8
from fit_image.images.io import load_image, save_image

PICTURES = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
LABELS = np.array([5, 0, 4, 5, 9, 0], np.uint8)
IMAGES_NAME, LABELS_NAME = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def write_idx(folder, pictures=PICTURES, labels=LABELS, names=(IMAGES_NAME, LABELS_NAME)):
    folder.mkdir(exist_ok=True)
    for name, array in zip(names, (pictures, labels), strict=True):
        content = idx_bytes(array)
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


def write_classes(folder, **pictures):
    """One folder a class, its pictures 0.png, 1.png, ... or as named."""
    for name, content in pictures.items():
        (folder / name).mkdir(parents=True)
        named = (
            content
            if isinstance(content, dict)
            else {f"{number}.png": picture for number, picture in enumerate(content)}
        )
        for file, picture in named.items():
            save_image(folder / name / file, picture)
    return folder


def flat(level, height=4, width=5):
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture
def animals(tmp_path):
    return write_classes(tmp_path / "animals", cat=[flat(10), flat(20)], dog=[flat(30)])


def refused(path, *words, **options):
    with pytest.raises(InputError) as caught:
        load_labelled(path, **options)
    message = str(caught.value)
    assert message.isprintable()
    for word in words:
        assert word in message
    return message


class TestIdx:
    @pytest.mark.parametrize(
        "names",
        [
            (IMAGES_NAME, LABELS_NAME),
            (f"{IMAGES_NAME}.gz", f"{LABELS_NAME}.gz"),
            (f"{IMAGES_NAME}.gz", LABELS_NAME),
            ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
            ("train-images-idx3-ubyte", "train-labels.idx1-ubyte.gz"),
            ("Train-Images.idx3", "train-labels.idx1"),
            ("images-idx3-ubyte", "labels-idx1-ubyte"),
            ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte"),
        ],
    )
    def test_pairs(self, tmp_path, names):
        labelled = load_labelled(write_idx(tmp_path, names=names))
        assert labelled.pictures.dtype == np.uint8
        assert np.array_equal(labelled.pictures, PICTURES[..., None])
        assert labelled.names == ("0", "4", "5", "9")
        assert labelled.labels.dtype == np.int64
        assert labelled.labels.tolist() == [2, 0, 1, 2, 3, 0]
        assert labelled.skipped == ()
        assert len(labelled) == 6

    def test_parts(self, tmp_path):
        write_idx(tmp_path)
        write_idx(
            tmp_path, 255 - PICTURES, LABELS, ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
        )
        assert np.array_equal(load_labelled(tmp_path).pictures[..., 0], PICTURES)
        other = load_labelled(tmp_path, part="t10k")
        assert np.array_equal(other.pictures[..., 0], 255 - PICTURES)

    def test_a_part_called_test(self, tmp_path):
        write_idx(tmp_path, names=("x-test-images-idx3-ubyte", "x-test-labels-idx1-ubyte"))
        assert len(load_labelled(tmp_path, part="t10k")) == 6

    def test_plain_goes_before_packed(self, tmp_path):
        write_idx(tmp_path, names=(f"{IMAGES_NAME}.gz", f"{LABELS_NAME}.gz"))
        write_idx(tmp_path, 255 - PICTURES, LABELS)
        assert load_labelled(tmp_path).pictures[0, 0, 0] == 255

    def test_colours(self, tmp_path):
        labelled = load_labelled(write_idx(tmp_path), channels="rgb")
        assert np.array_equal(labelled.pictures, np.stack([PICTURES] * 3, axis=3))

    def test_go_before_folders(self, animals):
        assert len(load_labelled(write_idx(animals))) == 6

    def test_the_wrong_part(self, tmp_path):
        refused(write_idx(tmp_path), IMAGES_NAME, "not t10k-images", part="t10k")
        names = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
        refused(write_idx(tmp_path / "b", names=names), names[0], "not train-images")

    @pytest.mark.parametrize(
        ("absent", "present", "kind"),
        [(LABELS_NAME, IMAGES_NAME, "labels"), (IMAGES_NAME, LABELS_NAME, "images")],
    )
    def test_half_a_pair(self, tmp_path, absent, present, kind):
        write_idx(tmp_path)
        (tmp_path / absent).rename(tmp_path / absent.replace("train", "t10k"))
        refused(tmp_path, tmp_path.name, f"has {present}", f"no file of {kind}")

    def test_two_sets(self, tmp_path):
        names = tuple(f"other-{name}" for name in (IMAGES_NAME, LABELS_NAME))
        refused(
            write_idx(write_idx(tmp_path), names=names), IMAGES_NAME, names[0], "only one data set"
        )

    def test_counts_differ(self, tmp_path):
        message = refused(write_idx(tmp_path, labels=LABELS[:-1]), IMAGES_NAME, LABELS_NAME)
        assert "6 pictures" in message
        assert "5 labels" in message

    def test_dimensions(self, tmp_path):
        refused(write_idx(tmp_path, labels=LABELS[:, None]), LABELS_NAME, "2 dimensions")
        refused(write_idx(tmp_path, pictures=PICTURES[0]), IMAGES_NAME, "2 dimensions")
        refused(write_idx(tmp_path, LABELS, PICTURES), LABELS_NAME, "3 dimensions")

    @pytest.mark.parametrize("name", [IMAGES_NAME, LABELS_NAME])
    def test_damage(self, tmp_path, name):
        with (write_idx(tmp_path) / name).open("ab") as file:
            file.write(b"more")
        refused(tmp_path, name, "longer than")

    def test_empty(self, tmp_path):
        refused(write_idx(tmp_path, PICTURES[:0], LABELS[:0]), IMAGES_NAME, "no pictures")
        refused(write_idx(tmp_path, PICTURES[:, :0]), "5 x 0 pixels")

    def test_classes(self, tmp_path):
        refused(write_idx(tmp_path, labels=LABELS * 0 + 7), "only one class, 7")
        many = np.arange(256, dtype=np.uint8)
        refused(write_idx(tmp_path, many.reshape(256, 1, 1), many), "256 classes", "255")
        assert len(load_labelled(write_idx(tmp_path, many[1:, None, None], many[1:])).names) == 255


class TestFolders:
    def test_classes_in_natural_order(self, tmp_path):
        levels = {"10": 100, "2": 20, "1": 10, "B": 220, "a": 210}
        write_classes(
            tmp_path,
            **{
                name: {"p10.png": flat(level + 2), "p9.png": flat(level + 1)}
                for name, level in levels.items()
            },
        )
        labelled = load_labelled(tmp_path)
        assert labelled.names == ("1", "2", "10", "a", "B")
        assert labelled.labels.dtype == np.int64
        assert labelled.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
        first = [11, 12, 21, 22, 101, 102, 211, 212, 221, 222]
        assert labelled.pictures[:, 0, 0, 0].tolist() == first
        assert labelled.pictures.shape == (10, 4, 5, 1)
        assert labelled.pictures.dtype == np.uint8

    @pytest.mark.parametrize("channels", ["grey", "rgb"])
    def test_any_format(self, tmp_path, small_picture, channels):
        """Pictures are read by `load_image`: transparency, 16 bits and orientation."""
        turned = Image.Exif()
        turned[0x0112] = 6
        clear = np.dstack([flat(0), np.zeros((4, 5, 1), np.uint8)])
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
        save_image(tmp_path / "a" / "clear.png", clear)
        deep = np.linspace(0, 65_535, 20).astype(np.uint16).reshape(4, 5)
        Image.fromarray(deep).save(tmp_path / "a" / "deep.png")
        Image.fromarray(flat(0, 5, 4) + np.arange(4, dtype=np.uint8)[:, None] * 50).save(
            tmp_path / "b" / "turned.jpg", exif=turned
        )
        labelled = load_labelled(tmp_path, channels=channels)
        assert labelled.skipped == ()
        files = ("a/clear.png", "a/deep.png", "b/turned.jpg")
        for file, picture in zip(files, labelled.pictures, strict=True):
            loaded = load_image(tmp_path / file, channels=channels)
            assert np.array_equal(picture, to_uint8(loaded.levels))
        assert (labelled.pictures[0] == 255).all()
        assert labelled.pictures[1, ..., 0].ravel().tolist() == np.rint(deep.ravel() / 257).tolist()

    def test_colours(self, tmp_path, rng):
        stored = rng.integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
        write_classes(tmp_path, a=stored[:1], b=stored[1:])
        assert np.array_equal(load_labelled(tmp_path, channels="rgb").pictures, stored)

    def test_what_is_hidden_is_ignored_and_what_is_no_picture_named(self, animals):
        before = load_labelled(animals)
        (animals / ".git").mkdir()
        (animals / "README.md").write_text("about")
        (animals / "cat" / ".DS_Store").write_bytes(b"x")
        (animals / "cat" / "album").mkdir()
        os.mkfifo(animals / "cat" / "pipe")
        (animals / "cat" / "0.txt").write_text("no picture")  # in the middle
        whole = (animals / "dog" / "0.png").read_bytes()
        (animals / "dog" / "00.png").write_bytes(whole[:-30])
        after = load_labelled(animals)
        assert (len(before.skipped), len(after.skipped)) == (0, 3)
        assert after.sha256 == before.sha256
        assert after.names == ("cat", "dog")
        assert after.labels.tolist() == [0, 0, 1]
        assert after.pictures[:, 0, 0, 0].tolist() == [10, 20, 30]

    def test_links_are_followed(self, animals):
        (animals / "dog").rename(animals.parent / "elsewhere")
        (animals / "dog").symlink_to(animals.parent / "elsewhere")
        assert load_labelled(animals).names == ("cat", "dog")

    def test_sizes_differ(self, animals):
        save_image(animals / "dog" / "1.png", flat(1, 7, 9))
        refused(animals, "dog/1.png is 9 x 7", "cat/0.png is 5 x 4")

    def test_a_class_without_pictures(self, animals):
        (animals / "eel").mkdir()
        refused(animals, "eel", "it is empty")
        for number in range(3):
            (animals / "eel" / f"{number}.txt").write_text("eel")
        refused(animals, "eel", "none of its 3 files")

    def test_no_pictures_at_all(self, tmp_path):
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        refused(tmp_path, "a holds no pictures")

    def test_one_class(self, tmp_path):
        refused(write_classes(tmp_path, cat=[flat(1)]), tmp_path.name, "only one class, cat")

    def test_too_many_classes_are_refused_before_they_are_read(self, tmp_path):
        for number in range(256):
            (tmp_path / f"{number}").mkdir()
        refused(tmp_path, "256 classes", "255")

    def test_a_level_too_high(self, animals):
        """As sets are handed on: train/cat/0.png, or MNIST/raw/train-images-idx3-ubyte."""
        expected = load_labelled(animals)
        assert load_labelled(animals.parent).sha256 == expected.sha256
        write_classes(animals.parent / "test", cat=[flat(1)], dog=[flat(2)])
        refused(animals.parent, "folders of folders, animals, test; give one of them, such as")
        animals.rename(animals.parent / "Train")
        (animals.parent / "readme.txt").write_text("about")
        assert load_labelled(animals.parent).sha256 == expected.sha256
        assert load_labelled(animals.parent, part="t10k").pictures[:, 0, 0, 0].tolist() == [1, 2]
        (animals.parent / "Train").rename(animals)
        write_idx(animals / "raw")
        refused(animals, "raw holds IDX files", "give that folder")

    def test_they_have_no_parts(self, animals):
        refused(animals, "no part t10k", part="t10k")

    def test_too_many_for_the_memory(self, animals):
        files = [animals / name for name in ("cat/0.png", "cat/1.png", "dog/0.png")]
        with pytest.raises(InputError, match=r"3 pictures like .*cat/0\.png, of 5 x 4 .* 59 bytes"):
            load_pictures(files, max_bytes=59)
        assert len(load_pictures(files, max_bytes=60)[0]) == 3
        empty = np.empty

        def full(shape, dtype):
            if shape == (3, 4, 5, 1):
                raise MemoryError
            return empty(shape, dtype)

        with mock.patch.object(np, "empty", full):
            refused(animals, "not enough memory for 3 pictures")


class TestFolder:
    def test_absent(self, tmp_path):
        refused(tmp_path / "absent\n", "absent\\n", "No such file")

    def test_a_file(self, picture):
        refused(picture, f"{picture} is a file", "give a folder", "zip or npz file")

    def test_empty(self, tmp_path):
        refused(tmp_path, tmp_path.name, "holds nothing")
        (tmp_path / ".hidden").mkdir()
        refused(tmp_path, "holds nothing")

    def test_other_files(self, picture):
        refused(picture.parent, "neither IDX files nor folders")

    def test_forbidden(self, animals):
        with mock.patch.object(os, "scandir", side_effect=PermissionError(13, "Permission denied")):
            refused(animals, "animals", "Permission denied")

    @pytest.mark.parametrize("options", [{"channels": "rgba"}, {"part": "Test"}])
    def test_options(self, animals, options):
        ((name, value),) = options.items()
        refused(animals, name, repr(value), **options)

    def test_natural_order(self):
        names = ["", "01", "1", "a", "a2", "a10", "a10b", "b", "B1", "b1", "x9y", "x10", "²"]
        backwards = names[::-1]
        assert sorted(backwards, key=natural_order) == names

    def test_contents(self, animals):
        (animals / "note").write_text("")
        folders, files = folder_contents(str(animals))
        assert folders == [animals / "cat", animals / "dog"]
        assert files == [animals / "note"]


class TestSha256:
    def test_is_that_of_the_contents(self, tmp_path):
        names = (f"{IMAGES_NAME}.gz", f"{LABELS_NAME}.gz")
        first = load_labelled(write_idx(tmp_path / "a"))
        same = load_labelled(write_idx(tmp_path / "b", names=names))
        assert same.sha256 == first.sha256
        assert len(bytes.fromhex(first.sha256)) == 32

    def test_tells_any_difference(self, tmp_path):
        brighter = PICTURES.copy()
        brighter[5, 3, 4] += 1
        sets = {
            "same": (PICTURES, LABELS),
            "brighter": (brighter, LABELS),
            "turned": (PICTURES.reshape(6, 5, 4), LABELS),
            "order": (PICTURES, LABELS[::-1]),
            "names": (PICTURES, LABELS + 1),
        }
        digests = [
            load_labelled(write_idx(tmp_path / name, *arrays)).sha256
            for name, arrays in sets.items()
        ]
        digests.append(load_labelled(tmp_path / "same", channels="rgb").sha256)
        assert len(set(digests)) == len(digests)


class TestMnist:
    @pytest.mark.parametrize(
        ("part", "count", "first", "histogram", "mean"),
        [
            (
                "train",
                60_000,
                [5, 0, 4, 1, 9],
                [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
                33.318,
            ),
            (
                "t10k",
                10_000,
                [7, 2, 1, 0, 4],
                [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
                33.791,
            ),
        ],
    )
    def test_known_figures(self, data, part, count, first, histogram, mean):
        if not (data / "mnist").is_dir():
            pytest.skip("no MNIST")
        mnist = load_labelled(data / "mnist", part=part)
        assert mnist.pictures.shape == (count, 28, 28, 1)
        assert mnist.names == tuple("0123456789")
        assert mnist.labels[:5].tolist() == first
        assert np.bincount(mnist.labels).tolist() == histogram
        assert mnist.pictures.mean() == pytest.approx(mean, abs=1e-3)
