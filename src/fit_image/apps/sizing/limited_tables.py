"""Sizes of a hash grid for which its tables have at most so many numbers."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right

from fit_image.config.encoding_spec import GridSpec
from fit_image.errors import InputError
from fit_image.nn.encodings.hash_grid import HashGrid


def limit_tables(spec: GridSpec, limit: int, size: tuple[int, int]) -> GridSpec:
    """Choose the sizes of a grid that are left open, so that its tables have at most ``limit``.

    Of a grid with an open finest level, that is as fine as it may be; every vertex has an entry,
    unless the entries are given. Where only they are open, vertices share them.

    Parameters
    ----------
    spec : GridSpec
    limit : int
        Numbers in all tables.
    size : (int, int)
        Width and height of the picture.

    Returns
    -------
    GridSpec
        With all values set.

    Raises
    ------
    InputError
        If the smallest tables have more numbers.
    """
    largest = spec.for_picture(*size)
    if spec.finest is None:
        field, values = "finest", list(range(spec.coarsest or 1, (largest.finest or 1) + 1))
    elif spec.entries is None:
        field, values = "entries", [1 << n for n in range((largest.entries or 1).bit_length())]
    else:
        return largest

    def choose(value: int) -> GridSpec:
        return dataclasses.replace(spec, **{field: value}).for_picture(*size)

    def numbers(value: int) -> int:
        return HashGrid(sides=size, **dataclasses.asdict(choose(value))).num_params

    fitting = bisect_right(values, limit, key=numbers)
    if fitting == 0:
        raise InputError(
            f"max_parameters leaves {max(limit, 0):,} for the tables of {spec}, of which the "
            f"smallest have {numbers(values[0]):,}",
            fields=("max_parameters",),
        )
    return choose(values[fitting - 1])
