"""The machine that kernels are compiled for: what the compiler takes it to be."""

from __future__ import annotations

from numba.core.registry import cpu_target


def vector_width(name: str, features: str) -> int:
    """Return the lanes of float32 that suit a processor, 8 or 16.

    Parameters
    ----------
    name : str
        As LLVM has it, such as ``znver4``.
    features : str
        As LLVM has them, such as ``+avx2,-avx512f``; the last word on a feature counts.
    """
    words = features.replace(" ", "").split(",")
    on = {word[1:]: word[0] == "+" for word in words if word}
    return 16 if on.get("avx512f", False) and not name.startswith("znver") else 8


# Not the host's: NUMBA_CPU_NAME and NUMBA_CPU_FEATURES may name another processor.
TRIPLE, CPU_NAME, CPU_FEATURES = cpu_target.target_context.codegen().magic_tuple()

WIDTH = vector_width(CPU_NAME, CPU_FEATURES)
"""Lanes of a vector, 8 or 16. Offsets into arrays are multiples of it, from an aligned start."""
