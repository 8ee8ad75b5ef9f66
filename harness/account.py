"""The sweeps of a folder, and how far each has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.manifest import Manifest, manifests
from harness.remaining import seconds_left
from harness.standing import STATES, Folder, Standing, look

OPEN = ("running", "interrupted", "begun", "left")


@dataclass(frozen=True)
class Sweep:
    """A sweep, and how many of its trials stand where."""

    manifest: Manifest
    states: Counter[str]
    seconds_left: float | None
    """None where nothing tells."""

    @property
    def over(self) -> bool:
        return not any(self.states[state] for state in OPEN)

    def as_dict(self) -> dict[str, Any]:
        return {
            "sweep": self.manifest.sweep,
            "started": self.manifest.started.isoformat(),
            "command": list(self.manifest.command),
            "stages": self.stages,
            "trials": len(self.manifest.trials),
            **{state: self.states[state] for state in STATES},
            "seconds_left": self.seconds_left,
        }

    @property
    def stages(self) -> list[str]:
        return sorted({asked.stage for asked in self.manifest.trials})


@dataclass(frozen=True)
class Account:
    """All that a folder of results tells."""

    folder: Folder
    sweeps: Sequence[Sweep]
    """The latest last."""
    names: dict[str, str]
    """Of the trials that were asked for, as people call them."""
    unreadable: Sequence[str]
    """What is wrong with the files that cannot be read."""

    def all(self, state: str) -> list[Standing]:
        """The trials in one of STATES, whoever asked for them."""
        return [each for each in self.folder.trials.values() if each.state == state]

    @property
    def unasked(self) -> list[Standing]:
        """Trials that no sweep of this folder asks for: those of older ones, or ingested."""
        return [each for each in self.folder.trials.values() if each.trial not in self.names]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for programs; seconds, and ids of trials."""
        return {
            "results": str(self.folder.path),
            "sweeps": [sweep.as_dict() for sweep in self.sweeps],
            "running": [self._at_work(each) for each in self.all("running")],
            "interrupted": [self._at_work(each) for each in self.all("interrupted")],
            "begun": [each.trial for each in self.all("begun")],
            "failed": [self._failed(each) for each in self.all("failed")],
            "unasked": dict(Counter(each.state for each in self.unasked)),
            "unreadable": list(self.unreadable),
            "set_aside": self.folder.set_aside,
        }

    def _at_work(self, each: Standing) -> dict[str, Any]:
        work = each.work
        assert work is not None
        who = {"phase": work.phase, "host": work.host, "pid": work.pid, "since": work.since}
        return {"trial": each.trial, "name": self.names.get(each.trial), **who}

    def _failed(self, each: Standing) -> dict[str, Any]:
        record = each.record or {}
        ending = {key: record.get(key) for key in ("status", "reason", "phase")}
        return {"trial": each.trial, "name": self.names.get(each.trial), **ending}


def account(results: Path) -> Account:
    """Read a folder without changing it, while others may. Raises ConfigError if there is none."""
    folder = look(results)
    found = list(manifests(results))
    sweeps = [_sweep(each, folder) for each in found if isinstance(each, Manifest)]
    names = {asked.id: asked.name for sweep in sweeps for asked in sweep.manifest.trials}
    wrong = [str(each) for each in found if isinstance(each, ConfigError)]
    return Account(folder, sweeps, names, [*folder.unreadable, *wrong])


def _sweep(manifest: Manifest, folder: Folder) -> Sweep:
    found = (folder.trials.get(asked.id) for asked in manifest.trials)
    states = Counter(each.state if each else "left" for each in found)
    return Sweep(manifest, states, seconds_left(manifest, folder))
