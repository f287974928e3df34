"""The boundary to dask.distributed: connecting, and what its errors mean here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import warnings
from collections.abc import Iterator
from concurrent import futures
from typing import Any

from fit_image.apps.sweep.execution.work_unit import VersionError, WorkResult
from fit_image.errors import FitImageError, InputError

_CONNECT_SECONDS = 5.0

# They would write to the terminal of whoever only waits for results.
_LOGGERS = ("distributed", "tornado", "asyncio")


class LostWorkError(FitImageError):
    """A leg is gone with the machines that knew of it."""


def check_installed() -> None:
    """Raise `InputError` if dask.distributed is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise InputError(
            "a cluster needs dask.distributed: pip install 'fit-image[cluster]'"
        ) from None


def connect(address: str) -> Any:
    """Return a ``distributed.Client`` of the scheduler at an address.

    Raises
    ------
    InputError
        If that is impossible.
    """
    from distributed import Client

    try:
        # Before there is a client: one that meets no scheduler may wait without end.
        with futures.ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _find_scheduler(address)).result()
        with warnings.catch_warnings():
            # Of other versions of dask, which may do; what does not is found out.
            warnings.simplefilter("ignore")
            return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except Exception as error:  # whatever another kind of server makes dask raise
        raise InputError(
            f"cannot reach a dask scheduler at {address!r}: {first_line(error)}"
        ) from error


async def _find_scheduler(address: str) -> None:
    from distributed import Security
    from distributed.comm import connect

    async def ask() -> Any:
        security = Security().get_connection_args("client")
        comm = await connect(address, timeout=_CONNECT_SECONDS, **security)
        try:
            await comm.write({"op": "identity", "reply": True})
            return await comm.read()
        finally:
            comm.abort()

    try:
        identity = await asyncio.wait_for(ask(), _CONNECT_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"no answer within {_CONNECT_SECONDS:g} seconds") from None
    if not isinstance(identity, dict) or identity.get("type") != "Scheduler":
        raise ValueError("another program answers there")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Return a context in which dask writes nothing to the log."""
    # Some of those below have handlers of their own.
    known = [name for name in logging.root.manager.loggerDict if name.startswith(_LOGGERS)]
    loggers = [logging.getLogger(name) for name in {*_LOGGERS, *known}]
    silent = logging.NullHandler()
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [silent], False
    try:
        yield
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate


def result_of(future: Any) -> WorkResult:
    """Return the leg that a task returned.

    Raises
    ------
    LostWorkError
        If it never came to an end, and may another time.
    VersionError
        If the machines of the cluster have another fit-image, or none.
    InputError
        If its trial cannot be trained there.
    """
    from distributed import KilledWorker

    try:
        leg: WorkResult = future.result()
    except (asyncio.CancelledError, futures.CancelledError, OSError) as error:
        raise LostWorkError(f"the cluster lost it: {first_line(error)}") from error
    except VersionError:
        raise
    except KilledWorker:
        raise InputError("every worker that trained it died") from None
    except Exception as error:
        if _is_import_error(error):
            raise VersionError(
                "a machine of the cluster cannot run fit-image: install the same version on "
                f"every machine ({first_line(error.__cause__ or error)})"
            ) from error
        raise InputError(f"the cluster cannot train it: {first_line(error)}") from error
    return leg


def first_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return (str(error).strip() or type(error).__name__).partition("\n")[0]


def _is_import_error(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, (ImportError, AttributeError)):
            return True
        error = error.__cause__
    return False
