"""Where every trial of a folder stands, seen without changing anything in it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness import running, store
from harness.errors import ConfigError
from harness.lease import LEASE
from harness.reading import parse_object, read_file
from harness.running import Running
from harness.trials import PARTS

STATES = ("ok", "skipped", "failed", "running", "interrupted", "begun", "left")
"""`interrupted`: marked as at work by somebody who is gone; `begun`: waits for its next phase."""

KEYS = ("status", "reason", "phase")


@dataclass(frozen=True, slots=True)
class Standing:
    """One trial's folder."""

    trial: str
    record: dict[str, Any] | None
    """How it ended: KEYS, without its figures."""
    seconds: dict[str, float] = field(default_factory=dict)
    """What its phases took, as its record says."""
    ended: frozenset[str] = frozenset()
    """The phases that left a part."""
    work: Running | None = None

    @property
    def state(self) -> str:
        """One of STATES."""
        status = self.record and self.record["status"]
        if self.work and self.work.alive:
            return "running"
        if status in ("ok", "skipped"):
            return str(status)
        if self.work:
            return "interrupted"
        if status:
            return "failed"
        return "begun" if self.ended else "left"


@dataclass
class Folder:
    """Everything that lies in a folder of results."""

    path: Path
    trials: dict[str, Standing] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    """What is wrong with records that cannot be read."""
    set_aside: list[str] = field(default_factory=list)
    """Files that somebody moved out of the way, since they could not be read."""


def look(results: Path) -> Folder:
    """All trials of a folder. What vanishes meanwhile was never there.

    Raises ConfigError if there is no such folder.
    """
    if not results.is_dir():
        raise ConfigError("results", results, "is no folder; run a sweep first")
    seen, now = Folder(results), time.time()
    with store.uncollected():
        for name in sorted(_names(str(results))):
            if not name.startswith("."):
                _look_into(str(results / name), name, seen, now)
    return seen


def _look_into(folder: str, trial: str, seen: Folder, now: float) -> None:
    # Texts, not paths: there are tens of thousands.
    names = _names(folder)
    seen.set_aside += [f"{folder}/{name}" for name in sorted(names) if ".corrupt-" in name]
    at_work = running.MARK in names or LEASE in names
    work = running.read(Path(folder), now) if at_work else None
    parts = _names(f"{folder}/{PARTS}") if PARTS in names else []
    ended = frozenset(name[: -len(".json")] for name in parts if name.endswith(".json"))
    record, seconds = None, {}
    if store.RECORD in names:
        try:
            found = read_file(Path(folder, store.RECORD), partial(_essence, trial=trial))
            record, seconds = found or (None, {})
        except (ConfigError, OSError) as error:
            seen.unreadable.append(str(error))
    if record or work or ended:
        seen.trials[trial] = Standing(trial, record, seconds, ended, work)


def _essence(raw: bytes, trial: str) -> tuple[dict[str, Any], dict[str, float]]:
    """Of a record: how it ended, and what its phases took. Who uses its figures checks them."""
    record = parse_object(raw)
    if (record.get("trial"), record.get("status") in store.STATUSES) != (trial, True):
        raise ConfigError("status", record.get("status"), f"is none of a record of {trial}")
    return {key: record.get(key) for key in KEYS}, seconds_of(record)


def seconds_of(groups: dict[str, Any] | None) -> dict[str, float]:
    """What phases took, as the environment of a record or of a part says."""
    try:
        phases = groups["environment"]["phases"].items()  # type: ignore[index]
        return {name: float(seen["seconds"]) for name, seen in phases}
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}  # of another version, or of others; an estimate does without


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
