"""Progress of the compilation of kernels, which the first command on a machine waits for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from fit_image.cli.display.displays import Display, ProgressStep


class Compilation:
    """Shows which kernel is being compiled, of ``total`` if that is known."""

    def __init__(self, display: Display) -> None:
        self.total: int | None = None
        self._display = display
        self._number = 0
        self._began = 0.0

    def next_kernel(self) -> None:
        """Show that the next kernel is compiled from now on."""
        if not self._number:
            self._began = time.perf_counter()
            self._display.message("compiling for this machine; this is needed once")
        done, self._number = self._number, self._number + 1
        of_all = f" of {max(self.total, self._number)}" if self.total else ""
        share = min(done / self.total, 1.0) if self.total else 0.0
        self._display.step(ProgressStep(share, (f"compiling kernel {self._number}{of_all}",)))

    def end(self) -> None:
        """Show how long it took, if anything was compiled."""
        if self._number:
            self._display.message(f"compiled in {time.perf_counter() - self._began:.1f} s")


@contextlib.contextmanager
def announcing_compilation(display: Display) -> Iterator[Compilation]:
    """Report what is compiled inside the block, and how long the block took if anything was."""
    from fit_image.nn.runtime.jit import on_compile

    compilation = Compilation(display)
    with on_compile(compilation.next_kernel):
        yield compilation
    compilation.end()
