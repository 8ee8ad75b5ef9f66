"""A process per task: whatever happens in it comes back as a value."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing import forkserver, process
from pathlib import Path

import psutil
import pytest

from harness import isolation
from harness.errors import ConfigError, HarnessError
from harness.full_disk import FullDisk
from harness.isolation import Outcome, Processes, Task, run_alone
from tests import isolated_calls

MODULE = isolated_calls.__name__


@pytest.fixture
def processes():
    found = Processes(threads=1)
    yield found
    found.stop()


@pytest.fixture
def run(processes, tmp_path):
    def call(function: str, timeout: float = 120, **arguments: object) -> Outcome:
        log = tmp_path / "log.txt"
        processes.start(Task("k", f"{MODULE}:{function}", arguments, log, 1, timeout))
        return processes.wait()

    return call


def test_value_comes_back_with_its_key(run):
    outcome = run("double", number=21)
    assert (outcome.key, outcome.status, outcome.value) == ("k", "ok", {"double": 42})


def test_error_is_one_line_and_the_traceback_is_in_the_log(run, tmp_path):
    outcome = run("fail")
    assert (outcome.status, outcome.reason) == ("failed", "ZeroDivisionError: division by zero")
    assert "in fail" in (tmp_path / "log.txt").read_text()


def test_error_for_people_is_told_as_it_is(run):
    assert run("refuse").reason == "size=0: must be larger"


@pytest.mark.parametrize("function", ["write_to_a_full_device", "safetensors_on_a_full_disk"])
def test_full_disk_is_no_outcome_of_the_task_but_raised(run, processes, function):
    with pytest.raises(FullDisk, match="No space left on device") as caught:
        run(function)
    assert caught.value.errno == errno.ENOSPC
    assert len(processes) == 0


def test_log_without_room_does_not_hide_what_happened(processes):
    log = Path("/dev/full")
    processes.start(Task("k", f"{MODULE}:fail", {}, log, 1, timeout=120))
    outcome = processes.wait()
    assert (outcome.status, outcome.reason) == ("failed", "ZeroDivisionError: division by zero")


def test_divergence_is_a_status_of_its_own(run):
    outcome = run("diverge")
    assert (outcome.status, outcome.reason) == ("diverged", "the loss is nan at step 7")


@pytest.mark.parametrize("function", ["exhaust_python", "exhaust_torch"])
def test_memory_that_runs_out_is_a_status_of_its_own(run, function):
    assert run(function).status == "out_of_memory"


def test_process_that_is_killed_is_told_with_its_signal(run):
    outcome = run("die", signal_number=int(signal.SIGSEGV))
    assert (outcome.status, outcome.reason) == ("killed", "the process died of SIGSEGV")


@pytest.mark.parametrize(("rise", "status"), [(0, "killed"), (1, "out_of_memory")])
def test_a_kill_is_the_kernels_where_it_counts_one_more_for_want_of_memory(
    run, monkeypatch, rise, status
):
    counts = iter((4, 4 + rise))
    monkeypatch.setattr(isolation, "oom_kills", lambda: next(counts))
    outcome = run("die", signal_number=int(signal.SIGKILL))
    told = " as the kernel's OOM killer struck" if rise else ""
    assert (outcome.status, outcome.reason) == (status, f"the process died of SIGKILL{told}")


def test_other_deaths_are_not_the_oom_killers(run, monkeypatch):
    counts = iter((4, 5))
    monkeypatch.setattr(isolation, "oom_kills", lambda: next(counts))
    assert run("die", signal_number=int(signal.SIGSEGV)).status == "killed"


def test_process_that_leaves_without_an_answer_is_told_with_its_code(run):
    assert run("leave", code=3).reason == "the process ended with exit code 3 and no answer"


def test_process_that_hangs_is_ended_at_its_timeout(run):
    outcome = run("hang", timeout=1.0)
    assert outcome.status == "timeout"
    assert 1 <= outcome.seconds < 30


@pytest.mark.parametrize("function", ["ignore_signals_and_hang", "hang_in_c"])
def test_process_that_hears_nothing_is_ended_at_its_timeout(run, function):
    outcome = run(function, timeout=1.0)
    assert outcome.status == "timeout"
    assert 1 <= outcome.seconds < 30


def test_a_task_starts_after_the_fork_server_was_killed(run):
    server = run("describe").value["parent"]
    os.kill(server, signal.SIGKILL)
    outcome = run("describe")
    assert outcome.status == "ok"
    assert outcome.value["parent"] != server


def test_a_task_starts_though_the_fork_server_is_killed_while_it_loads(processes, tmp_path):
    loading = []

    def kill() -> None:
        while not (found := _servers()):
            time.sleep(0.01)
        loading.append(found[0].pid)
        found[0].kill()

    forkserver._forkserver._stop()  # as in a process that has started none
    killer = threading.Thread(target=kill)
    killer.start()
    processes.start(Task("k", f"{MODULE}:describe", {}, tmp_path / "log", 1, timeout=120))
    killer.join()
    outcome = processes.wait()
    assert outcome.status == "ok"
    assert [outcome.value["parent"]] != loading


def test_an_interrupt_does_not_reach_the_fork_server_while_it_loads(processes, tmp_path, capfd):
    struck = []

    def strike() -> None:
        while not (found := _servers()):
            time.sleep(0.01)
        for _ in range(20):  # its first moments, and its imports
            found[0].send_signal(signal.SIGINT)
            time.sleep(0.05)
        struck.append(found[0].pid)

    forkserver._forkserver._stop()  # as in a process that has started none
    striker = threading.Thread(target=strike)
    striker.start()
    processes.start(Task("k", f"{MODULE}:describe", {}, tmp_path / "log", 1, timeout=120))
    outcome = processes.wait()
    striker.join()
    assert [outcome.value["parent"]] == struck
    assert capfd.readouterr().err == ""


def test_an_interrupt_of_ones_own_waits_until_the_fork_server_is_started(run, monkeypatch):
    started = []

    def ensure_running() -> None:
        # To this thread: any other of the process would take what is sent to all of it.
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        time.sleep(0.05)  # the interpreter runs handlers between two instructions
        started.append(True)

    monkeypatch.setattr(isolation.forkserver, "ensure_running", ensure_running)
    # What runs the tests may ignore interrupts, and leaves that to its workers.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run("describe")
    finally:
        signal.signal(signal.SIGINT, before)
    assert started == [True]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_path_that_is_too_long_for_the_servers_socket_is_named(run, monkeypatch, tmp_path):
    long = tmp_path / ("a" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.delitem(process.current_process()._config, "tempdir", raising=False)
    forkserver._forkserver._stop()
    with pytest.raises(ConfigError, match=rf"^TMPDIR={long}: must be a shorter path: AF_UNIX"):
        run("describe")


def test_output_of_python_and_of_c_goes_to_the_log(run, tmp_path):
    run("speak")
    log = (tmp_path / "log.txt").read_text()
    assert "from python" in log
    assert "from the system" in log


def test_every_task_has_a_fresh_process_with_the_asked_threads(run):
    first, second = run("describe").value, run("describe").value
    assert first["pid"] != second["pid"]
    assert first["calls"] == second["calls"] == 1
    assert first["threads"] == 1


def test_two_tasks_run_at_the_same_time_and_the_first_to_end_comes_first(processes, tmp_path):
    for key, seconds in (("slow", 1.5), ("quick", 0.0)):
        arguments = {"seconds": seconds}
        log = tmp_path / f"{key}.txt"
        processes.start(Task(key, f"{MODULE}:sleep", arguments, log, 1, 60))
    assert [processes.wait().key, processes.wait().key] == ["quick", "slow"]
    assert len(processes) == 0


@pytest.mark.parametrize("function", ["sleep", "compute"])
def test_waiting_takes_less_than_a_hundredth_of_the_time_that_a_task_takes(
    processes, tmp_path, function
):
    arguments = {"seconds": 2.0}
    processes.start(Task("k", f"{MODULE}:{function}", arguments, tmp_path / "l", 1, 60))
    before = time.process_time()
    outcome = processes.wait()
    assert outcome.status == "ok"
    assert outcome.seconds >= 2
    assert time.process_time() - before < 0.02


@pytest.mark.parametrize("function", ["leave_pid", "leave_pid_and_hang_in_c"])
def test_no_process_outlives_a_parent_that_is_killed(tmp_path, function):
    script = Path(__file__).with_name("parent_to_kill.py")
    environment = {**os.environ, "PYTHONPATH": str(script.parents[1])}
    parent = subprocess.Popen([sys.executable, script, tmp_path, function], env=environment)
    started = tmp_path / "pid"
    deadline = time.monotonic() + 120
    while not (started.exists() and started.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child = psutil.Process(int(started.read_text()))
    parent.kill()
    parent.wait()
    child.wait(timeout=30)


def test_task_of_its_own_gives_its_value_or_an_error_that_names_it(tmp_path):
    log = tmp_path / "log"
    assert run_alone("doubling", f"{MODULE}:double", {"number": 21}, log, 120) == {"double": 42}
    expected = f"choosing failed: size=0: must be larger; see {log}"
    with pytest.raises(HarnessError, match=re.escape(expected)):
        run_alone("choosing", f"{MODULE}:refuse", {}, log, 120)


def _servers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "forkserver" in str(child.cmdline())]
