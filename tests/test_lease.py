"""One sweep at a time works on a trial, and a dead one's trials are taken up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from harness.errors import ConfigError
from harness.lease import LEASE, Lease

HOLDER = """
import sys, time
from pathlib import Path
from harness.lease import Lease
lease = Lease(Path(sys.argv[1]), float(sys.argv[2]))
assert lease.take()
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds the folder for as long as it lives."""
    started = []

    def hold(seconds: float) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_only_one_holds_a_folder_and_the_next_takes_it_when_it_lets_go(tmp_path):
    first, second = Lease(tmp_path / "t", 60), Lease(tmp_path / "t", 60)
    assert first.take()
    assert first.take(), "its holder may ask again"
    assert not second.take()
    first.release()
    assert not first.held
    assert second.take()
    second.release()
    assert os.listdir(tmp_path / "t") == []


def test_holder_that_died_is_noticed_at_once_on_its_own_machine(tmp_path, holder):
    process = holder(600)
    lease = Lease(tmp_path, 600)
    assert not lease.take()
    process.kill()
    process.wait()
    assert lease.take()
    lease.release()


def test_holder_that_sleeps_loses_its_folder_only_after_the_time_agreed_on(tmp_path, holder):
    process = holder(1.5)
    process.send_signal(signal.SIGSTOP)
    lease, started = Lease(tmp_path, 1.5), time.monotonic()
    while not lease.take():
        assert time.monotonic() - started < 60
        time.sleep(0.05)
    assert time.monotonic() - started >= 1.5
    assert not lease.lost
    lease.release()


def test_holder_that_lives_keeps_its_folder_for_many_times_that_long(tmp_path, holder):
    holder(1.0)
    lease, started = Lease(tmp_path, 1.0), time.monotonic()
    while time.monotonic() - started < 4:
        assert not lease.take()
        time.sleep(0.05)


def test_holder_is_told_that_its_folder_was_taken(tmp_path):
    told = []
    lease = Lease(tmp_path / "t", 0.3, on_loss=lambda: told.append(True))
    assert lease.take()
    assert not lease.lost
    (tmp_path / "t" / LEASE).unlink()
    assert lease.lost, "it knows before its heartbeat does"
    deadline = time.monotonic() + 30
    while not told:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    lease.release()


def test_folder_may_be_gone_when_it_is_let_go_of(tmp_path):
    lease = Lease(tmp_path / "t", 60)
    lease.take()
    shutil.rmtree(tmp_path / "t")
    lease.release()
    assert not lease.held
    assert not (tmp_path / "t").exists()


def test_sweeps_of_one_folder_have_to_agree_on_the_time(tmp_path):
    first = Lease(tmp_path, 60)
    first.take()
    with pytest.raises(ConfigError, match=r"lease=30\.0: must be what the other sweeps of this"):
        Lease(tmp_path, 30).take()
    first.release()
