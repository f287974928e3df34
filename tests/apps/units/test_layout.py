"""The sheet of units: where they lie, and that they fit."""

from __future__ import annotations

import pytest

from fit_image.apps.units.layout import LABEL, Layout
from fit_image.errors import InputError


def boxes(layout):
    """Left, top, right and bottom of all labels and units."""
    wide, high = layout.tile
    for count, label in zip(layout.counts, layout.labels(), strict=True):
        yield (*label, label[0] + 1, label[1] + LABEL)
        for unit in range(count):
            left, top = layout.position(label, unit)
            yield left, top, left + wide, top + high


@pytest.mark.parametrize("aspect", [0.3, 0.7, 1.0, 4.0])
@pytest.mark.parametrize(
    "counts", [[300] * 4, [1000], [16, 16, 16], [6] * 96, [1], [300, 2, 1], [6] * 121]
)
@pytest.mark.parametrize("title", [False, True])
def test_nothing_overlaps_or_leaves_the_sheet(counts, aspect, title):
    layout = Layout.fitting(counts, aspect, (1800, 1400), title=title)
    width, height = layout.size
    assert width <= 1800
    assert height <= 1400
    wide, high = layout.tile
    assert high == pytest.approx(wide / aspect, abs=1)
    found = sorted(boxes(layout))
    assert found[0][0] >= 0
    assert min(top for _, top, _, _ in found) >= (20 if title else 0)
    assert max(right for _, _, right, _ in found) <= width
    assert max(bottom for _, _, _, bottom in found) <= height
    units = [box for box in found if box[2] - box[0] == wide and box[3] - box[1] == high]
    assert len({box[:2] for box in units}) >= sum(counts)


def test_layers_that_fit_have_a_row_each():
    layout = Layout.fitting([16, 12, 16], 0.7, (1800, 1400), title=False)
    assert (layout.columns, layout.panels) == (16, 1)


def test_pictures_grow_with_the_sheet_up_to_a_width():
    layout = Layout.fitting([4], 1.0, (2000, 900), title=False)
    assert layout.tile[0] > 400
    layout = Layout.fitting([4], 1.0, (2000, 900), title=False, widest=200)
    assert layout.tile == (200, 200)


def test_wide_layers_are_wrapped_and_deep_narrow_networks_lie_side_by_side():
    wide = Layout.fitting([300] * 4, 0.7, (1800, 1400), title=False)
    assert wide.panels == 1
    assert wide.columns < 100
    assert wide.tile[0] >= 30
    deep = Layout.fitting([6] * 96, 0.7, (1800, 1400), title=False)
    assert deep.panels > 1
    assert deep.columns == 6


def test_units_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="600 units in 2 layers do not fit in 20x30"):
        Layout.fitting([300, 300], 0.7, (20, 30), title=False)
