"""A trial as a sweep sees it: its id, its folder, and what its phases have left there so far."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import assets, store
from harness.config import SCHEMA, TrialConfig, identity
from harness.measure.contention import any_busy
from harness.measure_config import TEXT_SOURCE
from harness.phases import PHASES, Phase, phases

GROUPS = ("parameters", "quality", "memory", "latency", "training", "merge", "capacity",
          "forgetting", "serving", "energy", "environment")  # fmt: skip
PARTS = "parts"


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

    def left(self, alone: bool) -> list[Phase]:
        """The phases that lie ahead, of those that run alone or of the others."""
        return [phase for phase in phases(self.config, alone) if self.part(phase.name) is None]

    def part(self, phase: str) -> dict[str, Any] | None:
        """The groups that a phase left; None where it has not ended under this schema."""
        part = store.read_json(self._path(phase))
        return part["groups"] if part and part["schema"] == SCHEMA else None

    def keep(self, phase: Phase, groups: dict[str, Any], seen: dict[str, Any]) -> None:
        """Write what a phase left, and what the sweep saw of its process."""
        environment = {"phases": {phase.name: seen}}
        part = {"schema": SCHEMA, "groups": _joined([groups, {"environment": environment}])}
        store.write_json(self._path(phase.name), part)

    def finish(self, status: str, reason: str | None, phase: str) -> dict[str, Any]:
        """Write the record: what the trial is, how it ended, and everything that was measured.

        `phase` is the last one; the parts stay if it is not `done`, for the next sweep.
        """
        record = self._record(status, reason, phase)
        store.write_json(self.folder / store.RECORD, record)
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

    def measured(self) -> dict[str, Any]:
        """The groups of the record as far as the phases have come; None for one without figures."""
        joined = _joined(part for phase in PHASES if (part := self.part(phase.name)) is not None)
        if environment := joined.get("environment"):
            environment["busy"] = any_busy(environment["phases"].values())
        return {group: joined.get(group) or None for group in GROUPS}

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


def _joined(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Groups of the same name as one, and the groups inside of them likewise."""
    joined: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and isinstance(joined.get(key), dict)
            joined[key] = _joined([joined[key], value]) if both else value
    return joined
