"""`fit_image.watch`: a training in Python, shown where it runs."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from fit_image.cli.common.texts import format_duration
from fit_image.cli.display.displays import ProgressStep, make_display
from fit_image.cli.display.picture_bar import PictureBar
from fit_image.cli.live.spec import WatchSpec
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.apps.fitting import Epoch

# Between two epochs that are shown: so long at least, and so many times what the last one took.
_SECONDS_BETWEEN = 0.1
_REST = 49

_CURVE = (240, 60)


class watch:  # noqa: N801  # used as a function
    """Show epochs as they come, one over the other, while they are iterated over.

    In a notebook, the newest picture and the curve of the PSNR are updated in place, and as the
    value of a cell it runs to its end; on a terminal, the picture is drawn in half blocks, as
    ``--watch`` does; elsewhere, a line is written to stderr every few seconds. Showing takes a
    fiftieth of the time at most; epochs that come too fast are not shown, except the last.

    Parameters
    ----------
    epochs : iterable of Epoch
        Such as what `fit_image.fit` returns.

    Yields
    ------
    Epoch
        All of them.

    Raises
    ------
    InputError
        If there is something else among them.
    """

    def __init__(self, epochs: Iterable[Epoch]) -> None:
        self._epochs = epochs

    def __iter__(self) -> Iterator[Epoch]:
        from fit_image.apps.fitting import Epoch

        view = _Notebook() if in_notebook() else _Terminal()
        due, shown, newest = 0.0, None, None
        try:
            for epoch in self._epochs:
                if not isinstance(epoch, Epoch):
                    kind = type(epoch).__name__
                    raise InputError(f"epochs are watched, such as those of fit; not {kind}")
                view.take(epoch)
                newest = epoch
                now = time.monotonic()
                if now >= due:
                    view.show()
                    shown, took = epoch, time.monotonic() - now
                    due = now + took + max(_SECONDS_BETWEEN, _REST * took)
                yield epoch
        finally:
            if newest is not shown:
                view.show()
            view.leave()

    def _ipython_display_(self) -> None:
        for _ in self:
            pass


class _View(Protocol):
    def take(self, epoch: Epoch) -> None: ...

    def show(self) -> None: ...

    def leave(self) -> None: ...


class _Notebook:
    """Shows epochs in the output of a cell."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._epoch: Epoch | None = None
        self._drawn: Epoch | None = None
        self._curve: list[tuple[int, float]] = []

    def take(self, epoch: Epoch) -> None:
        self._epoch = epoch
        if epoch.picture is not None:
            self._drawn = epoch
        if epoch.psnr is not None:
            self._curve.append((epoch.index, epoch.psnr))

    def show(self) -> None:
        display = import_module("IPython.display")
        page = display.HTML(self._page())
        if self._handle is None:
            self._handle = display.display(page, display_id=True)
        else:
            self._handle.update(page)

    def leave(self) -> None:
        pass

    def _page(self) -> str:
        assert self._epoch is not None
        drawn = self._drawn or self._epoch
        page = drawn._repr_html_()
        if drawn is not self._epoch:
            page += f"<div>{html.escape(self._epoch.shown().caption)}</div>"
        return page + curve(self._curve)


class _Terminal:
    """Shows epochs on a terminal, or as lines."""

    def __init__(self) -> None:
        from fit_image.cli.live.watch import Watch

        self._display = make_display(False, PictureBar)
        bar = self._display if isinstance(self._display, PictureBar) else None
        self._watch = bar and Watch(bar, WatchSpec())
        self._drawn: Epoch | None = None

    def take(self, epoch: Epoch) -> None:
        if epoch.picture is not None:
            self._drawn = epoch
        facts = [] if epoch.psnr is None else [f"{epoch.psnr:.2f} dB"]
        seconds = format_duration(epoch.seconds)
        self._display.step(ProgressStep(None, (f"epoch {epoch.index}", *facts, seconds)))

    def show(self) -> None:
        if self._watch and self._drawn is not None:
            self._watch.show(self._drawn.picture)

    def leave(self) -> None:
        if self._watch:
            self._watch.end(None)
        self._display.clear()


def in_notebook() -> bool:
    """Return whether a notebook shows what is displayed."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return getattr(shell, "kernel", None) is not None


def curve(points: list[tuple[int, float]]) -> str:
    """Return the curve of a quantity over the epochs, as SVG; nothing of less than two points."""
    finite = [(x, y) for x, y in points if abs(y) < float("inf")]
    if len(finite) < 2:
        return ""
    width, height = _CURVE
    step = max(len(finite) // width, 1)
    finite = [*finite[::step], finite[-1]]
    first, last = finite[0][0], finite[-1][0]
    low, high = min(y for _, y in finite), max(y for _, y in finite)
    places = " ".join(
        f"{(x - first) / max(last - first, 1) * width:.1f},"
        f"{height - (y - low) / max(high - low, 1e-9) * height:.1f}"
        for x, y in finite
    )
    return (
        f'<svg width="{width}" height="{height + 4}" viewBox="0 -2 {width} {height + 4}">'
        f"<title>PSNR from {low:.1f} to {high:.1f} dB</title>"
        f'<polyline points="{places}" fill="none" stroke="#1f77b4" stroke-width="2"/></svg>'
    )
