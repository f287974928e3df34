"""Compilation of kernels: one decorator, one set of flags, one private cache on disk."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

import numba
import numba.extending
from numba.core import event, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

from fit_image.errors import InputError
from fit_image.nn.runtime.kernel_cache import KernelCache

if getattr(numba.config, "DISABLE_JIT", 0):
    # Functions in the compiler's own language have no Python that could be run instead.
    raise InputError("NUMBA_DISABLE_JIT is set, but networks only run compiled; unset it")

# Sums may be reordered into vector lanes and products fused, but NaN and infinity keep their
# meaning ("nnan" and "ninf" are left out), because divergence is recognised by them.
FAST_MATH = frozenset({"afn", "arcp", "contract", "nsz", "reassoc"})


class _InnerLibrary(JITCodeLibrary):
    """Code of a function that is only called from kernels.

    It is optimised in each kernel, after it is linked, and nowhere becomes machine code by itself.
    """

    def _optimize_final_module(self) -> None:
        """Leave it as it is."""

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: there is no machine code."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Self:
        """The object whose `set_env` numba calls for a compiled function."""
        return self

    def set_env(self, name: str, environment: object) -> None:
        """Do nothing: environments serve exceptions and object mode, which kernels do not have."""


class _InnerCompiler(Compiler):
    """numba's compiler of a function that is only called from kernels."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile a function, and the functions that it calls."""
        self.state["library"] = _InnerLibrary(self.state.targetctx.codegen(), func.__qualname__)
        return super().compile_extra(func)


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


# Kernels neither create nor keep arrays. Without numba's runtime (NRT) references to them are not
# counted: threads would fight for the counters, and short rows take less time than counting.
_COMMON: Final[dict[str, Any]] = {
    "_nrt": False,
    # Dividing by zero gives infinity, as numpy has it: the check that Python's error needs would
    # keep the compiler from making vectors of a loop.
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
}
_INNER: Final = _COMMON | {"no_cpython_wrapper": True, "pipeline_class": _InnerCompiler}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first use, without the GIL, and keep the result on disk.

    A cache that is read-only, full or damaged costs a compilation, never a crash.
    """
    options = _COMMON | {"nogil": True, "pipeline_class": _KernelCompiler}
    dispatcher: Any = numba.njit(fastmath=set(FAST_MATH), **options)(function)
    # RuntimeError is numba's word for "no locator": without a folder we compile in every process.
    with contextlib.suppress(RuntimeError):
        dispatcher._cache = KernelCache(function)
    return dispatcher


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that is only called from kernels."""
    return numba.njit(fastmath=set(FAST_MATH), **_INNER)(function)


def exact(function: Callable[..., Any]) -> Any:
    """Compile an inner function whose sums must keep their order, because it relies on rounding."""
    return numba.njit(fastmath={"contract"}, **_INNER)(function)


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
