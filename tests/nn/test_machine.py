"""Cores and memory that a container leaves, in files of the form that Linux gives them."""

from __future__ import annotations

import os

import pytest

from fit_image.nn.runtime.machine import usable_cores, usable_memory

CORES = len(os.sched_getaffinity(0))
NO_LIMIT = {"cpu.max": "max 100000\n", "memory.max": "max\n"}
NO_OLD_LIMIT = {
    "cpu/cpu.cfs_quota_us": "-1\n",
    "cpu/cpu.cfs_period_us": "100000\n",
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
}
NEW = "0::{}\n"
OLD = "4:memory:{0}\n3:cpu,cpuacct:{0}\n2:cpuset:/\n1:name=systemd:{0}\n0::/\n"


def limits(tmp_path, membership, files):
    """Cores and memory under control groups of these files."""
    root = tmp_path / "cgroup"
    root.mkdir()
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "membership").write_text(membership)
    arguments = root, tmp_path / "membership"
    return usable_cores(*arguments), usable_memory(*arguments)


@pytest.fixture
def _many_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)))


@pytest.mark.usefixtures("_many_cores")
@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        (NEW.format("/"), {"cpu.max": "200000 100000\n"}, 2),
        (NEW.format("/"), {"cpu.max": "150000 100000\n"}, 2),
        (NEW.format("/"), {"cpu.max": "10000 100000\n"}, 1),
        (NEW.format("/pod/one"), {"pod/one/cpu.max": "50000 10000\n"}, 5),
        (NEW.format("/pod/one"), NO_LIMIT | {"pod/cpu.max": "300000 100000"}, 3),
        (NEW.format("/as/the/host/sees/it"), {"cpu.max": "400000 100000"}, 4),
        (NEW.format("/"), NO_LIMIT, 64),
        (NEW.format("/"), {"cpu.max": "200000 0\n"}, 64),
        (NEW.format("/"), {"cpu.max": "nonsense"}, 64),
        ("", {}, 64),
        *(
            (
                OLD.format(path),
                {f"{at}/cpu.cfs_quota_us": "700000", f"{at}/cpu.cfs_period_us": p},
                n,
            )
            for path in ("/", "/docker/8f", "/elsewhere")
            for at in ("cpu", "cpu,cpuacct", "cpu/docker/8f")
            for p, n in (("100000", 7), ("1000000", 1))
            if path == "/docker/8f" or "8f" not in at
        ),
        (OLD.format("/"), NO_OLD_LIMIT, 64),
    ],
)
def test_a_quota_of_the_processors_counts(tmp_path, membership, files, cores):
    assert limits(tmp_path, membership, files)[0] == cores


@pytest.mark.parametrize(
    ("membership", "files", "memory"),
    [
        (NEW.format("/"), {"memory.max": "1048576\n"}, 1 << 20),
        (NEW.format("/pod/one"), {"pod/memory.max": "4096", "pod/one/memory.max": "max"}, 4096),
        (OLD.format("/"), {"memory/memory.limit_in_bytes": "65536\n"}, 65536),
        (OLD.format("/a"), {"memory/a/memory.limit_in_bytes": "8192\n"}, 8192),
    ],
)
def test_a_limit_of_the_memory_counts(tmp_path, membership, files, memory):
    assert limits(tmp_path, membership, files)[1] == memory


@pytest.mark.parametrize("files", [NO_LIMIT, NO_OLD_LIMIT, {"memory.max": "x"}, {}])
def test_without_limits_all_of_the_machine_may_be_used(tmp_path, files):
    cores, memory = limits(tmp_path, NEW.format("/"), files)
    assert cores == CORES
    assert memory == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_fewer_cores_than_the_quota_are_no_more(tmp_path):
    assert limits(tmp_path, NEW.format("/"), {"cpu.max": "9900000 100000"})[0] == CORES
