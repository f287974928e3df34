"""Compiled kernels on disk: private, sealed by checksums, and never fatal."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import llvmlite
import numba
from numba.core import config
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)

from fit_image.nn.runtime.target import CPU_FEATURES, CPU_NAME, TRIPLE, WIDTH

# Where the files lie whose functions kernels are made of.
_NUMERICS: Final = Path(__file__).parents[1]

# Settings of numba that change the machine code.
_SETTINGS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "DEBUGINFO_DEFAULT")

_ENVIRONMENT: Final = (
    numba.__version__,
    llvmlite.__version__,
    (TRIPLE, CPU_NAME, CPU_FEATURES, WIDTH),
    tuple(str(getattr(config, name, None)) for name in _SETTINGS),
    getattr(config, "USING_SVML", None),
)
"""All that shapes machine code besides the sources: machines may share a home."""

_SEAL = hashlib.sha256().digest_size

# Opening a pipe would wait for its writer.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class _NumericsStamp:
    """Compiled code is out of date when any file of the numerics has changed, however deep it lies.

    numba itself looks at the kernel's own file only, and kernels call functions of other files.
    """

    def get_source_stamp(self) -> object:
        """Return a digest of all sources, in place of numba's stamp of one file."""
        return _numerics_digest(), _digest(Path(self._py_file))  # type: ignore[attr-defined]


@functools.cache
def _numerics_digest() -> str:
    """Return a digest of the names and contents of all files, as the process found them."""
    files = sorted(
        (path.relative_to(_NUMERICS).as_posix(), path) for path in _NUMERICS.rglob("*.py")
    )
    contents = [(name, _digest(path)) for name, path in files]
    return hashlib.sha256(repr(contents).encode()).hexdigest()


@functools.cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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


class _SealedFiles(IndexDataCacheFile):
    """Files of machine code, one for each kernel, signature and environment.

    The name is a digest of these, so that no index is needed. The file begins with a checksum of
    the code and of all that it was made for: damaged code, or that of another kernel or source,
    would crash Python.
    """

    def __init__(self, folder: Path, base: str, source_stamp: object) -> None:
        self._folder, self._base, self._stamp = folder, base, source_stamp

    def flush(self) -> None:
        for path in self._folder.glob(f"{self._base}-*.nbc"):
            path.unlink(missing_ok=True)

    def save(self, key: object, data: object) -> None:
        code = self._dump(data)
        with self._open_for_write(str(self._path(key))) as file:
            file.write(self._seal(key, code) + code)

    def load(self, key: object) -> Any:
        try:
            with os.fdopen(os.open(self._path(key), _FLAGS), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return None
                seal, code = file.read(_SEAL), file.read()
        except OSError:
            return None
        return pickle.loads(code) if self._seal(key, code) == seal else None

    def _path(self, key: object) -> Path:
        made_for = hashlib.sha256(repr((key, _ENVIRONMENT)).encode()).hexdigest()
        return self._folder / f"{self._base}-{made_for[:24]}.nbc"

    def _seal(self, key: object, code: bytes) -> bytes:
        made_for = repr((self._base, key, _ENVIRONMENT, self._stamp)).encode()
        return hashlib.sha256(hashlib.sha256(made_for).digest() + code).digest()


class KernelCache(FunctionCache):
    """numba's function cache in our folder, where no file error is fatal.

    A cache that is read-only, full, damaged or another kernel's costs a compilation.

    Raises
    ------
    RuntimeError
        If no folder can be used.
    """

    _impl_class = _KernelCacheImpl

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _SealedFiles(Path(self._cache_path), self._impl.filename_base, stamp)

    def load_overload(self, sig: object, target_context: object) -> Any:
        with contextlib.suppress(Exception):
            found = super().load_overload(sig, target_context)
            # Types of one name may differ.
            if found is not None and found.signature.args == sig:
                return found
        return None

    def save_overload(self, sig: object, data: object) -> None:
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)
