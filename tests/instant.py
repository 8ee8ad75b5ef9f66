"""Phases that end at once, in place of processes: for what a sweep does around them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from harness import sweep
from harness.config import run_config
from harness.entry import compose
from harness.isolation import Outcome, Task
from harness.sources import with_sources

GROUPS: dict[str, dict[str, Any]] = {
    "train": {
        "parameters": {"trainable": 10},
        "quality": {"metric": "accuracy", "value": 0.5, "ci_low": 0.4, "ci_high": 0.6},
        "environment": {"torch": "2"},
    },
    "memory": {"memory": {"train": {"allocated_peak": 1}, "inference": {}, "load": {}}},
    "latency": {"latency": {"base": {"median_ms": 1.0}}},
}


class Instant:
    """Stands in for `harness.isolation.Processes`; keeps what it was asked to run, in order.

    `answer` may give a phase of a trial another outcome than a good one.
    """

    def __init__(self, threads: int) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answer: Callable[[str, str], Outcome | None] = lambda trial, phase: None
        self._ended: deque[Outcome] = deque()

    def __len__(self) -> int:
        return len(self._ended)

    def start(self, task: Task) -> None:
        if task.function.endswith(":check"):
            devices = dict.fromkeys(("cpu", "cuda"), "cpu")
            self._ended.append(Outcome(task.key, "ok", {"problems": {}, "devices": devices}))
            return
        phase = task.arguments["phase"]
        self.asked.append((task.key, phase))
        value = {**GROUPS.get(phase, {})}
        self._ended.append(self.answer(task.key, phase) or Outcome(task.key, "ok", value))

    def wait(self) -> Outcome:
        return self._ended.popleft()

    def kill(self, key: str) -> None:
        pass

    def stop(self) -> None:
        self._ended.clear()


def run(results: Any, methods: Sequence[str] = ("bitfit",), *overrides: str) -> Any:
    """The records of a sweep over these methods, by method."""
    cfgs = [
        compose(["sweep=smoke", f"method={each}", f"results={results}", "device=cpu", *overrides])
        for each in methods
    ]
    records = sweep.run_sweep([with_sources(cfg) for cfg in cfgs], run_config(cfgs[0]))
    return {record["method"]: record for record in records}
