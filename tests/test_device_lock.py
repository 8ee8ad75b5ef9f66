"""Holders in processes of their own: who waits for whom, and what a death leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from harness.device_lock import locked

ROOT = Path(__file__).resolve().parents[1]
HOLD = """
import sys, time
from pathlib import Path
from harness.device_lock import locked
folder, alone, times, seconds = sys.argv[1:]
for _ in range(int(times)):
    with locked("cpu", alone=alone == "alone", waits=lambda: None, folder=Path(folder)):
        start = time.monotonic()
        print("held", flush=True)
        time.sleep(float(seconds))
        print(start, time.monotonic(), flush=True)
"""

Holder = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    """Starts processes that hold the lock so many times for so many seconds."""
    started = []

    def start(kind: str, times: int, seconds: float) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(tmp_path), kind, str(times), str(seconds)]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def holding(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """The same process once it holds the lock."""
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def never() -> None:
    raise AssertionError("it had to wait")


def test_two_who_measure_never_overlap(holder: Holder) -> None:
    processes = [holder("alone", 8, 0.03) for _ in range(2)]
    lines = [line for process in processes for line in process.communicate(timeout=60)[0].split()]
    times = [float(line) for line in lines if line != "held"]
    held = sorted(zip(times[::2], times[1::2], strict=True))
    assert len(held) == 16
    assert all(end <= start for (_, end), (start, _) in pairwise(held))


def test_those_who_share_hold_it_together(holder: Holder, tmp_path: Path) -> None:
    holding(holder("shared", 1, 60))
    holding(holder("shared", 1, 60))
    with locked("cpu", alone=False, waits=never, folder=tmp_path):
        pass


@pytest.mark.parametrize(("holds", "alone"), [("alone", True), ("alone", False), ("shared", True)])
def test_a_holder_that_is_killed_frees_it_for_who_waits(
    holder: Holder, tmp_path: Path, holds: str, alone: bool
) -> None:
    first = holding(holder(holds, 1, 600))
    waited = []

    def kill() -> None:
        waited.append(first.poll())
        first.kill()

    with locked("cpu", alone=alone, waits=kill, folder=tmp_path):
        assert waited == [None], "it was still alive when this one had to wait"
        assert first.wait() == -9


def test_devices_are_held_apart(holder: Holder, tmp_path: Path) -> None:
    holding(holder("alone", 1, 60))
    with locked("GPU-1234", alone=True, waits=never, folder=tmp_path):
        pass


def test_an_error_inside_frees_it(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked("cpu", alone=True, waits=never, folder=tmp_path):
        raise KeyError
    with locked("cpu", alone=True, waits=never, folder=tmp_path):
        pass


def test_other_users_can_lock_the_file_whatever_the_umask_of_the_first(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with locked("cpu", alone=True, waits=never, folder=tmp_path):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "peft-harness-cpu.lock").stat().st_mode & 0o777 == 0o444


def test_a_link_in_the_shared_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    (tmp_path / "peft-harness-cpu.lock").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError), locked("cpu", alone=True, waits=never, folder=tmp_path):  # noqa: PT011
        pass
