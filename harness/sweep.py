"""Trials on one machine: each once, training side by side, measuring alone."""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness import assets, plain_text, store
from harness.config import RunConfig, TrialConfig
from harness.device_lock import locked
from harness.errors import ConfigError
from harness.isolation import Outcome, Processes, Task
from harness.measure import nvml
from harness.memory_limit import too_large, unforeseen
from harness.phases import Phase, named
from harness.progress import Progress, figures_of, name_of, quality_of
from harness.trials import Trial, distinct, prepared, trial_of


def run_sweep(configs: Sequence[TrialConfig], run: RunConfig) -> list[dict[str, Any]]:
    """Run every trial that has no record yet; returns the records of all, in order.

    Trials that others build on are run before them, and are trials like any other. One that
    fails leaves a record too and does not stop the others. Raises ConfigError or
    AssetError, before any model is loaded, for what cannot be run at all.
    """
    asked = distinct(trial_of(config, run.results) for config in configs)
    trials = distinct(t for trial in asked for t in (*trial.sources, trial))
    with alone(run.results):
        open_trials = [trial for trial in trials if not store.done(run.results, trial.id)]
        if open_trials:
            prepare(open_trials)
            _Sweep(open_trials, run).run()
    records = [store.read_json(trial.folder / store.RECORD) for trial in asked]
    return [record for record in records if record is not None]


def run_trial(*overrides: str) -> dict[str, Any]:
    """Run one trial from Python, as `python -m harness` would with these overrides.

    Returns its record. The calling script needs the usual `if __name__ == "__main__":`, since
    each phase runs in a process of its own. Raises ConfigError or AssetError.

    >>> run_trial("method=lora", "size=8", "task=rotten_tomatoes")  # doctest: +SKIP
    """
    from harness.budget import with_sizes
    from harness.config import run_config
    from harness.entry import compose
    from harness.search import run_searched
    from harness.search_config import search_config
    from harness.sources import with_sources

    cfg = compose(overrides)
    run = run_config(cfg)
    configs = [with_sources(each) for each in with_sizes([cfg], run)]
    return run_searched(configs, search_config(cfg), run)[0]


class _Sweep:
    """One pass over open trials: check all, train side by side, measure one by one."""

    def __init__(self, trials: list[Trial], run: RunConfig) -> None:
        self._trials = {trial.id: trial for trial in trials}
        self._phase: dict[str, Phase] = {}
        self._seconds: dict[str, float] = {}
        self._devices: dict[str, str] = {}
        self._run = run
        self._cores = len(os.sched_getaffinity(0))
        self._processes = Processes(threads=self._cores)
        self._failed: set[str] = set()
        self._progress = Progress(len(trials), {"trained": run.jobs, "measured": 1})

    def run(self) -> None:
        # A sweep that was killed left it behind, and what it was made from may have changed.
        shutil.rmtree(prepared(self._run.results), ignore_errors=True)
        try:
            # Those that an earlier sweep planned are left out again without being run.
            sound = self._check(self._fitting(self._all()))
            with self._holding(t for t in sound if t.left(alone=False)):
                trained = self._train(self._planned(sound))
            with self._holding((t for t in trained if t.left(alone=True)), alone=True):
                self._measure(trained)
        finally:
            self._processes.stop()
            shutil.rmtree(prepared(self._run.results), ignore_errors=True)

    def _check(self, trials: list[Trial]) -> list[Trial]:
        """The trials whose method fits their model, seen without loading any weights."""
        if not trials:
            return []
        self._progress.say(f"{len(trials)} trials to run; loading libraries")
        arguments = {"configs": {trial.id: trial.config.as_dict() for trial in trials}}
        log = self._run.results / "check.log"
        threads = self._cores
        self._processes.start(self._task("check", "check", arguments, log, threads))
        outcome = self._processes.wait()
        if outcome.status != "ok":
            raise RuntimeError(f"checking the trials {outcome.status}: {outcome.reason}; see {log}")
        for key, reason in outcome.value["problems"].items():
            self._fail(Outcome(key, "failed", reason=reason), "check")
        self._devices = outcome.value["devices"]
        return [trial for trial in trials if trial.id not in outcome.value["problems"]]

    def _planned(self, trials: list[Trial]) -> list[Trial]:
        """Plan all of them before the first is trained, where a limit leaves out some."""
        if self._run.max_memory is None:
            return trials
        plan, threads = named("plan"), max(1, self._cores // self._run.jobs)
        waiting = deque(trial for trial in trials if trial.part(plan.name) is None)
        while waiting or len(self._processes):
            if waiting and len(self._processes) < self._run.jobs:
                self._start(waiting.popleft(), plan, threads)
            else:
                self._collect(threads)
        fitting = self._fitting(t for t in trials if t.id not in self._failed)
        for trial in fitting:
            if reason := unforeseen(trial):
                self._progress.say(f"not foreseen: {name_of(trial.config)}: {reason}; it runs")
        return fitting

    def _fitting(self, trials: Iterable[Trial]) -> list[Trial]:
        """Those that the limit of memory lets through; the others end here."""
        trials, limit = list(trials), self._run.max_memory
        reasons = {} if limit is None else too_large(trials, limit)
        for trial in trials:
            if trial.id in reasons:
                trial.finish("skipped", reasons[trial.id], "plan")
                self._progress.say(f"skipped: {name_of(trial.config)}: {reasons[trial.id]}")
        return [trial for trial in trials if trial.id not in reasons]

    def _train(self, trials: list[Trial]) -> list[Trial]:
        """Run the phases that may run side by side; returns what is ready to be measured."""
        ready = [trial for trial in trials if not trial.left(alone=False)]
        waiting = deque(trial for trial in trials if trial.left(alone=False))
        self._progress.expect("trained", len(waiting))
        self._progress.expect("measured", _measured(trials))
        threads = max(1, self._cores // self._run.jobs)
        while waiting or len(self._processes):
            while len(self._processes) < self._run.jobs and (trial := self._startable(waiting)):
                self._start(trial, trial.left(alone=False)[0], threads)
            if not len(self._processes):
                continue
            ended = self._collect(threads)
            if ended is None:
                continue
            if ended.left(alone=False):
                waiting.appendleft(ended)  # what is begun is ended before the next is begun
                continue
            self._tell("trained", ended, quality_of(ended.measured()))
            ready.append(ended)
        self._progress.expect("measured", _measured(ready))
        return ready

    def _startable(self, waiting: deque[Trial]) -> Trial | None:
        """Take the first trial from the queue that lacks no source; fail those that never can."""
        for trial in list(waiting):
            failed = [s for s in trial.sources if s.id in self._failed]
            if failed:
                waiting.remove(trial)
                reason = f"it builds on trial {failed[0].id}, which did not end well"
                self._fail(Outcome(trial.id, "failed", reason=reason), "check")
            elif all(self._available(source) for source in trial.sources):
                waiting.remove(trial)
                return trial
        return None

    def _available(self, source: Trial) -> bool:
        trained = source.part("train") is not None
        return trained or bool(store.done(self._run.results, source.id))

    def _measure(self, trials: list[Trial]) -> None:
        """Measure one trial after the other; nothing else of ours runs meanwhile."""
        for trial in trials:
            for phase in trial.left(alone=True):
                others = nvml.users(self._devices[trial.config.device])
                if others and others.processes and self._run.occupied == "refuse":
                    self._fail(Outcome(trial.id, "failed", reason=_refusal(others)), phase.name)
                    break
                self._start(trial, phase, self._cores)
                if self._collect(self._cores, gpu_others=others and asdict(others)) is None:
                    break
            else:
                record = trial.finish("ok", None, "done")
                if trial.config.stage == "final":  # of a search nothing is measured
                    self._tell("measured", trial, figures_of(record))

    @contextmanager
    def _holding(self, trials: Iterable[Trial], alone: bool = False) -> Iterator[None]:
        """Hold the devices of these trials against the other sweeps of this machine."""
        with ExitStack() as held:
            # In one order for all, so that no two sweeps wait for each other.
            for device in sorted({self._devices[trial.config.device] for trial in trials}):
                others = "other sweeps are at work" if alone else "another sweep measures"
                told = f"waiting: {others} on {device}"
                held.enter_context(
                    locked(device, alone=alone, waits=partial(self._progress.say, told))
                )
            yield

    def _start(self, trial: Trial, phase: Phase, threads: int) -> None:
        self._phase[trial.id] = phase
        log = trial.folder / "log.txt"
        self._processes.start(self._task(trial.id, "run", trial.arguments(phase), log, threads))

    def _collect(self, threads: int, **seen: Any) -> Trial | None:
        """Keep what the next process to end has left; its trial, or None where that failed."""
        before = time.process_time()
        outcome = self._processes.wait()
        waited = time.process_time() - before
        trial, phase = self._trials[outcome.key], self._phase.pop(outcome.key)
        self._seconds[trial.id] = self._seconds.get(trial.id, 0.0) + outcome.seconds
        if outcome.status != "ok":
            self._fail(outcome, phase.name)
            return None
        seen |= {"seconds": outcome.seconds, "threads": threads, "parent_cpu_seconds": waited}
        trial.keep(phase, outcome.value, seen)
        return trial

    def _tell(self, stage: str, trial: Trial, told: str) -> None:
        self._progress.finished(stage, trial.config, self._seconds.pop(trial.id, 0.0), told)

    def _fail(self, outcome: Outcome, phase: str) -> None:
        trial = self._trials[outcome.key]
        self._failed.add(trial.id)
        trial.finish(outcome.status, outcome.reason, phase)
        self._progress.say(f"{outcome.status}: {name_of(trial.config)}: {outcome.reason}")

    def _task(
        self, key: str, function: str, arguments: dict[str, Any], log: Path, threads: int
    ) -> Task:
        call = f"harness.trial:{function}"
        return Task(key, call, arguments, log, threads, timeout=60 * self._run.timeout)

    def _all(self) -> list[Trial]:
        return list(self._trials.values())


def _measured(trials: Iterable[Trial]) -> int:
    return sum(trial.config.stage == "final" for trial in trials)


def _refusal(others: nvml.Users) -> str:
    held = "bytes unknown" if others.bytes is None else f"{others.bytes / 2**20:.0f} MiB"
    expected = f"others compute on the GPU ({others.processes} processes, {held}); measure later"
    return str(ConfigError("occupied", "refuse", expected))


def prepare(trials: list[Trial]) -> None:
    """Fetch what the trials need and check their data, once per model and task."""
    from harness.tasks.data import check

    for model in {repr(t.config.model): t.config.model for t in trials}.values():
        assets.fetch(model.source, "model.source")
    for task in {repr(t.config.task): t.config.task for t in trials}.values():
        check(task)
    for plain in {repr(p): p for t in trials if (p := t.config.measure.forgetting)}.values():
        plain_text.passages(plain)


@contextmanager
def alone(results: Path) -> Iterator[None]:
    """Hold the folder of results; a second sweep on it is refused rather than raced."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        lock = FileLock(results / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError("results", results, "another sweep is at work in this folder") from None
    except OSError as error:
        raise ConfigError("results", results, f"cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
