"""Where the pictures of units lie on their sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fit_image.errors import InputError

MARGIN = 10
TITLE = 24
"""Height of the sheet's title."""
LABEL = 20
"""Height of a layer's label."""

_GAP = 2  # between units
_BETWEEN = 8  # layers
_LARGE_TILE = 64  # width from which on more is no reason to wrap layers
_NARROWEST_PANEL = 230  # of several side by side: labels need as much
_MOST_PANELS = 12


@dataclass(frozen=True)
class Layout:
    """Units in rows, a layer below the other, in panels from left to right.

    Attributes
    ----------
    counts : tuple of int
        Units of each layer.
    panels : int
        Columns of layers.
    columns : int
        Most units of a layer side by side.
    tile : tuple of int
        Width and height of a unit's picture.
    title : int
        Height of what is above the layers.
    """

    counts: tuple[int, ...]
    panels: int
    columns: int
    tile: tuple[int, int]
    title: int

    @classmethod
    def fitting(
        cls,
        counts: Sequence[int],
        aspect: float,
        size: tuple[int, int],
        *,
        title: bool,
        widest: int | None = None,
    ) -> Layout:
        """Return the layout with the largest pictures; `InputError` if they do not fit.

        Parameters
        ----------
        counts : sequence of int
            Units of each layer, at least one layer.
        aspect : float
            Width over height of the pictures.
        size : tuple of int
            Most pixels of the sheet's width and height.
        title : bool
            Whether there is room for a title.
        widest : int, optional
            Most pixels of a unit's width.
        """
        width, height = size
        above = TITLE if title else 0
        best: Layout | None = None
        for panels in range(1, min(len(counts), _MOST_PANELS) + 1):
            across = (width - MARGIN) // panels - MARGIN
            if panels > 1 and across < _NARROWEST_PANEL:
                break
            parts = _parts(len(counts), panels)
            # Layers side by side are not wrapped.
            for columns in _useful_columns(max(counts))[: 1 if panels > 1 else None]:
                down = min(
                    (height - 2 * MARGIN - above - len(part) * (LABEL + _BETWEEN) + _BETWEEN)
                    / sum(-(-counts[layer] // columns) for layer in part)
                    for part in parts
                )
                side = min((across + _GAP) // columns - _GAP, int((down - _GAP) * aspect))
                # The first of those that are large enough has fewer panels, and longer rows.
                enough = best is not None and min(side, _LARGE_TILE) <= best.tile[0]
                if side >= 1 and down >= _GAP + 1 and not enough:
                    side = min(side, widest or side)
                    tile = side, max(min(round(side / aspect), int(down) - _GAP), 1)
                    best = cls(tuple(counts), panels, columns, tile, above)
        if best is None:
            shown = f"{sum(counts):,} units in {len(counts)} layers do not fit in {width}x{height}"
            raise InputError(f"{shown} pixels", fields=("size",))
        return best

    @property
    def parts(self) -> list[range]:
        """The layers of each panel."""
        return _parts(len(self.counts), self.panels)

    @property
    def panel_width(self) -> int:
        """Width of a panel, as wide as the longest row of its units or its labels."""
        columns = min(self.columns, max(self.counts))
        return max(columns * (self.tile[0] + _GAP) - _GAP, _NARROWEST_PANEL)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        heights = [
            sum(LABEL + _BETWEEN + self._height(layer) for layer in part) for part in self.parts
        ]
        width = MARGIN + self.panels * (self.panel_width + MARGIN)
        return width, 2 * MARGIN + self.title + max(heights) - _BETWEEN

    def labels(self) -> Iterator[tuple[int, int]]:
        """Yield left and top of each layer's label."""
        for panel, part in enumerate(self.parts):
            top = MARGIN + self.title
            for layer in part:
                yield MARGIN + panel * (self.panel_width + MARGIN), top
                top += LABEL + _BETWEEN + self._height(layer)

    def position(self, label: tuple[int, int], unit: int) -> tuple[int, int]:
        """Return left and top of the picture of a unit of the layer with this label."""
        row, column = divmod(unit, self.columns)
        wide, high = self.tile
        return label[0] + column * (wide + _GAP), label[1] + LABEL + row * (high + _GAP)

    def _height(self, layer: int) -> int:
        rows = -(-self.counts[layer] // self.columns)
        return rows * (self.tile[1] + _GAP) - _GAP


def _parts(layers: int, panels: int) -> list[range]:
    cuts = [layers * panel // panels for panel in range(panels + 1)]
    return [range(first, last) for first, last in pairwise(cuts)]


def _useful_columns(units: int) -> list[int]:
    """Return the numbers of columns, the largest first, that change the number of rows."""
    return sorted({-(-units // rows) for rows in range(1, units + 1)}, reverse=True)
