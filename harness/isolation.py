"""A fresh process for a phase; whatever happens in it comes back as a value.

Python's fork server imports the heavy libraries once and forks a clean process for each phase:
fresh memory, a fresh high-water mark, no threads started before the fork, and no second import.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, HarnessError
from harness.full_disk import FullDisk, full_disk
from harness.oom_kills import oom_kills
from harness.stopping import SIGNALS

# Imported once by the fork server. No module here computes anything when imported, since threads
# that it would start do not survive a fork.
PRELOAD = ["harness.preloaded"]
# Fork servers that may die, one after the other, before a task is given up.
SERVERS = 3


@dataclass(frozen=True)
class Task:
    """A call to make in a process of its own."""

    key: str
    function: str
    """`module:function`; takes and returns plain JSON values."""
    arguments: dict[str, Any]
    log: Path
    """Everything that the process prints is appended here."""
    threads: int
    timeout: float
    """Seconds."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended."""

    key: str
    status: str
    """ok, failed, diverged, out_of_memory, killed or timeout."""
    value: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    seconds: float = 0.0


class Failure(Exception):
    """Raised in a task to end it with a status other than `failed`."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class _Running:
    task: Task
    process: ForkServerProcess
    pipe: connection.Connection
    started: float
    oom_kills: int | None
    """Of the kernel's, before it started."""

    @property
    def deadline(self) -> float:
        return self.started + self.task.timeout


class Processes:
    """Starts tasks and waits for them; blocks on pipes and never polls."""

    def __init__(self, threads: int) -> None:
        # Read by the libraries when the server imports them; each task may lower it.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        os.environ["TQDM_DISABLE"] = "1"  # progress bars would only fill the logs
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOAD)
        self._running: dict[str, _Running] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, task: Task) -> None:
        """Raises HarnessError where the fork server dies again and again, or has no place."""
        task.log.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(SERVERS):
            try:
                return self._start(task)
            except (EOFError, ConnectionError):
                # The server was killed before it answered. The next call starts another, once
                # the system has taken note of the death of this one.
                self._running.pop(task.key).pipe.close()
                time.sleep(0.1)
            except OSError as error:
                if error.errno is not None:
                    raise
                # The server's socket lies in this folder, and its path may not be long.
                folder, expected = tempfile.gettempdir(), f"must be a shorter path: {error}"
                raise ConfigError("TMPDIR", folder, expected) from error
        raise HarnessError(f"{task.key}: the fork server died {SERVERS} times; is memory short?")

    def _start(self, task: Task) -> None:
        receiving, sending = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_run,
            args=(sending, task.function, json.dumps(task.arguments), str(task.log), task.threads),
            daemon=True,
        )
        running = _Running(task, process, receiving, time.monotonic(), oom_kills())
        self._running[task.key] = running  # before it starts: an interrupt may come at any time
        try:
            _ensure_server()
            process.start()
        finally:
            sending.close()
        running.started = time.monotonic()

    def wait(self) -> Outcome:
        """The next outcome of a running task.

        Raises FullDisk where a task met one: what it does has no part in that.
        """
        while True:
            soonest = min(self._running.values(), key=lambda running: running.deadline)
            pipes = {running.pipe: running for running in self._running.values()}
            ready = connection.wait(list(pipes), max(0.0, soonest.deadline - time.monotonic()))
            if ready:
                return self._finish(pipes[ready[0]])  # type: ignore[index]
            if time.monotonic() >= soonest.deadline:
                return self._stop(soonest)

    def ends_within(self, seconds: float) -> bool:
        """Whether a running task has ended, or does so in this time."""
        return bool(connection.wait([running.pipe for running in self._running.values()], seconds))

    def kill(self, key: str) -> None:
        """Kill a task from any thread; `wait` then gives its outcome."""
        running = self._running.get(key)
        if running and running.process.pid is not None:
            running.process.kill()

    def stop(self) -> None:
        """Kill what is running."""
        for running in list(self._running.values()):
            self._stop(running)

    def _finish(self, running: _Running) -> Outcome:
        try:
            answer = json.loads(running.pipe.recv_bytes())
        except EOFError:
            answer = None
        running.process.join()
        seconds = self._forget(running)
        if answer is None:
            status, reason = _death(running)
            return Outcome(running.task.key, status, reason=reason, seconds=seconds)
        if full := answer.get("full_disk"):
            raise FullDisk(*full)
        return Outcome(running.task.key, seconds=seconds, **answer)

    def _stop(self, running: _Running) -> Outcome:
        if running.process.pid is not None:
            running.process.kill()
            running.process.join()
        seconds = self._forget(running)
        reason = f"took longer than the timeout of {running.task.timeout:.0f} s"
        return Outcome(running.task.key, "timeout", reason=reason, seconds=seconds)

    def _forget(self, running: _Running) -> float:
        del self._running[running.task.key]
        running.pipe.close()
        return time.monotonic() - running.started


def run_alone(
    key: str, function: str, arguments: dict[str, Any], log: Path, timeout: float
) -> dict[str, Any]:
    """What one task gives, with all cores for itself; `timeout` in seconds.

    Raises HarnessError where it does not end well, with `key` as the name of what was done.
    """
    threads = len(os.sched_getaffinity(0))
    processes = Processes(threads)
    try:
        processes.start(Task(key, function, arguments, log, threads, timeout))
        outcome = processes.wait()
    finally:
        processes.stop()
    if outcome.status != "ok":
        raise HarnessError(f"{key} {outcome.status}: {outcome.reason}; see {log}")
    return outcome.value


def _ensure_server() -> None:
    """Start the fork server, if there is none, such that an interrupt cannot reach its imports.

    It ignores interrupts by itself only when it has imported what it forks. What is blocked here
    stays so in it, and comes through to this process once the server is started.
    """
    resource_tracker.ensure_running()  # which lifts the block as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _death(running: _Running) -> tuple[str, str]:
    """(status, reason) of a process that left no answer."""
    code, before, after = running.process.exitcode, running.oom_kills, oom_kills()
    if code is None or code >= 0:
        return "killed", f"the process ended with exit code {code} and no answer"
    reason = f"the process died of {signal.Signals(-code).name}"
    if code == -signal.SIGKILL and before is not None and after is not None and after > before:
        return "out_of_memory", f"{reason} as the kernel's OOM killer struck"
    return "killed", reason


def _run(
    pipe: connection.Connection, function: str, arguments: str, log: str, threads: int
) -> None:
    """The whole life of a task's process."""
    _die_with_parent()
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # the parent decides what an interrupt means
    _print_into(log)
    import torch
    from tqdm import tqdm

    # By default its lock is a semaphore of the system's, which outlives a process that is killed.
    tqdm.set_lock(threading.RLock())
    torch.set_num_threads(threads)
    answer = _answer(function, arguments)
    with suppress(OSError):  # the log's disk may be full
        sys.stdout.flush()
    pipe.send_bytes(json.dumps(answer, allow_nan=False).encode())


def _answer(function: str, arguments: str) -> dict[str, Any]:
    import torch

    module, _, name = function.partition(":")
    call: Callable[..., dict[str, Any]] = getattr(import_module(module), name)
    try:
        return {"status": "ok", "value": call(**json.loads(arguments))}
    except Exception as error:
        with suppress(OSError):
            traceback.print_exc()
        if full := full_disk(error):
            return {"full_disk": [full.errno, full.strerror, full.filename]}
        # The CPU allocator has no error of its own.
        short = isinstance(error, torch.OutOfMemoryError | MemoryError)
        short = short or "can't allocate memory" in str(error)
        status = "out_of_memory" if short else getattr(error, "status", "failed")
        return {"status": status, "reason": _one_line(error)}


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or "no message"
    plain = isinstance(error, (HarnessError, Failure))
    return text if plain else f"{type(error).__name__}: {text}"


def _print_into(log: str) -> None:
    """Send both output streams, those of C libraries too, to the end of a file."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _die_with_parent() -> None:
    """End this process when the sweep's own process is gone, however it went.

    By the kernel, which asks no thread of this process: one that hangs may let none run.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    sentinel = parent.sentinel
    fcntl.fcntl(sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(sentinel, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(sentinel, fcntl.F_GETFL)
    fcntl.fcntl(sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)
    if connection.wait([sentinel], 0):  # it was gone before
        os.kill(os.getpid(), signal.SIGKILL)
