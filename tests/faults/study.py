"""A small study: a folder of results, a journal beside it, and the command that fills it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.stopping import SIGNALS
from tests.faults import journal
from tests.faults.journal import Order

ROOT = Path(__file__).resolve().parents[2]
# The fewest phases, each as short as it can be: what counts is how often one begins and ends.
PHASES = ("plan", "train", "merge", "memory", "latency", "speed")
TINY = (
    "sweep=smoke", "method=lora", "size=2",
    "method.implementation=tests.faults.journaled:JournaledLoRA",
    "train.steps=3", "measure.serving=null", "measure.capacity=null", "measure.forgetting=null",
    "measure.energy_seconds=null", "measure.new_tokens=null", "measure.batch_sizes=[1]",
    "measure.latency_rounds=1", "measure.warmups=1", "measure.speed_steps=1",
)  # fmt: skip
PATIENCE = 600.0
"""Seconds that a command may take, on a machine that others use too."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float

    def told(self) -> str:
        """For the report of a command that did not end as it should."""
        return f"exit code {self.code}, stderr: {self.err[-800:]!r}"


class Command:
    """A command that runs, in a session of its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        logs: Path,
        group: Path | None = None,
    ) -> None:
        """`group` is the cgroup that it runs in, if not in that of this process."""
        logs.mkdir(parents=True, exist_ok=True)
        self._files = [logs / f"{time.monotonic_ns()}.{name}" for name in ("out", "err")]
        self._started = time.monotonic()
        with self._files[0].open("w") as out, self._files[1].open("w") as err:
            self.process = subprocess.Popen(
                arguments, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, start_new_session=True, preexec_fn=_heeding,
            )  # fmt: skip
        # Threads that wait for each other on cores that others use take many times as long.
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(self.pid, {cores[self.pid % len(cores)]})
        if group:
            (group / "cgroup.procs").write_text(str(self.pid))

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def wait(self, seconds: float = PATIENCE) -> Ended:
        """How it ended; raises TimeoutExpired where it does not."""
        code = self.process.wait(seconds)
        out, err = (path.read_text(errors="replace") for path in self._files)
        return Ended(code, out, err, time.monotonic() - self._started)

    def server(self) -> psutil.Process | None:
        """Its fork server."""
        try:
            for child in psutil.Process(self.pid).children():
                if any("forkserver" in word for word in child.cmdline()):
                    return child
        except psutil.NoSuchProcess:
            pass
        return None

    def phases(self) -> list[psutil.Process]:
        """The processes in which phases, or the check, run."""
        server = self.server()
        try:
            return server.children() if server else []
        except psutil.NoSuchProcess:
            return []

    def left(self, seconds: float = 120.0) -> list[str]:
        """Processes that are still there so long after it ended; they are killed.

        A fork server notices the end of its sweep when it has imported what it forks.
        """
        until = time.monotonic() + seconds
        while (found := _session(self.pid)) and time.monotonic() < until:
            time.sleep(0.02)
        for process in found:
            process.kill()
        return [f"process {process.pid} outlived its command" for process in found]

    def close(self) -> None:
        """Kill whatever is left."""
        if self.running():
            self.process.kill()
            self.process.wait()
        for process in _session(self.pid):
            process.kill()


class Study:
    """Trials that differ in their seeds."""

    def __init__(self, folder: Path, trials: int, *overrides: str) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.journal = folder / "journal"
        # Not in the folder: a socket lies there, whose path must be short.
        self.temporary = Path(tempfile.mkdtemp(prefix="study-"))
        self.trials = trials
        self._overrides = overrides
        self._commands: list[Command] = []
        self.results.mkdir(parents=True)

    def start(
        self,
        *overrides: str,
        environment: Mapping[str, str] | None = None,
        group: Path | None = None,
    ) -> Command:
        # A folder for temporary files of its own, and with it locks on devices of its own.
        around = {**os.environ, "TMPDIR": str(self.temporary), "HF_HUB_OFFLINE": "1"}
        seeds = ",".join(str(seed) for seed in range(self.trials))
        arguments = [sys.executable, "-m", "harness", *TINY, f"seed={seeds}"]
        arguments += [f"method.journal={self.journal}", f"results={self.results}"]
        arguments += [*self._overrides, *overrides]
        environment = {**around, **(environment or {})}
        command = Command(arguments, environment, self.folder / "logs", group)
        self._commands.append(command)
        return command

    def run(self, *overrides: str, environment: Mapping[str, str] | None = None) -> Ended:
        command = self.start(*overrides, environment=environment)
        try:
            return command.wait()
        finally:
            command.close()

    def order(self, *orders: Order) -> None:
        """Give these orders, and no others, to the phases that begin from now on."""
        journal.give(self.journal, orders)

    def close(self) -> None:
        for command in self._commands:
            command.close()
        shutil.rmtree(self.temporary, ignore_errors=True)


def _heeding() -> None:
    """Shells and nohup let what they start in the background ignore signals."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _session(leader: int) -> list[psutil.Process]:
    """What lives in a session; those that have ended and wait for their parent do not."""
    found = []
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            if os.getsid(pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def caught(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    mask = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (number - 1) & 1)
