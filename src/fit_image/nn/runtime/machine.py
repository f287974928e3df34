"""Facts about the machine, or about the part of it that a container may use."""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")

# Controllers of version 1 lie in folders of their own, which have several names.
_VERSION_1 = {"cpu": ("cpu", "cpu,cpuacct", "cpuacct,cpu"), "memory": ("memory",)}


def usable_cores(cgroups: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Return the number of cores this process may use, a begun one included.

    Parameters
    ----------
    cgroups : Path
        Where the control groups of Linux are mounted, of version 1 or 2.
    membership : Path
        The file that names those of this process.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(math.ceil(min(cores, _core_quota(cgroups, membership))), 1)


def usable_memory(cgroups: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Return the bytes of memory this process may use, or a generous guess if nobody knows.

    The parameters are those of `usable_cores`.
    """
    return min([_physical_memory(), *_memory_limits(cgroups, membership)])


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 1 << 36


# Asked by every drawing: the files are read once.
@functools.cache
def _core_quota(cgroups: Path, membership: Path) -> float:
    """Return the processor's time a second of time that the tightest quota leaves; or infinity."""
    quotas = [math.inf]
    for folder in _groups("cpu", cgroups, membership):
        # "max 100000" or "150000 100000": microseconds, of a period of so many.
        words = _words(folder / "cpu.max")
        old = _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        for pair in (words, old):
            with contextlib.suppress(ValueError, ZeroDivisionError):
                quota, period = map(int, pair)
                if quota > 0:  # -1: none
                    quotas.append(quota / period)
    return min(quotas)


def _memory_limits(cgroups: Path, membership: Path) -> Iterator[int]:
    for folder in _groups("memory", cgroups, membership):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with contextlib.suppress(ValueError):  # "max", or no such file
                (limit,) = map(int, _words(folder / name))
                if limit > 0:
                    yield limit


def _groups(controller: str, cgroups: Path, membership: Path) -> Iterator[Path]:
    """Yield the folders of a controller whose limits hold: the process's own, and those above.

    In a container, the membership may be as the host sees it, and the container's own folder the
    root of what is mounted.
    """
    roots = {cgroups: [""]}
    for name in _VERSION_1[controller]:
        roots[cgroups / name] = [""]
    for line in _lines(membership):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            roots[cgroups].append(path)
        elif controller in controllers.split(","):
            for name in _VERSION_1[controller]:
                roots[cgroups / name].append(path)
    for root, paths in roots.items():
        for path in paths:
            own = root / path.strip("/")
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(root))


def _words(file: Path) -> list[str]:
    return [word for line in _lines(file) for word in line.split()]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []
