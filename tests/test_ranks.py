"""Ranks: they meet, the first one's value counts, and none outlives another or the phase."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from harness.isolation import Failure, Processes, Task
from harness.ranks import available, over_ranks

CALLS = "tests.rank_calls"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cores,
    pytest.mark.skipif(available("cpu") < 2, reason="two ranks need two cores"),
]


def gone(folder: Path) -> bool:
    """Whether the processes of both ranks have ended."""
    pids = [int(file.read_text()) for file in folder.glob("*.pid")]
    until = time.monotonic() + 30
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return len(pids) == 2 and not any(map(psutil.pid_exists, pids))


def test_ranks_reach_each_other_and_the_value_is_that_of_the_first(tmp_path: Path) -> None:
    found = over_ranks(2, f"{CALLS}:add", {"count": 2}, tmp_path)
    assert found == {"total": 3, "rank": 0, "leads": True}
    assert {file.name for file in tmp_path.iterdir()} == {"log.txt", "log.rank1.txt"}


@pytest.mark.parametrize(
    ("way", "status", "reason"),
    [
        ("kill", "killed", "rank 1 of 2: the process died of SIGKILL"),
        ("diverge", "diverged", "rank 1 of 2: the loss is nan"),
        ("late", "diverged", "rank 1 of 2: the loss is nan"),
    ],
)
def test_rank_that_ends_badly_ends_all_and_is_named(
    tmp_path: Path, way: str, status: str, reason: str
) -> None:
    with pytest.raises(Failure, match=reason) as failure:
        over_ranks(2, f"{CALLS}:end", {"count": 2, "folder": str(tmp_path), "way": way}, tmp_path)
    assert failure.value.status == status
    assert gone(tmp_path)


def test_ranks_end_with_the_phase_that_a_timeout_ends(tmp_path: Path) -> None:
    processes = Processes(threads=1)
    task = Task("k", f"{CALLS}:end_all", {"folder": str(tmp_path)}, tmp_path / "log", 1, 3600)
    processes.start(task)
    until = time.monotonic() + 120
    while len(list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    processes.stop()  # kills it, as its timeout would
    assert gone(tmp_path)


def test_on_a_cpu_each_rank_takes_a_core() -> None:
    assert available("cpu") == len(os.sched_getaffinity(0))
