"""Runs phases of trials that are held, keeps what they leave, and ends the trials."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import running
from harness.errors import HarnessError
from harness.isolation import Outcome, Processes, Task
from harness.phases import Phase
from harness.progress import Progress, name_of
from harness.queue import Queue
from harness.trials import Trial

CHECK = "check"


class Runner:
    """A process per phase. What it leaves is written down by the sweep's own process, and only
    while the trial is held: a sweep that slept through its lease leaves the trial to who has it.
    """

    def __init__(
        self, trials: Sequence[Trial], queue: Queue, progress: Progress, timeout: float
    ) -> None:
        """`timeout` is in seconds, of a phase."""
        self.cores = len(os.sched_getaffinity(0))
        self._trials = {trial.id: trial for trial in trials}
        self._queue = queue
        self._timeout = timeout
        self._progress = progress
        self._processes = Processes(threads=self.cores)
        self._phase: dict[str, Phase] = {}
        self._seconds: dict[str, float] = {}
        # Whoever has a trial that was taken from here must not be disturbed in it.
        queue.on_loss = self._processes.kill

    def __len__(self) -> int:
        return len(self._processes)

    def check(self, trials: Sequence[Trial], log: Path) -> dict[str, Any]:
        """What `harness.trial.check` finds of these trials; HarnessError if it dies."""
        arguments = {"configs": {trial.id: trial.config.as_dict() for trial in trials}}
        self._processes.start(self._task(CHECK, "check", arguments, log, self.cores))
        outcome = self._processes.wait()
        if outcome.status != "ok":
            raise HarnessError(f"checking the trials {outcome.status}: {outcome.reason}; see {log}")
        return outcome.value

    def start(self, trial: Trial, phase: Phase, threads: int, prepared: Path) -> None:
        self._phase[trial.id] = phase
        log = trial.folder / "log.txt"
        arguments = trial.arguments(phase, prepared)
        running.mark(trial.folder, phase.name)
        self._processes.start(self._task(trial.id, "run", arguments, log, threads))

    def collect(self, threads: int, **seen: Any) -> tuple[Trial, bool]:
        """Keep what the next process to end has left; its trial, and whether it ended well."""
        before = time.process_time()
        outcome = self._processes.wait()
        waited = time.process_time() - before
        trial, phase = self._trials[outcome.key], self._phase.pop(outcome.key)
        self._seconds[trial.id] = self._seconds.get(trial.id, 0.0) + outcome.seconds
        if self._lost(trial):
            return trial, False
        running.unmark(trial.folder)
        if outcome.status != "ok":
            self.end(trial, outcome, phase.name)
            return trial, False
        seen |= {"seconds": outcome.seconds, "threads": threads, "parent_cpu_seconds": waited}
        trial.keep(phase, outcome.value, seen)
        return trial, True

    def end(self, trial: Trial, outcome: Outcome, phase: str) -> dict[str, Any] | None:
        """Write the record of a trial that is held, and let go of it; None if it was lost."""
        if self._lost(trial):
            return None
        record = trial.finish(outcome.status, outcome.reason, phase)
        if outcome.status != "ok":
            self._progress.say(f"{outcome.status}: {name_of(trial.config)}: {outcome.reason}")
        self._queue.release(trial)
        return record

    def tell(self, stage: str, trial: Trial, told: str) -> None:
        """Say that a stage of a trial is over, with the seconds that its phases took."""
        self._progress.finished(stage, trial.config, self._seconds.pop(trial.id, 0.0), told)

    def stop(self) -> None:
        """Kill what is running and let go of every trial."""
        self._processes.stop()
        for trial in map(self._trials.__getitem__, self._phase):
            if not self._queue.lost(trial):
                trial.tidy()  # its phase may have been killed as it wrote
        self._queue.close()

    def _lost(self, trial: Trial) -> bool:
        lost = self._queue.lost(trial)
        if lost:
            told = "nothing was seen of this sweep for too long, and another one took it"
            self._progress.say(f"left: {name_of(trial.config)}: {told}")
            self._queue.release(trial)
        return lost

    def _task(
        self, key: str, function: str, arguments: dict[str, Any], log: Path, threads: int
    ) -> Task:
        call = f"harness.trial:{function}"
        return Task(key, call, arguments, log, threads, self._timeout)
