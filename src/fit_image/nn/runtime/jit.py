"""Compilation of kernels: one decorator, one set of flags, one private cache on disk."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any, Final

import numba
import numba.extending
from numba.core import event, types
from numba.core.compiler import Compiler

from fit_image.errors import InputError
from fit_image.nn.runtime.kernel_cache import KernelCache

if getattr(numba.config, "DISABLE_JIT", 0):
    # Functions in the compiler's own language have no Python that could be run instead.
    raise InputError("NUMBA_DISABLE_JIT is set, but networks only run compiled; unset it")

# Sums may be reordered into vector lanes and products fused, but NaN and infinity keep their
# meaning ("nnan" and "ninf" are left out), because divergence is recognised by them.
FAST_MATH = frozenset({"afn", "arcp", "contract", "nsz", "reassoc"})

# Dividing by zero gives infinity, as numpy has it: the check that Python's error needs would keep
# the compiler from making vectors of a loop.
_ERROR_MODEL: Final = "numpy"

# Functions in kernels are linked into them: nothing else calls them.
_INNER: Final[dict[str, Any]] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class _KernelCompiler(Compiler):
    """numba's compiler without garbage collection: what it makes lives until it has done."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile a function, and the functions that it calls."""
        enabled = gc.isenabled()
        gc.disable()
        try:
            return super().compile_extra(func)
        finally:
            if enabled:
                gc.enable()


_KERNEL: Final[dict[str, Any]] = {"no_cfunc_wrapper": True, "pipeline_class": _KernelCompiler}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first use, without the GIL, and keep the result on disk.

    A cache that is read-only, full or damaged costs a compilation, never a crash.
    """
    dispatcher: Any = numba.njit(
        nogil=True,
        fastmath=set(FAST_MATH),
        error_model=_ERROR_MODEL,
        **_KERNEL,
    )(function)
    # RuntimeError is numba's word for "no locator": without a folder we compile in every process.
    with contextlib.suppress(RuntimeError):
        dispatcher._cache = KernelCache(function)
    return dispatcher


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that is only called from kernels."""
    return numba.njit(fastmath=set(FAST_MATH), error_model=_ERROR_MODEL, **_INNER)(function)


def exact(function: Callable[..., Any]) -> Any:
    """Compile an inner function whose sums must keep their order, because it relies on rounding."""
    return numba.njit(fastmath={"contract"}, error_model=_ERROR_MODEL, **_INNER)(function)


intrinsic: Any = numba.extending.intrinsic


def pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Return the address of ``array[index]`` in an intrinsic."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


@intrinsic
def noinline(typing_context):
    """Keep the function that calls this from being inlined."""
    return _attribute("noinline")


@intrinsic
def alwaysinline(typing_context):
    """Inline the function that calls this wherever it is called."""
    return _attribute("alwaysinline")


def _attribute(name: str) -> Any:
    def generate(context, builder, signature, arguments):
        builder.function.attributes.add(name)
        return context.get_dummy_value()

    return types.void(), generate


@contextlib.contextmanager
def on_compile(callback: Callable[[], None]) -> Iterator[None]:
    """Call ``callback`` before each kernel that is really compiled inside the block.

    Loading compiled code from the cache does not count.
    """
    with event.install_listener("numba:compile", _KernelListener(callback)):
        yield


class _KernelListener(event.Listener):
    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._depth = 0  # more than 1 in the functions that a kernel calls

    def on_start(self, event: object) -> None:
        self._depth += 1
        if self._depth == 1:
            self._callback()

    def on_end(self, event: object) -> None:
        self._depth -= 1
