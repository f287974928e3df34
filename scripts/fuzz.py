"""Read many damaged and forged files with all that reads files: ``python scripts/fuzz.py``.

The readers are those of ``tests/readers.py``. A fault is anything but success or an error of one
line; a variant is made again from its number.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

SLOW = 10.0
"""Seconds after which a variant counts as a fault."""


def main() -> None:
    """Try the readers, and print a line for each."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import readers  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(readers.READERS))
    parser.add_argument("--cases", type=int, default=10_000, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first")
    given = parser.parse_args()
    faults = 0
    for name in given.readers or readers.READERS:
        with tempfile.TemporaryDirectory() as folder:
            reader = readers.READERS[name](Path(folder))
            faults += _try(name, reader, range(given.first, given.first + given.cases))
    sys.exit(faults > 0)


def _try(name: str, reader: Any, numbers: range) -> int:
    accepted, slowest, faults = 0, 0.0, []
    for number in range(len(reader.seeds)):  # kernels are compiled
        reader.attempt(number)
    for number in numbers:
        began = time.monotonic()
        try:
            accepted += reader.attempt(number)
        except Exception:
            faults.append(number)
            print(f"{name}, variant {number}:", file=sys.stderr)
            traceback.print_exc()
        seconds = time.monotonic() - began
        slowest = max(slowest, seconds)
        if seconds > SLOW:
            faults.append(number)
            print(f"{name}, variant {number}: {seconds:.0f} s", file=sys.stderr)
    refused = len(numbers) - accepted - len(faults)
    print(
        f"{name}: {len(numbers):,} variants, {accepted:,} read, {refused:,} refused, "
        f"{len(faults)} faults, {slowest:.2f} s at most",
        flush=True,
    )
    return len(faults)


if __name__ == "__main__":
    main()
