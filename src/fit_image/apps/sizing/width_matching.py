"""Widths for which networks of different depths have the same number of parameters."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from fit_image.config.layer_spec import MAX_WIDTH, Hidden, format_layers
from fit_image.errors import InputError

# Limit of the neighbourhood search, which only the smallest targets need.
_MAX_CANDIDATES = 2_000


def match_layers(
    layers: tuple[Hidden, ...],
    parameters: int,
    count: Callable[[tuple[Hidden, ...]], int],
    tolerance: float = 0.01,
) -> tuple[Hidden, ...]:
    """Scale the widths of layers to a target number of parameters.

    The widths keep their exact proportions if that is within the tolerance. Otherwise they are
    rounded, so that the first of several equal layers may be a unit wider than the last; where even
    that is too coarse, as few units as possible are changed.

    Parameters
    ----------
    layers : tuple of Hidden
        Layers that give the proportions and the activations.
    parameters : int
        Target number of parameters, 1 or more.
    count : callable
        Returns the number of parameters of a network with given layers; grows with their width.
    tolerance : float
        Maximum relative difference to ``parameters``.

    Returns
    -------
    tuple of Hidden
        The same number of layers, with 1 to `MAX_WIDTH` units each.

    Raises
    ------
    InputError
        If no widths are within the tolerance; the message names the nearest.
    """
    if any(layer.skip for layer in layers):
        raise InputError(f"cannot change the widths of {format_layers(layers)}: residual blocks")
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
    below = bisect_right(units, parameters, key=lambda total: size(distribute(total, proportions)))
    # Totals that keep the proportions exactly.
    step = sum(proportions) // math.gcd(*proportions)
    start = (least + below - 1) // step * step
    exact = [total for total in (start, start + step) if total in units]
    rounded = [total for total in (least + below - 1, least + below) if total in units]
    for totals in (exact or rounded, rounded):
        best = nearest(distribute(total, proportions) for total in totals)
        if matches(best):
            return _with_widths(layers, best)

    border = {distribute(total, proportions) for total in rounded}
    while border and len(counted) < _MAX_CANDIDATES:
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


def distribute(total: int, proportions: Sequence[int]) -> tuple[int, ...]:
    """Distribute units by the largest remainder method; ties favour the first layers."""
    whole = sum(proportions)
    widths, remainders = zip(*(divmod(total * each, whole) for each in proportions), strict=True)
    order = sorted(range(len(widths)), key=lambda index: -remainders[index])
    wider = set(order[: total - sum(widths)])
    return tuple(max(1, width + (index in wider)) for index, width in enumerate(widths))


def _neighbours(widths: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the widths with one layer a unit wider or narrower."""
    for index, width in enumerate(widths):
        for changed in (width - 1, width + 1):
            if 1 <= changed <= MAX_WIDTH:
                yield (*widths[:index], changed, *widths[index + 1 :])
