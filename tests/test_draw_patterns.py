"""``scripts/draw_patterns.py``: patterns that look like damage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import draw_patterns


@pytest.mark.parametrize("kind", draw_patterns.KINDS)
def test_every_number_of_a_kind_is_a_picture_with_a_pattern(kind):
    pictures = [draw_patterns.draw(kind, 5, number, 48, 40) for number in range(12)]
    for picture in pictures:
        assert picture.shape == (40, 48, 3)
        assert picture.dtype == np.uint8
        assert (picture != picture[:1, :1]).any()
    assert len({picture.tobytes() for picture in pictures}) > 1


@pytest.mark.parametrize("kind", [kind for kind in draw_patterns.KINDS if "chroma" in kind])
def test_patterns_of_chroma_have_one_luma(kind):
    picture = draw_patterns.draw(kind, 5, 0, 48, 40)
    luma = picture @ np.array([0.299, 0.587, 0.114])
    assert np.ptp(luma) <= 1
    assert np.ptp(picture[..., 2].astype(int)) > 20


def test_a_seed_gives_the_same_files(tmp_path):
    for name, seed in (("first", "3"), ("again", "3"), ("other", "4")):
        size = ["--width", "40", "--height", "24"]
        arguments = [str(tmp_path / name), "--seed", seed, "--each", "2", *size]
        result = CliRunner().invoke(draw_patterns.main, arguments)
        assert result.exit_code == 0, result.output
    first, again, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("first", "again", "other")
    )
    assert set(first) == {
        f"{kind}-{number}.png" for kind in draw_patterns.KINDS for number in (0, 1)
    }
    assert first == again
    assert first != other
    with Image.open(tmp_path / "first" / "chessboard-1.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (40, 24))
        assert (np.asarray(picture) == draw_patterns.draw("chessboard", 3, 1, 40, 24)).all()


def test_what_is_wrong_is_one_line(tmp_path):
    (tmp_path / "taken").touch()
    arguments = sys.executable, Path(draw_patterns.__file__), tmp_path / "taken" / "patterns"
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1
    assert "taken" in ended.stderr
