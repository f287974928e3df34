"""Parts of a picture that are restored one after the other, each with some of its neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from fit_image.apps.unjpeg.pixels.levels import Blocks, Picture
from fit_image.images.formats.jpeg_blocks import BLOCK

MARGIN = 32
"""Pixels beyond a part in which others have their neighbours; whole blocks of any sampling."""

_STRIP_PIXELS = 15 << 16
"""Of a picture that are restored at once, at most; but at least four times `MARGIN` rows."""


def restore_strips(
    picture: Picture,
    most: int,
    restore: Callable[[int, int], Picture],
    on_rows: Callable[[int, int], None],
) -> Picture:
    """Restore a picture by strips of at most so many rows.

    Parameters
    ----------
    restore : callable
        Given the first row and that behind the last one, returns these rows.
    on_rows : callable
        Called with the numbers of rows done and of all rows.
    """
    height, width, _ = picture.shape
    restored = np.empty_like(picture)
    step = max(min(_STRIP_PIXELS // width, most) // MARGIN, 4) * MARGIN
    for top in range(0, height, step):
        begin, bottom = max(top - MARGIN, 0), min(top + step, height)
        rows = restore(begin, min(bottom + MARGIN, height))
        restored[top:bottom] = rows[top - begin : bottom - begin]
        del rows  # before the next ones are restored
        on_rows(bottom, height)
    return restored


class Tile(NamedTuple):
    """Pixels that a network sees at once, and those of them that it changes: rows and columns."""

    seen: tuple[slice, slice]
    changed: tuple[slice, slice]

    @property
    def inside(self) -> tuple[slice, ...]:
        """Where what is changed lies in what is seen."""
        return tuple(
            slice(own.start - whole.start, own.stop - whole.start)
            for own, whole in zip(self.changed, self.seen, strict=True)
        )


def tiles_of(active: Blocks, width: int) -> list[Tile]:
    """Return tiles that cover the blocks that are active.

    Parameters
    ----------
    active : uint8 (rows, columns of blocks)
        0 where nothing is to be changed.
    width : int
        Columns of pixels that a tile changes: at most half as many more, because every tile costs
        a margin.
    """
    near, tiles = MARGIN // BLOCK, []
    for rows, columns in _regions(active, *(slice(0, side) for side in active.shape)):
        pixels = (columns.stop - columns.start) * BLOCK
        count = max(-(-(pixels - width // 2) // width), 1)
        edges = np.linspace(columns.start, columns.stop, count + 1).astype(int).tolist()
        for part in itertools.starmap(slice, itertools.pairwise(edges)):
            sides = zip((rows, part), active.shape, strict=True)
            seen = [slice(max(s.start - near, 0), min(s.stop + near, n)) for s, n in sides]
            tiles.append(Tile(_of_pixels(*seen), _of_pixels(rows, part)))
    return tiles


def _of_pixels(rows: slice, columns: slice) -> tuple[slice, slice]:
    first, second = (slice(BLOCK * s.start, BLOCK * s.stop) for s in (rows, columns))
    return first, second


def _regions(active: Blocks, rows: slice, columns: slice) -> Iterator[tuple[slice, slice]]:
    """Yield rectangles of blocks, between which nothing is active (recursive X-Y cut).

    Nagy and Seth, "Hierarchical representation of optically scanned documents", ICPR 1984: a
    rectangle is cut where a gap is so wide that both parts need not see all of it.
    """
    inside = active[rows, columns]
    row_runs = _runs(inside.max(axis=1), rows.start)
    column_runs = _runs(inside.max(axis=0), columns.start)
    if len(row_runs) * len(column_runs) == 1:
        yield row_runs[0], column_runs[0]
        return
    for row_run, column_run in itertools.product(row_runs, column_runs):
        yield from _regions(active, row_run, column_run)


def _runs(used: Blocks, start: int) -> list[slice]:
    """Return where something is used, from ``start`` on, in runs far from each other."""
    places = np.flatnonzero(used)
    gaps = np.flatnonzero(np.diff(places) > 2 * MARGIN // BLOCK + 1)
    parts = np.split(places, gaps + 1)
    return [slice(start + int(p[0]), start + int(p[-1]) + 1) for p in parts if len(p)]
