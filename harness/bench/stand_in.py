"""Phases that compute nothing and answer with the groups of a real record."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from functools import cache
from typing import Any

from harness.bench.many import real_record
from harness.isolation import Outcome, Processes, Task

# The groups that a phase gives; the others give the one of their own name.
GIVES = {"plan": (), "train": ("parameters", "quality", "training", "data"), "speed": ()}


def answer(**arguments: Any) -> dict[str, Any]:
    """What a phase, or the check of all trials, has found: the groups of the documented record."""
    if "phase" not in arguments:
        return {"problems": {}, "devices": {"cpu": "cpu"}, "stepless": []}
    return _groups(arguments["phase"])


@cache
def _groups(phase: str) -> dict[str, Any]:
    record = real_record()
    environment = {key: value for key, value in record["environment"].items() if key != "phases"}
    seen = record["environment"]["phases"][phase]
    groups = {name: record[name] for name in GIVES.get(phase, (phase,)) if record.get(name)}
    return {**groups, "environment": environment | {"phases": {phase: seen}}}


class Clocked:
    """When phases were started, by their names: seconds of a clock that starts anywhere."""

    def __init__(self) -> None:
        self.started: dict[str, list[float]] = defaultdict(list)

    def note(self, task: Task) -> None:
        self.started[task.arguments.get("phase", "check")].append(time.perf_counter())


class StandIn:
    """In place of `Processes`: every task has ended as soon as it is started."""

    def __init__(self, threads: int, clock: Clocked) -> None:
        """`threads` is what it takes, too, and of no use here."""
        self._clock = clock
        self._ended: deque[Outcome] = deque()

    def __len__(self) -> int:
        return len(self._ended)

    def start(self, task: Task) -> None:
        self._clock.note(task)
        task.log.parent.mkdir(parents=True, exist_ok=True)
        self._ended.append(Outcome(task.key, "ok", answer(**task.arguments), seconds=1.0))

    def wait(self) -> Outcome:
        return self._ended.popleft()

    def kill(self, key: str) -> None:
        """Nothing runs that could be."""

    def stop(self) -> None:
        self._ended.clear()


class Trivial(Processes):
    """Real processes, each of which answers at once."""

    def __init__(self, threads: int, clock: Clocked) -> None:
        super().__init__(threads)
        self._clock = clock

    def start(self, task: Task) -> None:
        self._clock.note(task)
        call = f"{__name__}:{answer.__name__}"
        super().start(Task(task.key, call, task.arguments, task.log, task.threads, task.timeout))
