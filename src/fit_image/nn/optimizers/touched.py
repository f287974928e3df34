"""Which entries of large tables have a gradient.

Tables are cut into units; a thread adds to the gradient of some of them, and notes which entries it
touches. A step then goes over the notes of the units instead of all tables. Notes of different
units lie apart, and who adds to a unit may change at any time between two additions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fit_image.nn.runtime.arrays import IntArray
from fit_image.nn.runtime.jit import inner

# A unit of which more than one entry in so many has a gradient is updated as a whole.
_SPARSE_SHARE = 4

# Columns of the table of units.
_FIRST, _STOP, _NOTES, _ROOM = range(4)

# Numbers in a cache line, so that counts that different threads change are not in the same one.
_LINE = 8

AHEAD = 8
"""Runs that are fetched into the cache before their turn."""


class Notes(NamedTuple):
    """The notes of all units, as kernels see them."""

    units: IntArray  # (units, 4): first number, end, where its notes begin, most notes
    starts: IntArray  # of entries
    counts: IntArray  # (units, 8): in the first column, how many notes a unit has
    length: int  # numbers of an entry


class Touched:
    """Notes of touched entries.

    Parameters
    ----------
    units : int64 (units, 2)
        Where each begins and ends in the vector of all tables.
    length : int
        Numbers of an entry.

    Attributes
    ----------
    notes : Notes
    """

    def __init__(self, units: IntArray, length: int) -> None:
        room = (units[:, 1] - units[:, 0]) // length // _SPARSE_SHARE + 1
        ends = np.cumsum(room)
        self.notes = Notes(
            np.column_stack((units, ends - room, room)),
            np.zeros(int(room.sum()), dtype=np.int64),
            np.zeros((len(units), _LINE), dtype=np.int64),
            length,
        )

    def clear(self) -> None:
        """Forget all notes."""
        self.notes.counts[:] = 0


@inner
def note(notes, unit, start):
    """Note that the entry of a unit that begins at ``start`` is touched."""
    count = notes.counts[unit, 0]
    if count < notes.units[unit, _ROOM]:
        notes.starts[notes.units[unit, _NOTES] + count] = start
        notes.counts[unit, 0] = count + 1


@inner
def note_all(notes, unit):
    """Note all entries of a unit, whether touched or not."""
    notes.counts[unit, 0] = notes.units[unit, _ROOM]


@inner
def take_notes(notes, unit):
    """Return where the starts of a unit's touched runs lie, and the runs' length; forget them.

    The first, the one behind the last, and the length. A unit of which many entries are touched is
    one run, because updating it as a whole is faster.
    """
    first, count, length = notes.units[unit, _NOTES], notes.counts[unit, 0], notes.length
    notes.counts[unit, 0] = 0
    if count == notes.units[unit, _ROOM]:
        notes.starts[first], count = notes.units[unit, _FIRST], 1
        length = notes.units[unit, _STOP] - notes.units[unit, _FIRST]
    return first, first + count, length
