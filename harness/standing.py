"""Where every trial of a folder stands, seen without changing anything in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import running, store
from harness.errors import ConfigError
from harness.lease import LEASE
from harness.running import Running
from harness.trials import PARTS

STATES = ("ok", "skipped", "failed", "running", "interrupted", "begun", "left")
"""`interrupted`: marked as at work by somebody who is gone; `begun`: waits for its next phase."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One trial's folder."""

    trial: str
    record: dict[str, Any] | None
    """What tells how it ended, without its figures."""
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
        for name in sorted(_names(results)):
            if not name.startswith("."):
                _look_into(results / name, seen, now)
    return seen


def _look_into(folder: Path, seen: Folder, now: float) -> None:
    names = set(_names(folder))
    seen.set_aside += [str(folder / name) for name in sorted(names) if ".corrupt-" in name]
    at_work = running.MARK in names or LEASE in names
    work = running.read(folder, now) if at_work else None
    parts = _names(folder / PARTS) if PARTS in names else ()
    ended = frozenset(name.removesuffix(".json") for name in parts if name.endswith(".json"))
    record, seconds = None, {}
    if store.RECORD in names:
        try:
            whole = store.read_json(folder / store.RECORD)
            record, seconds = _essence(whole), seconds_of(whole)
        except ConfigError as error:
            seen.unreadable.append(str(error))
    if record or work or ended:
        seen.trials[folder.name] = Standing(folder.name, record, seconds, ended, work)


def seconds_of(groups: dict[str, Any] | None) -> dict[str, float]:
    """What phases took, as the environment of a record or of a part says."""
    # Written by whoever, and counted on by nobody but an estimate.
    found: Any = groups
    for key in ("environment", "phases"):
        found = found.get(key) if isinstance(found, dict) else None
    seen = found.items() if isinstance(found, dict) else ()
    took = {name: each.get("seconds") for name, each in seen if isinstance(each, dict)}
    return {name: float(each) for name, each in took.items() if isinstance(each, int | float)}


def _essence(record: dict[str, Any] | None) -> dict[str, Any] | None:
    keys = ("status", "reason", "phase", "model", "task", "method", "seed", "stage", "origin")
    return record and {key: record.get(key) for key in keys}


def _names(folder: Path) -> Iterator[str]:
    try:
        yield from os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
