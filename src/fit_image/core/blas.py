"""The threads of numpy's matrix products."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager[object]:
    """Keep matrix products to the thread that asks for them, within the context.

    BLAS's own threads would wait for one another at every layer, and their number would change
    how its sums are rounded. Entering takes some microseconds.
    """
    limit: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limit


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
