"""Widths of layers for which a network has at most so many parameters."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace

from fit_image.apps.sizing.width_matching import distribute
from fit_image.config.layer_spec import MAX_WIDTH, Hidden, format_layers
from fit_image.errors import InputError

NEAR = 0.98
"""Share of a limit from which on a network is near enough to it."""

Layers = tuple[Hidden, ...]
Widths = tuple[int, ...]


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
    search = _Search(layers, limit, count)
    asked = tuple(layers[group[0]].width for group in search.groups)
    least = count(narrowest(layers))
    if least > limit:
        raise InputError(
            f"max_parameters must be at least {least:,} for layers like "
            f"{format_layers(layers)}, not {limit:,}",
            fields=("max_parameters",),
        )
    if search.is_near(asked) or search.is_full(asked):
        return layers
    widths = search.in_proportion(asked)
    if not search.is_near(widths):
        widths = search.filled(widths)
    if max(widths) == MAX_WIDTH and not search.is_near(widths):
        raise InputError(
            f"max_parameters must be at most {search.size(widths):,} for layers like "
            f"{format_layers(layers)}, of at most {MAX_WIDTH:,} units, not {limit:,}",
            fields=("max_parameters",),
        )
    return search.layers_of(widths)


class _Search:
    """Widths of the groups of layers, for which a network has at most ``limit`` parameters."""

    def __init__(self, layers: Layers, limit: int, count: Callable[[Layers], int]) -> None:
        self.groups = _groups(layers)
        self._layers, self._limit, self._count = layers, limit, count

    def layers_of(self, widths: Widths) -> Layers:
        changed = list(self._layers)
        for group, width in zip(self.groups, widths, strict=True):
            for index in group:
                changed[index] = replace(changed[index], width=width)
        return tuple(changed)

    def size(self, widths: Widths) -> int:
        return self._count(self.layers_of(widths))

    def is_near(self, widths: Widths) -> bool:
        return NEAR * self._limit <= self.size(widths) <= self._limit

    def is_full(self, widths: Widths) -> bool:
        """Whether these fit, and would not with a unit more anywhere."""
        more = (_with_width(widths, index, width + 1) for index, width in enumerate(widths))
        return self.size(widths) <= self._limit < min(map(self.size, more))

    def in_proportion(self, proportions: Widths) -> Widths:
        """Return the widest that fit: exactly in proportion if these are near, rounded if not.

        All are a unit wide if even the fewest units in these proportions are too many.
        """
        fewest, most = len(self.groups), MAX_WIDTH * sum(proportions) // max(proportions)
        units = range(fewest, most + 1)
        size = self.size
        fitting = bisect_right(units, self._limit, key=lambda n: size(distribute(n, proportions)))
        if not fitting:
            return (1,) * fewest
        total = units[fitting - 1]
        step = sum(proportions) // math.gcd(*proportions)  # of totals that divide without a rest
        exact = distribute(max(total // step * step, fewest), proportions)
        return exact if self.is_near(exact) else distribute(total, proportions)

    def filled(self, widths: Widths) -> Widths:
        """Widen the first group as far as it goes, then the next."""
        for index, width in enumerate(widths):
            wider = [_with_width(widths, index, each) for each in range(width, MAX_WIDTH + 1)]
            widths = wider[bisect_right(wider, self._limit, key=self.size) - 1]
        return widths


def _with_width(widths: Widths, index: int, width: int) -> Widths:
    return (*widths[:index], width, *widths[index + 1 :])


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
