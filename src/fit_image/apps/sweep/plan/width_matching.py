"""Widths that give networks of different depths the same number of parameters."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from fit_image.errors import InputError
from fit_image.notation import MAX_WIDTH, Hidden, format_layers

# Networks counted in the search among neighbours, which only the smallest targets need.
_MOST_TRIED = 2_000


def match_layers(
    layers: tuple[Hidden, ...],
    parameters: int,
    count: Callable[[tuple[Hidden, ...]], int],
    tolerance: float = 0.01,
) -> tuple[Hidden, ...]:
    """Widen or narrow layers in proportion, until they have a number of parameters.

    The widths keep their proportions exactly where that comes near enough. Otherwise they are
    rounded, so that of equal layers the first ones may be a unit wider than the last; and where
    even that is too coarse, as few units as possible are moved.

    Parameters
    ----------
    layers : tuple of Hidden
        Their activations stay; of their widths, the proportions.
    parameters : int
        How many to come near to, 1 or more.
    count : callable
        Returns the parameters of a network with the layers given, more for wider ones.
    tolerance : float
        Largest difference, as a share of ``parameters``.

    Returns
    -------
    tuple of Hidden
        As many layers, of 1 to `MAX_WIDTH` units.

    Raises
    ------
    InputError
        If none is near enough; names the nearest.
    """
    if any(layer.skip for layer in layers):
        raise InputError(f"the widths of {format_layers(layers)} are those of residual blocks")
    proportions = [layer.width for layer in layers]
    counted: dict[tuple[int, ...], int] = {}

    def size(widths: tuple[int, ...]) -> int:
        if widths not in counted:
            counted[widths] = count(_with_widths(layers, widths))
        return counted[widths]

    def nearest(candidates: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
        return min(candidates, key=lambda widths: (abs(size(widths) - parameters), widths))

    def matches(widths: tuple[int, ...]) -> bool:
        return abs(size(widths) - parameters) <= tolerance * parameters

    least, most = len(layers), MAX_WIDTH * sum(proportions) // max(proportions)
    units = range(least, most + 1)
    below = bisect_right(units, parameters, key=lambda total: size(_shared(total, proportions)))
    # Totals that the proportions divide without a rest.
    step = sum(proportions) // math.gcd(*proportions)
    start = (least + below - 1) // step * step
    exact = [total for total in (start, start + step) if total in units]
    rounded = [total for total in (least + below - 1, least + below) if total in units]
    for totals in (exact or rounded, rounded):
        best = nearest(_shared(total, proportions) for total in totals)
        if matches(best):
            return _with_widths(layers, best)

    border = {_shared(total, proportions) for total in rounded}
    while border and len(counted) < _MOST_TRIED:
        border = {each for widths in border for each in _neighbours(widths)} - counted.keys()
        best = nearest({best, *border})
        if matches(best):
            return _with_widths(layers, best)
    raise InputError(
        f"no widths near the proportions of {format_layers(layers)} give {parameters:,} parameters "
        f"within {tolerance:.0%}: {format_layers(_with_widths(layers, best))} has {size(best):,}"
    )


def _with_widths(layers: tuple[Hidden, ...], widths: Sequence[int]) -> tuple[Hidden, ...]:
    return tuple(replace(layer, width=width) for layer, width in zip(layers, widths, strict=True))


def _shared(total: int, proportions: list[int]) -> tuple[int, ...]:
    """Share units among layers by largest remainders, the first of equal ones first."""
    whole = sum(proportions)
    widths, remainders = zip(*(divmod(total * each, whole) for each in proportions), strict=True)
    order = sorted(range(len(widths)), key=lambda index: -remainders[index])
    wider = set(order[: total - sum(widths)])
    return tuple(max(1, width + (index in wider)) for index, width in enumerate(widths))


def _neighbours(widths: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
    """Return the widths with one layer a unit wider or narrower."""
    for index, width in enumerate(widths):
        for changed in (width - 1, width + 1):
            if 1 <= changed <= MAX_WIDTH:
                yield (*widths[:index], changed, *widths[index + 1 :])
