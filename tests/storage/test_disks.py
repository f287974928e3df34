"""Locks and writing on disks that can do less, or fail."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fit_image.errors import FitImageError, FitImageWarning, InputError, warn_once
from fit_image.images.io import save_image
from fit_image.storage import atomic
from fit_image.storage.locking import lock_folder

HOLDER = """
import sys
from pathlib import Path
from fit_image.storage.locking import lock_folder
with lock_folder(Path("folder")):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    warn_once.cache_clear()
    yield
    warn_once.cache_clear()


def failing(number, calls=None):
    def fail(*args, **options):
        if calls is not None:
            calls.append(args)
        raise OSError(number, os.strerror(number))

    return fail


def test_a_killed_process_leaves_no_lock_behind():
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(InputError, match="another fit-image is writing to folder: wait"):
        lock_folder(Path("folder")).__enter__()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with lock_folder(Path("folder")):
        pass


def test_a_lock_is_given_back_and_can_be_taken_again():
    for _ in range(2):
        with lock_folder(Path("folder")), pytest.raises(InputError, match="another fit-image"):
            lock_folder(Path("folder"), patience=0.01).__enter__()
    assert Path("folder/.lock").read_bytes() == b""


@pytest.mark.parametrize("name", ["ENOLCK", "ENOSYS", "EOPNOTSUPP", "ENOTSUP"])
def test_a_disk_without_locks_serves_with_a_word(monkeypatch, name):
    monkeypatch.setattr("fcntl.flock", failing(getattr(errno, name)))
    with pytest.warns(FitImageWarning, match="the disk of folder has no locks"):
        lock_folder(Path("folder")).__enter__()
    with lock_folder(Path("folder")):  # without another word
        Path("folder/result").write_text("written")


@pytest.mark.parametrize("name", ["EIO", "EBADF", "EPERM"])
def test_a_lock_that_fails_is_an_error_in_one_line(monkeypatch, name):
    number = getattr(errno, name)
    monkeypatch.setattr("fcntl.flock", failing(number))
    with pytest.raises(FitImageError) as caught:
        lock_folder(Path("folder")).__enter__()
    assert str(caught.value) == f"cannot use the folder folder: {os.strerror(number)}"


@pytest.mark.parametrize("target", ["precious", "missing"])
def test_a_link_is_not_followed(target):
    Path("precious").write_text("precious")
    Path("folder").mkdir()
    Path("folder/.lock").symlink_to(Path(target).absolute())
    with pytest.raises(InputError, match=r"folder/\.lock is a link: remove it"):
        lock_folder(Path("folder")).__enter__()
    assert Path("precious").read_text() == "precious"
    assert not Path("missing").exists()


def test_a_link_that_appears_in_the_last_moment_is_not_followed(monkeypatch):
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)
    Path("folder").mkdir()
    Path("folder/.lock").symlink_to(Path("missing").absolute())
    with pytest.raises(FitImageError, match="cannot use the folder folder"):
        lock_folder(Path("folder")).__enter__()
    assert not Path("missing").exists()


def test_a_file_in_place_of_the_lock_keeps_its_contents():
    Path("folder").mkdir()
    Path("precious").write_text("precious")
    Path("folder/.lock").hardlink_to("precious")
    with lock_folder(Path("folder")):
        pass
    assert Path("precious").read_text() == "precious"


@pytest.mark.parametrize("name", ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"])
def test_a_disk_that_cannot_confirm_serves_with_a_word(monkeypatch, name):
    calls = []
    monkeypatch.setattr("os.fsync", failing(getattr(errno, name), calls))
    with pytest.warns(FitImageWarning, match="does not confirm"):
        atomic.write_bytes("one", b"1")
    atomic.write_bytes("two", b"2")  # without another word
    atomic.flush_to_disk(Path("one"))
    assert len(calls) == 3
    assert Path("two").read_bytes() == b"2"


@pytest.mark.parametrize("name", ["EIO", "ENOSPC", "EDQUOT"])
def test_a_disk_that_fails_ends_the_work_in_one_line(monkeypatch, name):
    number = getattr(errno, name)
    Path("one").write_bytes(b"before")
    monkeypatch.setattr("os.fsync", failing(number))
    for call in (
        lambda: atomic.write_bytes("one", b"1"),
        lambda: atomic.flush_to_disk(Path("one")),
    ):
        with pytest.raises(FitImageError) as caught:
            call()
        assert str(caught.value) == f"cannot write one: {os.strerror(number)}"
    assert Path("one").read_bytes() == b"before"
    assert [*Path().iterdir()] == [Path("one")]


@contextlib.contextmanager
def files_of_at_most(size):
    """A disk that is full after so many bytes of a file: the write that meets its end is short."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".tif", ".bmp"])
def test_a_picture_that_does_not_fit_on_the_disk_is_not_written(suffix, capfd):
    name = f"picture{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (90, 80, 3), dtype=np.uint8)
    Path(name).write_bytes(b"before")
    with files_of_at_most(4000), pytest.raises(FitImageError) as caught:
        save_image(name, noise)
    assert str(caught.value) == f"cannot write {name}: {os.strerror(errno.EFBIG)}"
    assert Path(name).read_bytes() == b"before"
    assert [*Path().iterdir()] == [Path(name)]
    assert capfd.readouterr() == ("", "")
    save_image(name, noise)
    with Image.open(name) as picture:
        assert picture.size == (80, 90)
