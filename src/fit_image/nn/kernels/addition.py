"""The sum of two arrays, by all threads."""

from __future__ import annotations

from fit_image.nn.runtime.arrays import vector
from fit_image.nn.runtime.barrier import share
from fit_image.nn.runtime.jit import inner, kernel


@kernel
def add_kernel(source, target, worker):
    """Add to each number of the vector ``target`` that of ``source``."""
    add_range(source, target, *share(target.size, worker))


@inner
def add_range(source, target, first, stop):
    """Add to the numbers ``first`` to ``stop`` of the vector ``target`` those of ``source``."""
    own, added = vector(target, first, stop - first), vector(source, first, stop - first)
    for i in range(own.size):
        own[i] += added[i]
