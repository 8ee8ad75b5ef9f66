"""The trials of a sweep that are not over yet, of which others may work on some."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from harness import store
from harness.config import SCHEMA, RunConfig
from harness.lease import Lease
from harness.trials import Trial
from harness.versions import told

Stamp = tuple[int, int, int]


class Ending(NamedTuple):
    """How a trial that is over ended."""

    status: str
    reason: str | None
    versions: str | None
    """Which libraries it ran under that differ from those installed, in words."""


class Queue:
    """Which trials are over, by the rules of a run, and which of the others are held here.

    What another sweep ends while this one is at work is over, too, however it ended: two sweeps
    that both try again what fails would otherwise never stop.
    """

    def __init__(self, trials: Iterable[Trial], run: RunConfig) -> None:
        self.on_loss: Callable[[str], None] = lambda trial: None
        """Told the id of a trial that was taken from this sweep while it slept."""
        self._run = run
        self._leases: dict[str, Lease] = {}
        self._known: dict[str, tuple[Stamp, Ending | None]] = {}
        self._before = {trial.id: self._stamp(trial) for trial in trials}

    def ending(self, trial: Trial) -> Ending | None:
        """How the trial ended, if it is over; else None."""
        stamp = self._stamp(trial)
        if stamp is None:
            return None
        known = self._known.get(trial.id)
        if known is None or known[0] != stamp:
            known = self._known[trial.id] = stamp, self._read(trial, stamp)
        return known[1]

    def open(self, trials: Iterable[Trial]) -> list[Trial]:
        """Those that are not over."""
        return [trial for trial in trials if self.ending(trial) is None]

    def take(self, trial: Trial) -> bool:
        """Hold a trial, if nobody else does and it is still open."""
        lease = self._lease(trial)
        if lease.held:
            return True
        if not lease.take():
            return False
        if self.ending(trial) is None:
            return True
        self.release(trial)
        return False

    def free(self, trial: Trial) -> bool:
        """Whether a trial that is not held here could be taken."""
        taken = self.take(trial)
        self.release(trial)
        return taken

    def lost(self, trial: Trial) -> bool:
        """Whether somebody else took a trial that is held here."""
        return self._lease(trial).lost

    def release(self, trial: Trial) -> None:
        # The object stays: where others hold the trial, it watches their signs of life.
        if lease := self._leases.get(trial.id):
            lease.release()

    def close(self) -> None:
        """Let go of everything."""
        for lease in self._leases.values():
            lease.release()

    def _read(self, trial: Trial, stamp: Stamp) -> Ending | None:
        record = store.record(trial.folder)
        if record is None or record.get("schema") != SCHEMA:
            return None
        versions = told(record)
        old = stamp == self._before[trial.id]
        if old and self._again(record["status"], versions):
            return None
        return Ending(record["status"], record.get("reason"), versions)

    def _again(self, status: str, versions: str | None) -> bool:
        """Whether a trial that ended before this sweep began is run again."""
        if status == "ok":
            return self._run.versions == "rerun" and versions is not None
        # Whether one fits into the limit of memory depends on the limit of this run.
        return self._run.retry == "failed" or status == "skipped"

    def _lease(self, trial: Trial) -> Lease:
        if trial.id not in self._leases:
            self._leases[trial.id] = Lease(
                trial.folder, self._run.lease, lambda: self.on_loss(trial.id)
            )
        return self._leases[trial.id]

    def _stamp(self, trial: Trial) -> Stamp | None:
        """What tells one version of a record from the next without reading it."""
        try:
            state = (trial.folder / store.RECORD).stat()
        except FileNotFoundError:
            return None
        return state.st_mtime_ns, state.st_ino, state.st_size
