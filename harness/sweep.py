"""Trials on one machine: each once, training side by side, measuring alone."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness import assets, store
from harness.config import SCHEMA, RunConfig, TrialConfig, identity
from harness.errors import ConfigError
from harness.isolation import Outcome, Processes, Task
from harness.progress import Progress, figures_of, name_of

TRAINED = "trained.json"


@dataclass(frozen=True)
class Trial:
    """A config, the id that it has, and the folder that it fills."""

    id: str
    config: TrialConfig
    folder: Path
    sources: tuple[Trial, ...]
    """The trials that it builds on."""

    def arguments(self) -> dict[str, Any]:
        sources = [str(source.folder) for source in self.sources]
        return {"config": self.config.as_dict(), "folder": str(self.folder), "sources": sources}


def run_sweep(configs: Sequence[TrialConfig], run: RunConfig) -> list[dict[str, Any]]:
    """Run every trial that has no record yet; returns the records of all, in order.

    Trials that others build on are run before them, and are trials like any other. One that
    fails leaves a record too and does not stop the others. Raises ConfigError or
    AssetError, before any model is loaded, for what cannot be run at all.
    """
    asked = _distinct(_trial(config, run.results) for config in configs)
    trials = _distinct(t for trial in asked for t in (*trial.sources, trial))
    with _alone(run.results):
        open_trials = [trial for trial in trials if not store.done(run.results, trial.id)]
        if open_trials:
            _prepare(open_trials)
            _Sweep(open_trials, run).run()
    records = [store.read_json(trial.folder / store.RECORD) for trial in asked]
    return [record for record in records if record is not None]


def run_trial(*overrides: str) -> dict[str, Any]:
    """Run one trial from Python, as `python -m harness` would with these overrides.

    Returns its record. The calling script needs the usual `if __name__ == "__main__":`, since
    each phase runs in a process of its own. Raises ConfigError or AssetError.

    >>> run_trial("method=lora", "size=8", "task=rotten_tomatoes")  # doctest: +SKIP
    """
    from harness.config import run_config
    from harness.entry import compose
    from harness.sources import with_sources

    cfg = compose(overrides)
    return run_sweep([with_sources(cfg)], run_config(cfg))[0]


class _Sweep:
    """One pass over open trials: check all, train side by side, measure one by one."""

    def __init__(self, trials: list[Trial], run: RunConfig) -> None:
        self._trials = {trial.id: trial for trial in trials}
        self._run = run
        self._cores = len(os.sched_getaffinity(0))
        self._processes = Processes(threads=self._cores)
        self._failed: set[str] = set()
        self._progress = Progress(len(trials), {"trained": run.jobs, "measured": 1})

    def run(self) -> None:
        try:
            sound = self._check()
            trained = self._train(sound)
            self._measure(trained)
        finally:
            self._processes.stop()

    def _check(self) -> list[Trial]:
        """The trials whose method fits their model, seen without loading any weights."""
        self._progress.say(f"{len(self._trials)} trials to run; loading libraries")
        arguments = {"configs": {trial.id: trial.config.as_dict() for trial in self._all()}}
        log = self._run.results / "check.log"
        threads = self._cores
        self._processes.start(self._task("check", "check", arguments, log, threads))
        outcome = self._processes.wait()
        if outcome.status != "ok":
            raise RuntimeError(f"checking the trials {outcome.status}: {outcome.reason}; see {log}")
        for key, reason in outcome.value["problems"].items():
            self._fail(Outcome(key, "failed", reason=reason), "check")
        return [trial for trial in self._all() if trial.id not in outcome.value["problems"]]

    def _train(self, trials: list[Trial]) -> list[Trial]:
        """Train what is not trained yet; returns what is ready to be measured."""
        ready = [trial for trial in trials if _trained(trial)]
        waiting = deque(trial for trial in trials if not _trained(trial))
        self._progress.expect("trained", len(waiting))
        self._progress.expect("measured", len(trials))
        threads = max(1, self._cores // self._run.jobs)
        while waiting or len(self._processes):
            while len(self._processes) < self._run.jobs and (trial := self._startable(waiting)):
                self._processes.start(self._trial_task(trial, "train", threads))
            if not len(self._processes):
                continue
            outcome = self._processes.wait()
            trial = self._trials[outcome.key]
            if outcome.status != "ok":
                self._fail(outcome, "trained")
                continue
            side = {"train_seconds": outcome.seconds, "train_threads": threads}
            trained = {"schema": SCHEMA, **outcome.value, "environment": side}
            store.write_json(trial.folder / TRAINED, trained)
            quality = outcome.value["quality"]
            told = f"{quality['metric']} {quality['value']:.3f}"
            self._progress.finished("trained", trial.config, outcome.seconds, told)
            ready.append(trial)
        self._progress.expect("measured", len(ready))
        return ready

    def _startable(self, waiting: deque[Trial]) -> Trial | None:
        """Take the first trial from the queue that lacks no source; fail those that never can."""
        for trial in list(waiting):
            failed = [s for s in trial.sources if s.id in self._failed]
            if failed:
                waiting.remove(trial)
                reason = f"it builds on trial {failed[0].id}, which did not end well"
                self._fail(Outcome(trial.id, "failed", reason=reason), "trained")
            elif all(self._available(source) for source in trial.sources):
                waiting.remove(trial)
                return trial
        return None

    def _available(self, source: Trial) -> bool:
        return _trained(source) or bool(store.done(self._run.results, source.id))

    def _measure(self, trials: list[Trial]) -> None:
        """Measure one trial after the other; nothing else of ours runs meanwhile."""
        for trial in trials:
            self._processes.start(self._trial_task(trial, "measure", self._cores))
            outcome = self._processes.wait()
            if outcome.status != "ok":
                self._fail(outcome, "measured")
                continue
            side = {**outcome.value["environment"], "measure_seconds": outcome.seconds}
            record = _record(trial, "ok", None, "done", {**outcome.value, "environment": side})
            store.write_json(trial.folder / store.RECORD, record)
            (trial.folder / TRAINED).unlink()
            told = figures_of(record)
            self._progress.finished("measured", trial.config, outcome.seconds, told)

    def _fail(self, outcome: Outcome, phase: str) -> None:
        trial = self._trials[outcome.key]
        self._failed.add(trial.id)
        record = _record(trial, outcome.status, outcome.reason, phase, {})
        store.write_json(trial.folder / store.RECORD, record)
        self._progress.say(f"{outcome.status}: {name_of(trial.config)}: {outcome.reason}")

    def _trial_task(self, trial: Trial, phase: str, threads: int) -> Task:
        log = trial.folder / "log.txt"
        return self._task(trial.id, phase, trial.arguments(), log, threads)

    def _task(
        self, key: str, phase: str, arguments: dict[str, Any], log: Path, threads: int
    ) -> Task:
        function = f"harness.trial:{phase}"
        return Task(key, function, arguments, log, threads, timeout=60 * self._run.timeout)

    def _all(self) -> list[Trial]:
        return list(self._trials.values())


def _trial(config: TrialConfig, results: Path) -> Trial:
    sources = tuple(_trial(source, results) for source in config.sources)
    id_ = identity(
        config,
        assets.digest(config.model.source, "model.source"),
        assets.digest(config.task.source, "task.source"),
        [source.id for source in sources],
    )
    return Trial(id_, config, results / id_, sources)


def _distinct(trials: Iterable[Trial]) -> list[Trial]:
    """One trial per identity: sizes swept over a method without a size are one trial."""
    return list({trial.id: trial for trial in trials}.values())


def _prepare(trials: list[Trial]) -> None:
    """Fetch what the trials need and check their data, once per model and task."""
    from harness.tasks.data import check

    for model in {repr(t.config.model): t.config.model for t in trials}.values():
        assets.fetch(model.source, "model.source")
    for task in {repr(t.config.task): t.config.task for t in trials}.values():
        check(task)


def _trained(trial: Trial) -> bool:
    trained = store.read_json(trial.folder / TRAINED)
    return trained is not None and trained.get("schema") == SCHEMA


def _record(
    trial: Trial, status: str, reason: str | None, phase: str, measured: dict[str, Any]
) -> dict[str, Any]:
    """The record of a trial: what it is, how it ended, and everything that was measured."""
    config, method = trial.config, trial.config.method
    trained = store.read_json(trial.folder / TRAINED) or {}
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "trial": trial.id,
        "status": status,
        "reason": reason,
        "phase": phase,
        "model": config.model.name,
        "task": config.task.name,
        "method": method.name,
        "family": method.family,
        "size": method.size,
        "size_field": method.size_field,
        "seed": config.seed,
        "config": config.as_dict(),
    }
    groups = ("parameters", "quality", "memory", "latency", "training", "merge", "capacity",
              "forgetting", "environment")  # fmt: skip
    for group in groups:
        parts = [part[group] for part in (trained, measured) if part.get(group)]
        record[group] = _joined(parts) if parts else None
    return record


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for part in parts:
        joined |= part
    return joined


@contextmanager
def _alone(results: Path) -> Iterator[None]:
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
