from __future__ import annotations

import gzip
import math
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fit_image.datasets.idx import read_idx
from fit_image.errors import InputError


def idx_bytes(array):
    """The file of an array, from the words of the format's page."""
    header = b"\0\0\x08" + bytes([array.ndim])
    return header + b"".join(struct.pack(">I", side) for side in array.shape) + array.tobytes()


def announce(*shape, kind=8):
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


WHOLE = idx_bytes(np.arange(60, dtype=np.uint8).reshape(5, 4, 3))


def refused(path, **options):
    with pytest.raises(InputError) as caught:
        read_idx(path, **options)
    message = str(caught.value)
    assert message.isprintable()
    assert path.name in message
    return message


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@settings(deadline=None, derandomize=True)
@given(array=arrays(np.uint8, array_shapes(max_dims=5, max_side=6, min_side=0)))
def test_round_trip(tmp_path_factory, pack, array):
    file = tmp_path_factory.getbasetemp() / "any name"
    file.write_bytes(pack(idx_bytes(array)))
    read = read_idx(file)
    assert read.dtype == np.uint8
    assert read.shape == array.shape
    assert np.array_equal(read, array)


@pytest.mark.parametrize("name", ["a.gz", "a", "a.png"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_content_decides_not_the_name(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(WHOLE))
    assert read_idx(str(tmp_path / name))[1, 2, 1] == 19


def test_several_pieces(tmp_path, rng):
    array = rng.integers(0, 256, (3, 700_001), dtype=np.uint8)  # more than one read
    for pack in (bytes, lambda content: gzip.compress(content, 0)):
        (tmp_path / "a").write_bytes(pack(idx_bytes(array)))
        assert np.array_equal(read_idx(tmp_path / "a"), array)


def test_black_pictures(tmp_path):
    """Nothing expands further."""
    content = idx_bytes(np.zeros((10, 1000, 1000), np.uint8))
    (tmp_path / "a").write_bytes(gzip.compress(content))
    assert (tmp_path / "a").stat().st_size * 1000 < len(content)
    assert not read_idx(tmp_path / "a").any()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\0", "truncated"),
        (b"\0\0\x08", "truncated"),
        (b"\0\0\x08\x03\0\0\0\x05\0\0", "truncated"),
        (b"label,pixel\n", "not an IDX file"),
        (b"\0label", "not an IDX file"),
        (announce(2, kind=0x0D) + bytes(8), "type 0x0d"),
        (announce(2, kind=0x09) + bytes(2), "type 0x09"),
        (announce() + b"a", "0 dimensions"),
        (announce(*[1] * 33) + b"a", "33 dimensions"),
        (WHOLE[:-1], "too short for the 5 x 4 x 3 bytes"),
        (announce(60_000, 28, 28), "too short for the 60,000 x 28 x 28 bytes"),
        (WHOLE + b"\0", "longer than the 5 x 4 x 3 bytes"),
        (announce(0, 28, 28) + b"a", "longer than"),
        (announce(*[2**32 - 1] * 4, 0), "damaged"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_what_is_wrong_is_said(tmp_path, pack, content, words):
    (tmp_path / "a").write_bytes(pack(content))
    assert words in refused(tmp_path / "a")


def test_damaged_gzip(tmp_path):
    packed = gzip.compress(WHOLE, mtime=0)
    wrong_sum = bytearray(packed)
    wrong_sum[-8] ^= 1
    for content, words in (
        (packed[:-9], "truncated"),
        (packed[:-1], "truncated"),  # all numbers, but no whole check sum
        (packed[:5], "truncated"),
        (wrong_sum, "damaged (CRC check failed"),
        (packed[:10] + b"\xff" * 40, "damaged"),
        (packed + b"more", "damaged"),
        (packed + packed, "longer than"),
    ):
        (tmp_path / "a.gz").write_bytes(content)
        assert words in refused(tmp_path / "a.gz")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    packed=st.booleans(),
    edits=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    length=st.integers(0, 200),
)
def test_damage_is_an_input_error_or_harmless(tmp_path_factory, packed, edits, length):
    content = bytearray(gzip.compress(WHOLE) if packed else WHOLE)
    for place, value in edits:
        content[place % len(content)] = value
    file = tmp_path_factory.getbasetemp() / "damaged"
    file.write_bytes(content[:length])
    try:
        assert read_idx(file).dtype == np.uint8
    except InputError as error:
        assert str(error).isprintable()
        assert file.name in str(error)


@pytest.mark.parametrize(
    "content",
    [
        announce(60_000, 28, 28) + bytes(1000),
        gzip.compress(announce(60_000, 28, 28) + bytes(1000)),
        gzip.compress(announce(1) + bytes(50_000_000)),
    ],
    ids=["plain", "gzip", "bomb"],
)
def test_forged_sizes_take_no_memory(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    tracemalloc.start()
    try:
        refused(tmp_path / "a")
        assert tracemalloc.get_traced_memory()[1] < 1 << 21
    finally:
        tracemalloc.stop()


def test_sets_have_a_largest_size(tmp_path):
    (tmp_path / "a").write_bytes(WHOLE)
    assert "more than 59" in refused(tmp_path / "a", max_bytes=59)
    assert read_idx(tmp_path / "a", max_bytes=60).size == 60


def test_no_memory(tmp_path, monkeypatch):
    def empty(*_args):
        raise MemoryError

    (tmp_path / "a").write_bytes(WHOLE)
    monkeypatch.setattr(np, "empty", empty)
    assert "not enough memory" in refused(tmp_path / "a")


def test_no_file(tmp_path):
    assert "No such file" in refused(tmp_path / "absent")
    assert "not a regular file" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refused(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("train-images-idx3-ubyte.gz", (60_000, 28, 28)),
        ("train-labels-idx1-ubyte.gz", (60_000,)),
        ("t10k-images-idx3-ubyte.gz", (10_000, 28, 28)),
        ("t10k-labels-idx1-ubyte.gz", (10_000,)),
    ],
)
def test_mnist(data, name, shape):
    file = data / "mnist" / name
    if not file.exists():
        pytest.skip("no MNIST")
    array = read_idx(file)
    assert array.shape == shape
    assert gzip.decompress(file.read_bytes())[-math.prod(shape) :] == array.tobytes()
