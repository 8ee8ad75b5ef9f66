"""Who is at work on a trial, in which phase, and whether they still are."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from filelock import SoftFileLease

from harness.errors import ConfigError
from harness.lease import LEASE
from harness.reading import read_json

MARK = "running.json"
FIELDS = {"phase": str, "host": str, "namespace": int, "pid": int, "since": float}
CLOCK = 2.0
"""Seconds by which the start of a process may come out later than it was."""


@dataclass(frozen=True)
class Running:
    """What is known of the one who works, or worked, on a trial. Unknown is None."""

    phase: str | None
    host: str
    pid: int
    since: float | None
    """Seconds since the epoch, by the clock of the host."""
    alive: bool
    """If not, it was interrupted, or stopped, and the next sweep takes the trial up."""


def mark(folder: Path, phase: str) -> None:
    """Say in a trial's folder that this process begins a phase of it.

    Needs no care for what a power cut leaves of it: nothing is at work after that.
    """
    here = {"host": socket.gethostname(), "namespace": _namespace(), "pid": os.getpid()}
    said = {"phase": phase, **here, "since": time.time()}
    new = folder / f".{MARK}"
    new.write_text(json.dumps(said), encoding="utf-8")
    new.replace(folder / MARK)


def unmark(folder: Path) -> None:
    """Say that no phase of a trial is at work here any longer."""
    (folder / MARK).unlink(missing_ok=True)


def read(folder: Path, now: float | None = None) -> Running | None:
    """Who works on the trial of a folder, or did when interrupted; None where nobody is named."""
    now = time.time() if now is None else now
    owner = SoftFileLease(folder / LEASE).owner  # whoever stops lets go of it
    lasts = None if owner is None else owner.lease_duration
    fresh = lasts is not None and _age(folder / LEASE, now) <= lasts
    said = _mark(folder)
    if said is None:  # held, and about to begin
        host = owner and owner.hostname.partition("?")[0]
        return owner and Running(None, str(host), owner.pid, None, fresh)
    # Process ids mean something on their own machine alone, and in a container to itself.
    near = (said["host"], said.pop("namespace")) == (socket.gethostname(), _namespace())
    alive = owner is not None and _alive(said["pid"], said["since"]) if near else fresh
    return Running(**said, alive=alive)


def _mark(folder: Path) -> dict[str, Any] | None:
    try:
        said = read_json(folder / MARK)
    except (ConfigError, OSError):
        return None
    if said is None or not all(isinstance(said.get(key), kind) for key, kind in FIELDS.items()):
        return None
    return {key: said[key] for key in FIELDS}


def _namespace() -> int:
    """Of process ids; 0 where the system has only one."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def _alive(pid: int, since: float | None) -> bool:
    """Whether the process that wrote the mark lives; a later one may bear its number."""
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
    return since is None or started <= since + CLOCK


def _age(lease: Path, now: float) -> float:
    """Seconds since the lease was last refreshed, by the clock of the folder's own machine."""
    try:
        return now - lease.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
