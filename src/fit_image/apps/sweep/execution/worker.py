"""Worker process that trains one trial after another.

``python -m fit_image.apps.sweep.execution.worker`` reads orders from its standard input and
writes reports to its standard output, one JSON object a line. At the end of the input, also when
its parent was killed, it saves a checkpoint and exits.
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

from fit_image.apps.sweep.execution.training import train_trial
from fit_image.apps.sweep.plan.trial import Trial, TrialPictures
from fit_image.errors import FitImageError, InputError
from fit_image.nn.runtime.jit import on_compile
from fit_image.runs.progress import Status

_SECONDS_BETWEEN_REPORTS = 0.2


class _Worker:
    def __init__(self, orders: BinaryIO, reports: BinaryIO) -> None:
        self._orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._reports = reports
        self._reported_at = 0.0
        self._pictures = TrialPictures()
        threading.Thread(target=self._listen, args=(orders,), daemon=True).start()

    def run(self) -> None:
        """Train trials until the input ends."""
        while (order := self._orders.get()) is not None:
            trial = Trial.from_json(order["trial"])
            try:
                path, until = Path(order["path"]), order["until"]
                status, message, fatal = self._train(trial, path, until), "", False
            except FitImageError as error:
                # A write error would hit the next trial, too.
                status, message = "failed", str(error)
                fatal = not isinstance(error, InputError)
            except MemoryError:
                status, message, fatal = "failed", "not enough memory", False
            self._report(event="ended", status=status, message=message, fatal=fatal)

    def _listen(self, orders: BinaryIO) -> None:
        for line in orders:
            if line.endswith(b"\n"):  # otherwise the parent was killed while writing it
                self._orders.put(json.loads(line))
        self._stopping.set()
        self._orders.put(None)

    def _train(self, trial: Trial, path: Path, until: int | None) -> str:
        def should_stop(status: Status) -> bool:
            now = time.monotonic()
            if now - self._reported_at >= _SECONDS_BETWEEN_REPORTS:
                self._reported_at = now
                self._report(
                    event="advanced",
                    epoch=status.epoch,
                    share=trial.manifest.share_done(status),
                    seconds=status.seconds,
                    psnr=status.metrics and status.metrics.psnr,
                )
            return self._stopping.is_set()

        source = self._pictures(trial)
        with on_compile(lambda: self._report(event="compiling")):
            return train_trial(trial, path, source, should_stop, until=until).status

    def _report(self, **report: Any) -> None:
        self._reports.write(json.dumps(report).encode() + b"\n")
        self._reports.flush()


def main() -> None:
    """Run the worker."""
    # Other output of this process must not mix with the reports.
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        _Worker(sys.stdin.buffer, reports).run()
    except BrokenPipeError:
        # The parent is gone.
        os._exit(1)
    except Exception:
        traceback.print_exc()
        # Skip the interpreter's shutdown: it aborts while the other thread is reading, and the
        # parent would report that as the cause.
        os._exit(1)


if __name__ == "__main__":
    main()
