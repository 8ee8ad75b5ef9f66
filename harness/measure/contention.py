"""How much of the processors others used while a phase ran."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")
_COUNTED = (1, 2, 3, 6, 7)  # user, nice, system, irq, softirq; idle and waiting are no work
_STOLEN = 8

# Cores taken from a phase that has the machine to itself; a quiet machine shows a few hundredths.
BUSY_ABOVE = 0.1
# Seconds. The kernel counts in hundredths of one, of which a shorter phase has too few to tell.
SHORTEST = 0.5


@dataclass(frozen=True)
class Contention:
    """What others took of the cores that this process may use, on average; None is not known."""

    load: float
    """The machine's average of the minute before the phase."""
    other_cores: float | None
    """Cores that other processes used."""
    stolen_cores: float | None
    """Cores that the host of a virtual machine gave to another one."""

    @property
    def busy(self) -> bool | None:
        """Whether so much was taken that times may be wrong."""
        if self.other_cores is None or self.stolen_cores is None:
            return None
        return self.other_cores + self.stolen_cores > BUSY_ABOVE


@dataclass(frozen=True)
class Snapshot:
    """Seconds since some start; None for what the platform does not tell."""

    clock: float
    own: float
    """Processor time of this process, its threads and its ended children."""
    worked: float | None
    """Processor time of all processes on the cores that this one may use."""
    stolen: float | None
    load: float


def snapshot(stat: Path = _STAT) -> Snapshot:
    """The counters as they are now."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + children.ru_utime + children.ru_stime
    try:
        text = stat.read_text()
    except OSError:
        worked = stolen = None
    else:
        worked, stolen = seconds(text, os.sched_getaffinity(0), os.sysconf("SC_CLK_TCK"))
    return Snapshot(time.perf_counter(), own, worked, stolen, os.getloadavg()[0])


def seconds(stat: str, cores: Iterable[int], ticks: int) -> tuple[float, float]:
    """(worked, stolen) on these cores, from the text of /proc/stat in ticks per second."""
    names = {f"cpu{core}" for core in cores}
    rows = [line.split() for line in stat.splitlines() if line.split(" ", 1)[0] in names]
    worked = sum(int(row[column]) for row in rows for column in _COUNTED)
    return worked / ticks, sum(int(row[_STOLEN]) for row in rows) / ticks


def between(before: Snapshot, after: Snapshot) -> Contention:
    """What others took from one snapshot to the next."""
    elapsed, own = after.clock - before.clock, after.own - before.own
    if before.worked is None or after.worked is None or elapsed < SHORTEST:
        return Contention(round(before.load, 2), None, None)
    assert before.stolen is not None
    assert after.stolen is not None
    # The kernel counts whole ticks for all, and this process to the microsecond: the difference
    # may come out a little below zero.
    others = max(0.0, after.worked - before.worked - own)
    stolen = after.stolen - before.stolen
    return Contention(round(before.load, 2), round(others / elapsed, 3), round(stolen / elapsed, 3))


def any_busy(phases: Iterable[Mapping[str, object]]) -> bool | None:
    """Whether any of a record's phases was; None where none of them knows."""
    known = [phase["busy"] for phase in phases if phase.get("busy") is not None]
    return any(known) if known else None
