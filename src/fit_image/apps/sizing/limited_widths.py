"""Widths of layers for which a network has at most so many parameters."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace

from fit_image.apps.sizing.width_matching import distribute
from fit_image.config.layer_spec import MAX_WIDTH, Hidden, format_layers
from fit_image.errors import InputError

NEAR = 0.98
"""Share of a limit from which on a network is near enough to it."""

Layers = tuple[Hidden, ...]


def limit_widths(layers: Layers, limit: int, count: Callable[[Layers], int]) -> Layers:
    """Scale the widths of layers until a network has at most so many parameters.

    Layers that are near the limit already, or that not one unit can be added to, are kept. Others
    keep the exact proportions of their widths if that comes near; if not, the first ones are a unit
    or more wider than the last. The layers of a residual block have one width.

    Parameters
    ----------
    layers : tuple of Hidden
    limit : int
    count : callable
        Returns the number of parameters of a network with given layers; grows with their width.

    Raises
    ------
    InputError
        If layers of a unit each have more parameters, or the widest possible are not near.
    """
    groups = _groups(layers)

    def size(widths: Sequence[int]) -> int:
        return count(_with_widths(layers, groups, widths))

    def is_near(widths: Sequence[int]) -> bool:
        return NEAR * limit <= size(widths) <= limit

    def widest(widths: Sequence[int]) -> list[int]:
        """Add units to the first layers, as long as there is one that can be added."""
        wide = list(widths)
        for index, width in enumerate(widths):
            for wide[index] in range(width, MAX_WIDTH + 1):
                if size(wide) > limit:
                    wide[index] -= 1
                    break
        return wide

    now = [layers[group[0]].width for group in groups]
    least = count(narrowest(layers))
    if least > limit:
        raise InputError(
            f"max_parameters must be at least {least:,} for layers like "
            f"{format_layers(layers)}, not {limit:,}",
            fields=("max_parameters",),
        )
    more = ([*now[:i], width + 1, *now[i + 1 :]] for i, width in enumerate(now))
    if is_near(now) or (size(now) <= limit < min(map(size, more))):
        return layers
    most = MAX_WIDTH * sum(now) // max(now)
    totals = range(len(groups), most + 1)
    fitting = bisect_right(totals, limit, key=lambda each: size(distribute(each, now)))
    if not fitting:  # in these proportions, even the fewest units are too many
        return _with_widths(layers, groups, widest([1] * len(groups)))
    total = totals[fitting - 1]
    step = sum(now) // math.gcd(*now)  # of totals that keep the proportions exactly
    exact = distribute(max(total // step * step, len(groups)), now)
    widths = list(exact if is_near(exact) else distribute(total, now))
    widths = widths if is_near(widths) else widest(widths)
    if max(widths) == MAX_WIDTH and not is_near(widths):
        raise InputError(
            f"max_parameters must be at most {size(widths):,} for layers like "
            f"{format_layers(layers)}, of at most {MAX_WIDTH:,} units, not {limit:,}",
            fields=("max_parameters",),
        )
    return _with_widths(layers, groups, widths)


def narrowest(layers: Layers) -> Layers:
    """Return the same layers with a unit each."""
    return tuple(replace(layer, width=1) for layer in layers)


def _groups(layers: Layers) -> list[range]:
    """Return the indices of the layers that have a width in common: blocks with what they add to.

    Blocks that follow one another are one group.
    """
    groups: list[range] = []
    for index, layer in enumerate(layers):
        first = index - layer.skip
        while groups and groups[-1].start > first:
            groups.pop()
        if layer.skip and groups:
            groups[-1] = range(groups[-1].start, index + 1)
        else:
            groups.append(range(index, index + 1))
    return groups


def _with_widths(layers: Layers, groups: Sequence[range], widths: Sequence[int]) -> Layers:
    changed = list(layers)
    for group, width in zip(groups, widths, strict=True):
        for index in group:
            changed[index] = replace(layers[index], width=width)
    return tuple(changed)
