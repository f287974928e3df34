"""Saying that kernels are compiled."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from fit_image.cli.common.display import Display


@contextlib.contextmanager
def announcing_compilation(display: Display) -> Iterator[None]:
    """Say so if kernels are compiled inside the block, and how long the block took."""
    from fit_image.nn.runtime.jit import on_compile

    began: list[float] = []

    def announce() -> None:
        display.message("compiling for this machine; this is needed once")
        began.append(time.perf_counter())

    with on_compile(announce):
        yield
    if began:
        display.message(f"compiled in {time.perf_counter() - began[0]:.1f} s")
