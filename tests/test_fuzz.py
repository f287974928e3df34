"""Damaged and forged files never lead to more than an error of one line."""

from __future__ import annotations

import pytest

from readers import READERS

VARIANTS = 120
"""Of each reader; scripts/fuzz.py reads more."""


@pytest.mark.parametrize("name", READERS)
def test_whatever_is_in_a_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader = READERS[name](tmp_path)
    accepted = 0
    for number in range(VARIANTS):
        try:
            accepted += reader.attempt(number)
            assert accepted == number + 1 or number >= len(reader.seeds)
        except Exception as error:
            raise AssertionError(f"variant {number} of {name}: {error!r}") from error
    assert len(reader.seeds) < accepted
