"""What the machine could do at best: its own ceilings, measured here and now."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from fit_image.nn.runtime.arrays import aligned_zeros
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.runtime.simd import WIDTH, broadcast, fma, hsum, load, store

_SIDE = 1024
_MEGABYTE = 1 << 18  # float32 numbers
_REPEATS = 200


def processor() -> str:
    """Return the processor's name and family, which tells the generation."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown processor"
    facts = dict(line.replace("\t", "").split(": ", 1) for line in lines if ": " in line)
    return f"{facts.get('model name', '?')} (family {facts.get('cpu family', '?')})"


class MatrixProduct:
    """numpy's product of two matrices of 1024 x 1024 float32 numbers, with BLAS's own threads."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._a, self._b = rng.random((2, _SIDE, _SIDE), dtype=np.float32)
        self._c = np.empty_like(self._a)
        self.rate()

    def rate(self) -> float:
        """Return floating-point operations a second."""
        repeats = 8
        began = time.perf_counter()
        for _ in range(repeats):
            np.matmul(self._a, self._b, out=self._c)
        return repeats * 2 * _SIDE**3 / (time.perf_counter() - began)


class Megabyte:
    """An array of 1 MB, swept again and again by one core."""

    def __init__(self) -> None:
        self._array = aligned_zeros(_MEGABYTE)
        self.reading()
        self.updating()

    def reading(self) -> float:
        """Return bytes read a second."""
        return self._rate(_read)

    def updating(self) -> float:
        """Return bytes read, and written back, a second; each counted once."""
        return self._rate(_update)

    def _rate(self, sweep: object) -> float:
        began = time.perf_counter()
        sweep(self._array, _REPEATS)
        return _REPEATS * 4 * _MEGABYTE / (time.perf_counter() - began)


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
