"""Marks of who is at work, read back after all that can become of their writers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import SoftFileLease

from harness import running
from harness.lease import LEASE

DURATION = 90.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of a trial that this process holds."""
    with SoftFileLease(tmp_path / LEASE, lease_duration=DURATION):
        yield tmp_path


def remark(folder: Path, **fields: Any) -> None:
    """Mark as this process does, with some fields as another would have them."""
    running.mark(folder, "train")
    path = folder / running.MARK
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def lease_of_another_machine(folder: Path, seconds_ago: float) -> None:
    """A lease as filelock writes it, with another machine's name, last refreshed some time ago."""
    path = folder / LEASE
    text = "".join(
        "host=elsewhere\n" if line.startswith("host=") else line
        for line in path.read_text().splitlines(keepends=True)
    )
    path.unlink()  # leaves this process's own, which is another file
    path.write_text(text)
    os.utime(path, (time.time() - seconds_ago,) * 2)


def test_a_mark_tells_phase_host_process_and_since_when(folder: Path) -> None:
    before = time.time()
    running.mark(folder, "train")
    found = running.read(folder)
    assert found is not None
    assert (found.phase, found.host, found.pid) == ("train", socket.gethostname(), os.getpid())
    assert found.since is not None
    assert before <= found.since <= time.time()
    assert found.alive


def test_the_next_phase_takes_the_place_of_the_one_before(folder: Path) -> None:
    running.mark(folder, "plan")
    running.mark(folder, "train")
    found = running.read(folder)
    assert found is not None
    assert found.phase == "train"
    assert sorted(path.name for path in folder.iterdir()) == [LEASE, running.MARK]


def test_what_is_unmarked_has_nobody_at_work(folder: Path) -> None:
    running.mark(folder, "train")
    running.unmark(folder)
    running.unmark(folder)
    (folder / LEASE).unlink()
    assert running.read(folder) is None


def test_a_process_that_is_gone_is_not_at_work(folder: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    remark(folder, pid=ended.pid)
    found = running.read(folder)
    assert found is not None
    assert not found.alive


def test_a_process_that_bears_the_number_of_an_earlier_one_is_not_it(folder: Path) -> None:
    # This process is alive, but was started after the mark was made.
    remark(folder, since=psutil.Process().create_time() - 60)
    found = running.read(folder)
    assert found is not None
    assert not found.alive


@pytest.mark.parametrize(("seconds_ago", "alive"), [(0, True), (80, True), (100, False)])
def test_another_machine_is_at_work_while_it_refreshes_its_lease(
    folder: Path, seconds_ago: float, alive: bool
) -> None:
    lease_of_another_machine(folder, seconds_ago)
    remark(folder, host="elsewhere", pid=1)
    found = running.read(folder)
    assert found is not None
    assert (found.host, found.alive) == ("elsewhere", alive)


def test_another_machine_without_a_lease_is_not_at_work(folder: Path) -> None:
    (folder / LEASE).unlink()
    remark(folder, host="elsewhere")
    found = running.read(folder)
    assert found is not None
    assert not found.alive


@pytest.mark.parametrize(("seconds_ago", "alive"), [(0, True), (100, False)])
def test_a_container_of_this_host_is_judged_by_its_lease(
    folder: Path, seconds_ago: float, alive: bool
) -> None:
    # Whatever the process of that number is here.
    lease_of_another_machine(folder, seconds_ago)
    remark(folder, namespace=1)
    found = running.read(folder)
    assert found is not None
    assert found.alive is alive


def test_who_holds_a_trial_before_a_phase_begins_is_told_from_the_lease(folder: Path) -> None:
    found = running.read(folder)
    assert found is not None
    assert (found.phase, found.host, found.pid) == (None, socket.gethostname(), os.getpid())
    assert found.alive


def test_a_sweep_that_stopped_and_let_go_is_not_at_work(folder: Path) -> None:
    running.mark(folder, "train")
    (folder / LEASE).unlink()
    found = running.read(folder)
    assert found is not None
    assert (found.phase, found.alive) == ("train", False)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"phase": "train"}', '{"phase": 1, "pid": "x"}'])
def test_a_mark_that_cannot_be_read_is_none(folder: Path, text: str) -> None:
    (folder / LEASE).unlink()
    (folder / running.MARK).write_text(text)
    assert running.read(folder) is None
