"""A trial as a sweep sees it: its id, its folder, and what its phases have left there so far."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from harness import assets, places, store
from harness.config import SCHEMA, TrialConfig, identity
from harness.measure.contention import any_busy
from harness.measure.environment import place
from harness.measure_config import TEXT_SOURCE
from harness.phases import PHASES, Phase, phases
from harness.versions import told

GROUPS = ("parameters", "quality", "memory", "latency", "training", "merge", "capacity",
          "forgetting", "serving", "energy", "data", "environment")  # fmt: skip
PARTS = "parts"
EARLIER = ".earlier"
LEFTOVERS = (".weights-*", ".*.json-*")
DEAR = 60.0
"""Seconds of a phase that are worth a flush of the disk; what took less runs again after a power
cut, which a sweep of thousands of short trials would pay for many times over.
"""


@dataclass(frozen=True)
class Trial:
    """A config, the id that it has, and the folder that it fills.

    Each phase leaves a part, so that a sweep that dies goes on after the last phase that ended;
    the record joins the parts and takes their place.
    """

    id: str
    config: TrialConfig
    folder: Path
    sources: tuple[Trial, ...]
    """The trials that it builds on."""

    def arguments(self, phase: Phase, prepared: Path) -> dict[str, Any]:
        """What the process of a phase is told; `prepared` is where phases share data."""
        sources = [str(source.folder) for source in self.sources]
        return {
            "phase": phase.name,
            "config": self.config.as_dict(),
            "folder": str(self.folder),
            "sources": sources,
            "prepared": str(prepared),
        }

    def renew(self) -> None:
        """Have all run again of a trial, over or only begun, that ran under other versions of the
        libraries; who calls holds it. What it found is kept where nobody takes it for its result.
        """
        over = store.done(self.folder.parent, self.id)
        if not (told(over) if over else self._outdated()):
            return
        number = 1
        while (earlier := self.folder.parent / EARLIER / f"{self.id}-{number}").exists():
            number += 1
        earlier.mkdir(parents=True)
        # The record goes first, since all that is without one is run again.
        for name in (store.RECORD, PARTS, "outcomes.json", "latency.json", "log.txt", "weights"):
            if (self.folder / name).exists():
                (self.folder / name).rename(earlier / name)

    def left(self, alone: bool) -> list[Phase]:
        """The phases that lie ahead, of those that run alone or of the others.

        All that run alone run in one place: what was measured elsewhere lies ahead again, unless
        everything was.
        """
        asked = phases(self.config, alone)
        ran = _ran(self._parts(asked))
        if alone and (len(ran) < len(asked) or places.apart(ran)):
            return [phase for phase in asked if ran.get(phase.name) != self._here]
        return [phase for phase in asked if phase.name not in ran]

    def begun_elsewhere(self) -> str | None:
        """What was measured in another place and lies ahead again, in words; None where nothing."""
        ran = _ran(self._parts(self.left(alone=True)))
        where = {places.differences(each, self._here) for each in ran.values()}
        return f"{', '.join(ran)} with {' or '.join(sorted(where))}" if ran else None

    def part(self, phase: str) -> dict[str, Any] | None:
        """The groups that a phase left; None where it has not soundly ended under this schema."""
        part = self._read(phase)
        return part["groups"] if part else None

    def keep(self, phase: Phase, groups: dict[str, Any], seen: dict[str, Any]) -> None:
        """Write what a phase left, what the sweep saw of its process, and where that ran."""
        environment = {"phases": {phase.name: seen}}
        joined = _joined([groups, {"environment": environment}])
        part = {"schema": SCHEMA, "place": self._here, "groups": joined}
        store.write_json(self._path(phase.name), part, lasting=seen["seconds"] >= DEAR)

    def finish(self, status: str, reason: str | None, phase: str) -> dict[str, Any]:
        """Write the record: what the trial is, how it ended, and everything that was measured.

        `phase` is the last one; the parts stay if it is not `done`, for the next sweep.
        """
        record = self._record(status, reason, phase)
        store.write_json(self.folder / store.RECORD, record)
        self.tidy()
        if status == "ok":
            shutil.rmtree(self.folder / PARTS)
        return record

    def unfinished(self) -> dict[str, Any]:
        """What stands for the record of a trial that is not over; it is written nowhere."""
        if self.left(alone=False):
            return self._record("left", "it is not trained yet", None)
        return self._record("trained", "it is not measured yet", None)

    def _record(self, status: str, reason: str | None, phase: str | None) -> dict[str, Any]:
        config, method = self.config, self.config.method
        return {
            "schema": SCHEMA,
            "trial": self.id,
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
            "stage": config.stage,
            "origin": None,
            "config": config.as_dict(),
            **self.measured(),
        }

    def tidy(self) -> None:
        """Remove what a process that was killed while it wrote left here: its temporary files."""
        for folder in (self.folder, self.folder / PARTS):
            for left in chain.from_iterable(map(folder.glob, LEFTOVERS)):
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)

    def measured(self) -> dict[str, Any]:
        """The groups of the record as far as the phases have come; None for one without figures."""
        parts = self._parts(PHASES)
        ran = _ran(parts)
        if places.apart(ran):
            again = {phase.name for phase in self.left(alone=True)}
            ran = {phase: where for phase, where in ran.items() if phase not in again}
        joined = _joined(parts[phase]["groups"] for phase in ran)
        if environment := joined.get("environment"):
            environment |= places.environment(ran)
            environment["busy"] = any_busy(environment["phases"].values())
        return {group: joined.get(group) or None for group in GROUPS}

    def _outdated(self) -> bool:
        """Whether a phase has ended under other versions of the libraries than those installed."""
        ran = _ran(self._parts(PHASES)).values()
        return any(told({"environment": place}) for place in ran)

    @property
    def _here(self) -> places.Place:
        return place(self.config.device)

    def _parts(self, asked: Iterable[Phase]) -> dict[str, dict[str, Any]]:
        """What those of some phases left that have ended."""
        found = ((phase.name, self._read(phase.name)) for phase in asked)
        return {name: part for name, part in found if part is not None}

    def _read(self, phase: str) -> dict[str, Any] | None:
        part = store.part(self._path(phase))
        return part if part and part["schema"] == SCHEMA else None

    def _path(self, phase: str) -> Path:
        return self.folder / PARTS / f"{phase}.json"


def trial_of(config: TrialConfig, results: Path) -> Trial:
    """The trial of a config, after those that it builds on."""
    sources = tuple(trial_of(source, results) for source in config.sources)
    forgetting = config.measure.forgetting
    id_ = identity(
        config,
        assets.digest(config.model.source, "model.source"),
        assets.digest(config.task.source, "task.source"),
        [source.id for source in sources],
        assets.digest(forgetting.text.source, TEXT_SOURCE) if forgetting else None,
    )
    return Trial(id_, config, results / id_, sources)


def distinct(trials: Iterable[Trial]) -> list[Trial]:
    """One trial per identity: sizes swept over a method without a size are one trial."""
    return list({trial.id: trial for trial in trials}.values())


def _ran(parts: dict[str, dict[str, Any]]) -> dict[str, places.Place | None]:
    """Where the phases ran that left these parts."""
    return {name: part.get("place") for name, part in parts.items()}


def _joined(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Groups of the same name as one, and the groups inside of them likewise."""
    joined: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and isinstance(joined.get(key), dict)
            joined[key] = _joined([joined[key], value]) if both else value
    return joined
