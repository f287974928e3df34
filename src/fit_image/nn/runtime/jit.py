"""Compilation of kernels: one decorator, one set of flags, one private cache."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numba
import numba.extending
from numba.core import event, types
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)

# Sums may be reordered into vector lanes and products fused, but NaN and infinity keep their
# meaning ("nnan" and "ninf" are left out), because divergence is recognised by them.
FAST_MATH = frozenset({"afn", "arcp", "contract", "nsz", "reassoc"})

# Where the files lie whose functions kernels are made of.
_NUMERICS: Final = Path(__file__).parents[1]

# Dividing by zero gives infinity, as numpy has it: the check that Python's error needs would keep
# the compiler from making vectors of a loop.
_ERROR_MODEL: Final = "numpy"


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first use, without the GIL, and keep the result on disk.

    A cache that is read-only, full or damaged costs a compilation, never a crash.
    """
    dispatcher: Any = numba.njit(nogil=True, fastmath=set(FAST_MATH), error_model=_ERROR_MODEL)(
        function
    )
    # RuntimeError is numba's word for "no locator": without a folder we compile in every process.
    with contextlib.suppress(RuntimeError):
        dispatcher._cache = _KernelCache(function)
    return dispatcher


def inner(function: Callable[..., Any]) -> Any:
    """Compile a function that is only called from kernels."""
    return numba.njit(fastmath=set(FAST_MATH), error_model=_ERROR_MODEL)(function)


def exact(function: Callable[..., Any]) -> Any:
    """Compile an inner function whose sums must keep their order, because it relies on rounding."""
    return numba.njit(fastmath={"contract"}, error_model=_ERROR_MODEL)(function)


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
    """Call ``callback`` once if something is really compiled inside the block.

    Loading compiled code from the cache does not count.
    """
    with event.install_listener("numba:compile", _FirstEvent(callback)):
        yield


class _FirstEvent(event.Listener):
    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def on_start(self, event: object) -> None:
        if self._callback is not None:
            callback, self._callback = self._callback, None
            callback()

    def on_end(self, event: object) -> None:
        """Nothing to do: only the beginning matters."""


class _NumericsStamp:
    """Compiled code is out of date when any file of the numerics has changed, however deep it lies.

    numba itself looks at the kernel's own file only, and kernels call functions of other files.
    """

    def get_source_stamp(self) -> object:
        """Return a stamp of all sources, in place of numba's stamp of one file."""
        return _numerics_state(), _state(Path(self._py_file))  # type: ignore[attr-defined]


@functools.cache
def _numerics_state() -> str:
    """Return a digest of the names, times and sizes of all files, as the process found them."""
    files = sorted(
        (path.relative_to(_NUMERICS).as_posix(), path) for path in _NUMERICS.rglob("*.py")
    )
    states = [(name, _state(path)) for name, path in files]
    return hashlib.sha256(repr(states).encode()).hexdigest()


def _state(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size


class _ProvidedLocator(_NumericsStamp, UserProvidedCacheLocator):
    """The folder that the user has named with NUMBA_CACHE_DIR."""


class _PrivateLocator(_NumericsStamp, UserWideCacheLocator):
    """A folder of the user's own: cached kernels are executed, so nobody else may write them."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        super().__init__(py_func, py_file)
        base = os.environ.get("XDG_CACHE_HOME", "")
        home = Path(base) if Path(base).is_absolute() else Path("~/.cache").expanduser()
        folder = home / "fit-image" / "kernels"
        self._cache_path = str(folder / self.get_suitable_cache_subpath(py_file))

    def ensure_cache_path(self) -> None:
        folder = Path(self._cache_path)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid"):
            status = folder.stat()
            others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if status.st_uid != os.getuid() or others_write:
                raise PermissionError(f"{folder} is not private")
        super().ensure_cache_path()


class _KernelCacheImpl(CompileResultCacheImpl):
    # A folder named with NUMBA_CACHE_DIR goes first: that is the user's explicit wish.
    _locator_classes = [_ProvidedLocator, _PrivateLocator]  # noqa: RUF012  # as in numba


class _CheckedCacheFile(IndexDataCacheFile):
    """Cached machine code behind its checksum: running damaged code would crash Python."""

    def _load_index(self) -> dict[Any, str]:
        try:
            return super()._load_index()
        except Exception:  # a damaged pickle may raise anything
            # It counts as an empty index, and is written anew after compiling.
            return {}

    def _save_data(self, name: str, data: object) -> None:
        code = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(hashlib.sha256(code).digest() + code)

    def _load_data(self, name: str) -> Any:
        stored = Path(self._data_path(name)).read_bytes()
        digest, code = stored[:32], stored[32:]
        if hashlib.sha256(code).digest() != digest:
            raise OSError(f"{name} is damaged")  # numba's word for "not in the cache"
        return pickle.loads(code)


class _KernelCache(FunctionCache):
    """numba's function cache in our folder, where no file error is fatal."""

    _impl_class = _KernelCacheImpl

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        self._cache_file = _CheckedCacheFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def load_overload(self, sig: object, target_context: object) -> Any:
        with contextlib.suppress(Exception):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: object, data: object) -> None:
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)
