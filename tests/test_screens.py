"""``scripts/draw_screens.py``: pictures of screens to learn from."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def screens(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script = importlib.import_module("draw_screens")
    for name, value in {"BATCH": 2, "LEAST": (320, 240), "MOST": (400, 300)}.items():
        monkeypatch.setattr(script, name, value)
    return script


def test_parts_have_no_words_in_common(screens):
    words = json.loads((screens.PAGE / "words.json").read_text(encoding="utf-8"))
    train, test = (set(" ".join(words[part]["foreign"]).split()) for part in ("train", "test"))
    assert not train & test
    for kind in words["train"].keys() - {"foreign"}:
        assert not set(words["train"][kind].split()) & set(words["test"][kind].split())


def test_displays_of_all_kinds(screens):
    displays = {screens.make_display(Random(seed)) for seed in range(200)}
    assert {display.edges for display in displays} == {"grey", "rgb", "bgr", "hard"}
    assert {display.scale for display in displays} == {1, 1.25, 1.5, 2}
    for display in displays:
        settings = display.fontconfig()
        assert ("<const>none<" in settings) != display.has_stripes()
        assert (">false<" in settings) == (display.hinting == "none" or display.edges == "hard")


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_a_number_is_a_screen(screens):
    first = dict(screens.draw("train", 7, range(3), None))
    assert sorted(first) == [0, 1, 2]
    again = dict(screens.draw("train", 7, range(2, 3), None))
    assert sorted(again) == [2]
    assert (np.asarray(again[2]) == np.asarray(first[2])).all()
    for picture in first.values():
        assert all(
            abs(side - most) <= 90 for side, most in zip(picture.size, (360, 270), strict=True)
        )
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 4
