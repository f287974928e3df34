"""A process that trains one trial after another: ``python -m fit_image.apps.sweep.worker``.

It reads orders and writes reports, each a line of JSON, on its standard input and output. When its
input ends, also because the other side was killed, it saves the state of its trial and ends.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from fit_image.apps.record import Status
from fit_image.apps.sweep.pictures import Pictures
from fit_image.apps.sweep.training import share_done, train_trial
from fit_image.apps.sweep.trial import Trial
from fit_image.errors import FitImageError, InputError
from fit_image.nn.runtime.jit import on_compile

_SECONDS_BETWEEN_REPORTS = 0.2


class _Worker:
    def __init__(self, orders: BinaryIO, reports: BinaryIO) -> None:
        self._orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._reports = reports
        self._reported_at = 0.0
        self._pictures = Pictures()
        threading.Thread(target=self._listen, args=(orders,), daemon=True).start()

    def run(self) -> None:
        """Carry out orders until there are no more."""
        while (order := self._orders.get()) is not None:
            trial = Trial.from_json(order["trial"])
            try:
                status, message, hopeless = self._train(trial, Path(order["path"])), "", False
            except FitImageError as error:
                # What cannot be written for one trial cannot be written for the next.
                status, message = "failed", str(error)
                hopeless = not isinstance(error, InputError)
            except MemoryError:
                status, message, hopeless = "failed", "not enough memory", False
            self._report(event="ended", status=status, message=message, hopeless=hopeless)

    def _listen(self, orders: BinaryIO) -> None:
        for line in orders:
            if line.endswith(b"\n"):  # else its writer was killed
                self._orders.put(json.loads(line))
        self._stopping.set()
        self._orders.put(None)

    def _train(self, trial: Trial, path: Path) -> str:
        def should_stop(status: Status) -> bool:
            now = time.monotonic()
            if now - self._reported_at >= _SECONDS_BETWEEN_REPORTS:
                self._reported_at = now
                self._report(
                    event="advanced",
                    epoch=status.epoch,
                    share=share_done(trial, status),
                    seconds=status.seconds,
                    psnr=status.psnr,
                )
            return self._stopping.is_set()

        source = self._pictures(trial)
        with on_compile(lambda: self._report(event="compiling")):
            return train_trial(trial, path, source, should_stop).status

    def _report(self, **report: Any) -> None:
        self._reports.write(json.dumps(report).encode() + b"\n")
        self._reports.flush()


def main() -> None:
    """Work for the process that started this one."""
    # Whatever else is printed must not be taken for a report.
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        _Worker(sys.stdin.buffer, reports).run()
    except BrokenPipeError:
        # Nobody is listening any more.
        os._exit(1)
    except Exception:
        traceback.print_exc()
        # At once: the interpreter would abort while the other thread reads, and that would be
        # taken for the cause.
        os._exit(1)


if __name__ == "__main__":
    main()
