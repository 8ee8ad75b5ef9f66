"""Trials, each once: training side by side, measuring alone, beside whoever else works on them."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from harness import manifest, store
from harness.config import RunConfig, TrialConfig
from harness.device_lock import locked
from harness.errors import ConfigError
from harness.isolation import Outcome
from harness.measure import nvml
from harness.memory_limit import too_large, unforeseen
from harness.phases import Phase, named
from harness.prerequisites import prepare, writable
from harness.progress import Progress, figures_of, name_of, quality_of
from harness.queue import Queue
from harness.runner import Runner
from harness.scratch import scratch
from harness.trials import Trial, distinct, trial_of

PLAN = named("plan")
# Seconds between two looks at what others work on; nothing of ours runs meanwhile.
LOOKS = 2.0


def run_sweep(configs: Sequence[TrialConfig], run: RunConfig) -> list[dict[str, Any]]:
    """Run every trial that is not over yet; returns the records of all, in order.

    Trials that others build on are run before them, and are trials like any other. One that
    fails leaves a record too and does not stop the others. What this run is not to do (`phases`),
    or leaves to others, has in place of a record its config and the status `trained` or `left`.
    Raises ConfigError or AssetError, before any model is loaded, for what cannot be run at all,
    and ConfigError where results can no longer be written.
    """
    asked = distinct(trial_of(config, run.results) for config in configs)
    trials = distinct(t for trial in asked for t in (*trial.sources, trial))
    sweep = _Sweep(trials, run)
    sweep.tell_versions()
    if left := sweep.open():
        writable(run.results)
        prepare(left)
        try:
            manifest.write(run.results, trials, manifest.own_command())
            sweep.run()
        except OSError as error:
            expected = f"cannot be written: {error.strerror or error}; what is finished is kept"
            raise ConfigError("results", run.results, expected) from error
    return [store.record(trial.folder) or trial.unfinished() for trial in asked]


class _Sweep:
    """Open trials: check all, then rounds of training side by side and of measuring one by one,
    until nothing is left but what others work on.
    """

    def __init__(self, trials: list[Trial], run: RunConfig) -> None:
        self._trials = trials
        self._run = run
        self._queue = Queue(trials, run)
        self._devices: dict[str, str] = {}
        self._told: set[str] = set()

    def open(self) -> list[Trial]:
        return self._queue.open(self._trials)

    def tell_versions(self) -> None:
        """Say which trials that are over ran under other versions of the libraries."""
        endings = [ending for trial in self._trials if (ending := self._queue.ending(trial))]
        for versions, number in Counter(e.versions for e in endings if e.versions).items():
            told = f"of {len(endings)} trials that are over ran under {versions}"
            print(f"{number} {told}; they are kept, versions=rerun runs them again", flush=True)

    def run(self) -> None:
        left = self.open()
        self._progress = Progress(len(left), {"trained": self._run.jobs, "measured": 1})
        self._runner = Runner(left, self._queue, self._progress, 60 * self._run.timeout)
        try:
            with scratch(self._run.results, self._run.lease) as self._prepared:
                if self._run.versions == "rerun":
                    self._renew(left)
                # Those that an earlier sweep planned are left out again without being run.
                sound = self._check(self._fitting(left))
                self._plan(sound)
                self._rounds(sound)
        finally:
            self._runner.stop()

    def _renew(self, trials: list[Trial]) -> None:
        for trial in trials:
            if self._queue.take(trial):
                trial.renew()
                self._queue.release(trial)

    def _rounds(self, trials: list[Trial]) -> None:
        left = self._ours(trials)
        while left:
            self._train(left)
            self._measure(left)
            before, left = left, self._ours(left)
            if len(left) < len(before):
                continue
            if self._run.others == "leave":
                self._progress.say(f"left: {len(left)} trials on which others work")
                return
            self._await(left)

    def _ours(self, trials: Iterable[Trial]) -> list[Trial]:
        """The open trials of which anything is for this run to see to."""
        return [
            trial
            for trial in self._queue.open(trials)
            if self._ends(trial) or ("train" in self._run.phases and trial.left(alone=False))
        ]

    def _ends(self, trial: Trial) -> bool:
        """Whether this run brings a trial that is trained to its end."""
        return "measure" in self._run.phases or not _timed(trial)

    def _await(self, left: list[Trial]) -> None:
        """Return when all of these trials are over, or when there is something to do for one."""
        self._progress.say(f"waiting: others work on {len(left)} of the trials")
        while left and not any(map(self._startable, left)):
            time.sleep(LOOKS)
            left = self._ours(left)

    def _startable(self, trial: Trial) -> bool:
        if trial.left(alone=False):
            ready = "train" in self._run.phases and all(map(self._available, trial.sources))
        else:
            ready = self._ends(trial)
        return ready and self._queue.free(trial)

    def _check(self, trials: list[Trial]) -> list[Trial]:
        """The trials whose method fits their model, seen without loading any weights."""
        if not trials:
            return []
        self._progress.say(f"{len(trials)} trials to run; loading libraries")
        found = self._runner.check(trials, self._run.results / "check.log")
        problems, self._devices = found["problems"], found["devices"]
        for trial in trials:
            if trial.id in problems and self._queue.take(trial):
                outcome = Outcome(trial.id, "failed", reason=problems[trial.id])
                self._runner.end(trial, outcome, "check")
        return [trial for trial in trials if trial.id not in problems]

    def _plan(self, trials: list[Trial]) -> None:
        """Plan all of them before the first is trained, where a limit leaves out some."""
        if self._run.max_memory is None or "train" not in self._run.phases:
            return
        self._side_by_side(trials, lambda trial: [] if trial.part(PLAN.name) else [PLAN])
        for trial in self._queue.open(trials):
            if reason := unforeseen(trial):
                self._progress.say(f"not foreseen: {name_of(trial.config)}: {reason}; it runs")

    def _fitting(self, trials: Iterable[Trial]) -> list[Trial]:
        """Those that the limit of memory lets through; the others end here."""
        return [trial for trial in trials if not self._too_large(trial)]

    def _too_large(self, trial: Trial) -> bool:
        """Whether a trial is left out, by its plan; it then ends here unless others hold it."""
        if self._run.max_memory is None:
            return False
        reason = too_large([*trial.sources, trial], self._run.max_memory).get(trial.id)
        if reason is None:
            return False
        if self._queue.take(trial):
            self._runner.end(trial, Outcome(trial.id, "skipped", reason=reason), "plan")
        return True

    def _train(self, trials: list[Trial]) -> None:
        """Run the phases that may run side by side."""
        if "train" not in self._run.phases:
            return
        waiting = [trial for trial in trials if trial.left(alone=False)]
        self._progress.expect("trained", len(waiting))
        self._progress.expect("measured", sum(map(_timed, trials)))
        with self._holding(waiting):
            self._side_by_side(waiting, lambda trial: trial.left(alone=False), "trained")

    def _side_by_side(
        self, trials: list[Trial], left: Callable[[Trial], list[Phase]], stage: str | None = None
    ) -> None:
        """Run what `left` names of each trial, as many trials at a time as there are jobs, and
        say of each that `stage` is over.
        """
        threads = max(1, self._runner.cores // self._run.jobs)
        waiting, begun = deque(trials), deque[Trial]()
        while True:
            while len(self._runner) < self._run.jobs:
                # What is begun is ended before the next is begun.
                trial = begun.popleft() if begun else self._next(waiting, left)
                if trial is None:
                    break
                self._runner.start(trial, left(trial)[0], threads, self._prepared)
            if not len(self._runner):
                return
            trial, well = self._runner.collect(threads)
            if not well or self._too_large(trial):
                continue
            if left(trial):
                begun.append(trial)
                continue
            if stage:
                measured = trial.measured()
                self._runner.tell(stage, trial, quality_of(measured))
                self._tell_full(trial.config, measured["data"])
            self._queue.release(trial)

    def _tell_full(self, trial: TrialConfig, data: dict[str, Any] | None) -> None:
        """Say where many texts fill what the model reads of them: once per task and model, when
        the first of their trials has turned them into tokens.
        """
        from harness.tasks.look import of_full

        line = data and of_full(trial.task, trial.model.name, data["full"])
        if line and line not in self._told:
            self._told.add(line)
            self._progress.say(line)

    def _next(self, waiting: deque[Trial], left: Callable[[Trial], list[Phase]]) -> Trial | None:
        """Take the first trial from the queue that can be begun; end those that never can."""
        for _ in range(len(waiting)):
            trial = waiting.popleft()
            if self._queue.ending(trial) or self._too_large(trial):
                continue
            # A plan is made of structure, which is there before anything is trained.
            sources = trial.sources if left(trial) != [PLAN] else ()
            lost = [s for s in sources if (e := self._queue.ending(s)) and e.status != "ok"]
            ready = lost or all(map(self._available, sources))
            if not (ready and self._queue.take(trial)):
                waiting.append(trial)
            elif lost:
                reason = f"it builds on trial {lost[0].id}, which did not end well"
                self._runner.end(trial, Outcome(trial.id, "failed", reason=reason), "check")
            elif left(trial):
                trial.tidy()
                return trial
            else:
                self._queue.release(trial)
        return None

    def _available(self, source: Trial) -> bool:
        trained = source.part("train") is not None
        return trained or bool(store.done(self._run.results, source.id))

    def _measure(self, trials: list[Trial]) -> None:
        """Measure one trial after the other; nothing else of ours runs meanwhile."""
        ready = [
            trial
            for trial in self._queue.open(trials)
            if not trial.left(alone=False) and self._ends(trial)
        ]
        self._progress.expect("measured", sum(map(_timed, ready)))
        with self._holding((t for t in ready if t.left(alone=True)), alone=True):
            for trial in ready:
                if self._queue.take(trial):
                    self._measure_one(trial)

    def _measure_one(self, trial: Trial) -> None:
        cores = self._runner.cores
        if begun := trial.begun_elsewhere():
            self._progress.say(f"measured anew here: {name_of(trial.config)}: had {begun}")
        for phase in trial.left(alone=True):
            others = nvml.users(self._devices[trial.config.device])
            if others and others.processes and self._run.occupied == "refuse":
                outcome = Outcome(trial.id, "failed", reason=_refusal(others))
                self._runner.end(trial, outcome, phase.name)
                return
            self._runner.start(trial, phase, cores, self._prepared)
            if not self._runner.collect(cores, gpu_others=others and asdict(others))[1]:
                return
        record = self._runner.end(trial, Outcome(trial.id, "ok"), "done")
        if record and _timed(trial):
            self._runner.tell("measured", trial, figures_of(record))

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


def _timed(trial: Trial) -> bool:
    """Whether anything of it is measured alone on the device; of a search nothing is."""
    return trial.config.stage == "final"


def _refusal(others: nvml.Users) -> str:
    held = "bytes unknown" if others.bytes is None else f"{others.bytes / 2**20:.0f} MiB"
    expected = f"others compute on the GPU ({others.processes} processes, {held}); measure later"
    return str(ConfigError("occupied", "refuse", expected))
