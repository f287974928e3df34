"""The command line as tests call it."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

from click.testing import CliRunner

from fit_image.cli import cli


class Shell:
    """Calls ``fit-image``, or one of its commands."""

    def __init__(self, *command):
        self._command = command

    def run(self, *args):
        return CliRunner().invoke(cli, [*self._command, *map(str, args)])

    def succeed(self, *args):
        result = self.run(*args)
        assert result.exit_code == 0, result.output
        return result

    def fail(self, *args, code=2):
        """Run what must fail and leave nothing behind, and return its one line."""
        before = sorted(Path.cwd().rglob("*"))
        result = self.run(*args)
        assert result.exit_code == code, result.output
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("fit-image: ")
        assert sorted(Path.cwd().rglob("*")) == before
        return line

    def fail_on_full_disk(self, *args):
        """Run what finds the disk full at its first large file, and return its one line."""

        def limit():
            # Python ignores SIGXFSZ, so that a write beyond the limit is an error.
            resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

        process = self.start(*args, preexec_fn=limit)
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 1, stderr
        (line,) = stderr.splitlines()
        assert line.startswith("fit-image: cannot write ")
        assert not list(Path.cwd().rglob(".*partial*"))
        return line

    def start(self, *args, **options):
        """Return a process."""
        command = [sys.executable, "-m", "fit_image", *self._command, *map(str, args)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
