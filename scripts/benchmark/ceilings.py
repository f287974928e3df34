"""Ceilings of the machine: its best rates, measured here and now."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fit_image.nn.runtime.arrays import aligned_zeros
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.simd import WIDTH, broadcast, fma, hsum, load, store

_SIDE = 1024
_MEGABYTE = 1 << 18  # float32 numbers
_PRODUCTS, _SWEEPS = 8, 200


def processor() -> str:
    """Return the processor's name and family, which tells the generation."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown processor"
    facts = dict(line.replace("\t", "").split(": ", 1) for line in lines if ": " in line)
    return f"{facts.get('model name', '?')} (family {facts.get('cpu family', '?')})"


class Ceilings:
    """Rates of the machine, measured anew at every call, compiled and warmed up before."""

    def __init__(self) -> None:
        self._a, self._b = np.random.default_rng(0).random((2, _SIDE, _SIDE), dtype=np.float32)
        self._c = np.empty_like(self._a)
        self._array = aligned_zeros(_MEGABYTE)
        for rate in (self.matrix_product, self.reading, self.updating):
            rate()

    def matrix_product(self) -> float:
        """Return the floating-point operations a second of numpy's product of large matrices.

        They are float32, of 1024 x 1024; BLAS chooses its threads.
        """
        began = time.perf_counter()
        for _ in range(_PRODUCTS):
            np.matmul(self._a, self._b, out=self._c)
        return _PRODUCTS * 2 * _SIDE**3 / (time.perf_counter() - began)

    def reading(self) -> float:
        """Return bytes that one core reads a second, of 1 MB swept again and again."""
        return self._sweep(_read)

    def updating(self) -> float:
        """Return bytes that one core reads and writes back a second; each counted once."""
        return self._sweep(_update)

    def _sweep(self, sweep: Callable[[Any, int], object]) -> float:
        began = time.perf_counter()
        sweep(self._array, _SWEEPS)
        return _SWEEPS * 4 * _MEGABYTE / (time.perf_counter() - began)

    def medians(self, turns: int) -> dict[str, float]:
        """Return all rates, for reading; comparisons measure them again."""
        rates = (self.matrix_product, self.reading, self.updating)
        medians = (statistics.median(rate() for _ in range(2 * turns)) / 1e9 for rate in rates)
        names = ("matrix_product_gflops", "reading_gbs", "updating_gbs")
        return dict(zip(names, medians, strict=True))


@kernel
def _read(array, repeats):
    s0 = s1 = s2 = s3 = broadcast(np.float32(0.0))
    one = broadcast(np.float32(1.0))
    for _ in range(repeats):
        for i in range(0, array.shape[0], 4 * WIDTH):
            s0 = fma(load(array, i), one, s0)
            s1 = fma(load(array, i + WIDTH), one, s1)
            s2 = fma(load(array, i + 2 * WIDTH), one, s2)
            s3 = fma(load(array, i + 3 * WIDTH), one, s3)
    return hsum(s0) + hsum(s1) + hsum(s2) + hsum(s3)


@kernel
def _update(array, repeats):
    half = broadcast(np.float32(0.5))
    for _ in range(repeats):
        for i in range(0, array.shape[0], WIDTH):
            store(array, i, fma(load(array, i), half, half))
