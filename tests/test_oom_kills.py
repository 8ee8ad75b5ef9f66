"""The kernel's count of those that it killed for want of memory, from files as it writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.oom_kills import oom_kills

EVENTS = "low 0\nhigh 0\nmax 31\noom 4\noom_kill {}\noom_group_kill 0\n"
VMSTAT = "nr_free_pages 4711\nunevictable_pgs_culled 0\noom_kill {}\ndrop_pagecache 0\n"


@pytest.fixture
def system(tmp_path: Path):
    def make(cgroup: str, **files: str) -> Path:
        for name, text in {"proc/self/cgroup": cgroup, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def test_kills_of_the_own_cgroup_are_read_where_it_counts_them(system):
    own = {"sys/fs/cgroup/user.slice/job.scope/memory.events": EVENTS.format(2)}
    root = system("0::/user.slice/job.scope\n", **own, **{"proc/vmstat": VMSTAT.format(7)})
    assert oom_kills(root) == 2


def test_in_a_container_the_own_cgroup_is_the_root(system):
    root = system("0::/\n", **{"sys/fs/cgroup/memory.events": EVENTS.format(3)})
    assert oom_kills(root) == 3


def test_kills_of_the_machine_are_read_where_the_cgroup_counts_none(system):
    groups = "4:memory:/job\n1:cpu:/\n0::/\n"
    assert oom_kills(system(groups, **{"proc/vmstat": VMSTAT.format(5)})) == 5


def test_a_system_that_counts_none_says_so(system):
    assert oom_kills(system("", **{"proc/vmstat": "nr_free_pages 4711\n"})) is None
    assert oom_kills(Path("/nowhere")) is None
