"""Connection to dask.distributed, and the translation of its errors."""

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

# Their messages must not appear on the terminal.
_LOGGERS = ("distributed", "tornado", "asyncio")


class LostWorkError(FitImageError):
    """A work unit was lost with its worker or scheduler, and may be repeated."""


def check_installed() -> None:
    """Raise `InputError` if dask.distributed is not installed."""
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise InputError(
            "a cluster needs dask.distributed: pip install 'fit-image[cluster]'"
        ) from None


def connect(address: str, timeout: float) -> Any:
    """Return a ``distributed.Client`` of a scheduler; `InputError` after ``timeout`` seconds."""
    from distributed import Client

    try:
        # First without a client, which may wait forever where there is no scheduler.
        with futures.ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _find_scheduler(address, timeout)).result()
        with warnings.catch_warnings():
            # It warns of other versions of dask, which may work; errors are reported later.
            warnings.simplefilter("ignore")
            return Client(address, timeout=timeout, set_as_default=False)
    except Exception as error:  # another kind of server makes dask raise anything
        raise InputError(
            f"cannot reach a dask scheduler at {address!r}: {first_line(error)}"
        ) from error


async def _find_scheduler(address: str, timeout: float) -> None:
    from distributed import Security
    from distributed.comm import connect

    async def ask() -> Any:
        security = Security().get_connection_args("client")
        comm = await connect(address, timeout=timeout, **security)
        try:
            await comm.write({"op": "identity", "reply": True})
            return await comm.read()
        finally:
            comm.abort()

    try:
        identity = await asyncio.wait_for(ask(), timeout)
    except TimeoutError:
        raise TimeoutError(f"no answer within {timeout:g} seconds") from None
    if not isinstance(identity, dict) or identity.get("type") != "Scheduler":
        raise ValueError("another program answers there")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the loggers of dask."""
    # Some child loggers have handlers of their own.
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
    """Return the result of a task.

    Raises
    ------
    LostWorkError
        If the task was lost; it may succeed when repeated.
    VersionError
        If a machine of the cluster has another version of fit-image, or none.
    InputError
        If the trial cannot be trained on the cluster.
    """
    from distributed import KilledWorker

    try:
        result: WorkResult = future.result()
    except (asyncio.CancelledError, futures.CancelledError, OSError) as error:
        raise LostWorkError(f"lost by the cluster: {first_line(error)}") from error
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
        raise InputError(f"cannot be trained on the cluster: {first_line(error)}") from error
    return result


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip() or type(error).__name__).partition("\n")[0]


def _is_import_error(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, (ImportError, AttributeError)):
            return True
        error = error.__cause__
    return False
