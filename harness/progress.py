"""What a person sees while a sweep runs: one line per thing that happened."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from harness.config import TrialConfig


class Progress:
    """Counts phases and says how long the rest may take."""

    def __init__(self, trials: int, phases: dict[str, int]) -> None:
        """`phases` maps a phase to how many of its calls run at the same time."""
        self._trials = trials
        self._parallel = phases
        self._seconds: dict[str, list[float]] = {phase: [] for phase in phases}
        self._left = dict.fromkeys(phases, trials)
        self._width = len(str(trials))

    def say(self, text: str) -> None:
        with suppress(OSError):  # who listened may be gone, or the disk of a log full
            print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def expect(self, phase: str, calls: int) -> None:
        """Set how many calls of a phase lie ahead."""
        self._left[phase] = calls

    def finished(self, phase: str, trial: TrialConfig, seconds: float, told: str) -> None:
        """Say that a phase of a trial is over."""
        self._seconds[phase].append(seconds)
        self._left[phase] -= 1
        number = self._trials - self._left[phase]
        left = self._time_left()
        self.say(
            f"{phase} {number:{self._width}}/{self._trials} {name_of(trial)}: {told}"
            f" ({seconds:.0f} s{f'; {left} left' if left else ''})"
        )

    def _time_left(self) -> str:
        """An estimate from the phases seen so far; one not seen yet takes the machine as long."""
        costs = {
            phase: sum(seconds) / len(seconds) / self._parallel[phase]
            for phase, seconds in self._seconds.items()
            if seconds
        }
        usual = sum(costs.values()) / len(costs)
        total = sum(calls * costs.get(phase, usual) for phase, calls in self._left.items())
        if not total:
            return ""
        return f"about {total / 60:.0f} min" if total >= 90 else f"about {total:.0f} s"


def name_of(trial: TrialConfig) -> str:
    """A trial as people call it."""
    rate = f" learning_rate={trial.train.learning_rate:g}" if trial.stage == "search" else ""
    return f"{_method(trial)}{rate} seed={trial.seed} {_place(trial)}"


def configuration_of(trial: TrialConfig) -> str:
    """A trial and those of its other seeds, as people call them."""
    return f"{_method(trial)} {_place(trial)}"


def _method(trial: TrialConfig) -> str:
    method = trial.method
    return method.name + (f" {method.size_field}={method.size}" if method.size_field else "")


def _place(trial: TrialConfig) -> str:
    return f"on {trial.task.name} with {trial.model.name}"


def figures_of(record: dict[str, Any]) -> str:
    """The figures of a finished trial on one line."""
    memory = record["memory"]["train"]
    ratios = [
        f"{ratio['value']:.2f}× {name}"
        for name in ("unmerged", "merged")
        if (ratio := record["latency"].get(f"{name}_over_base"))
    ]
    return ", ".join(
        [
            quality_of(record),
            f"{record['parameters']['trainable']:,} trained",
            f"{memory['allocated_peak'] / 2**20:.0f} MiB to train",
            *ratios,
            *(["busy machine"] if record["environment"]["busy"] else []),
        ]
    )


def quality_of(record: dict[str, Any]) -> str:
    """The quality of a trained trial with its interval; that of a search on validation."""
    quality = record["quality"]
    if quality["value"] is None:
        return f"validation {quality['metric']} {quality['validation']:.3f}"
    low, high = quality["ci_low"], quality["ci_high"]
    interval = "" if low is None else f" [{low:.3f}, {high:.3f}]"  # few examples carry none
    return f"{quality['metric']} {quality['value']:.3f}{interval}"
