"""How long the rest of a sweep may take, from what its phases took so far."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from harness.errors import ConfigError
from harness.manifest import Asked, Manifest
from harness.phases import PHASES
from harness.reading import parse_part, read_file
from harness.standing import Folder, Standing, seconds_of
from harness.trials import PARTS

ENOUGH = 20
"""Parts that are read of one phase of one kind of trial; thousands would say no more."""
ALONE = frozenset(phase.name for phase in PHASES if phase.alone)

Kind = tuple[str, ...]
ANY: Kind = ()


class Costs:
    """Mean seconds of a phase: of its own kind of trial if any has been seen, else of all."""

    def __init__(self) -> None:
        self._sum: dict[tuple[Kind, str], float] = defaultdict(float)
        self._number: Counter[tuple[Kind, str]] = Counter()

    def add(self, asked: Asked, seconds: dict[str, float]) -> None:
        for phase, took in seconds.items():
            for kind in (_kind(asked), ANY):
                self._sum[kind, phase] += took
                self._number[kind, phase] += 1

    def number(self, asked: Asked, phase: str) -> int:
        """How often the phase has been seen of this kind."""
        return self._number[_kind(asked), phase]

    def of(self, asked: Asked, phase: str) -> float | None:
        """None where nothing has ended yet. A phase not seen yet takes as long as the others."""
        for key in ((_kind(asked), phase), (ANY, phase)):
            if number := self._number[key]:
                return self._sum[key] / number
        means = [self._sum[key] / number for key, number in self._number.items() if key[0] == ANY]
        return fmean(means) if means else None


def seconds_left(sweep: Manifest, folder: Folder, now: float | None = None) -> float | None:
    """Until the sweep is over with the workers that are at it, or with one where there is none.

    What runs alone on a device is divided by the machines at work, what runs side by side by the
    trials at work. None where no phase of the sweep has ended yet.
    """
    now = time.time() if now is None else now
    costs = _costs(sweep.trials, folder)
    work = {True: 0.0, False: 0.0}
    beside, hosts = 0, set()
    for asked in sweep.trials:
        standing = folder.trials.get(asked.id)
        state = standing.state if standing else "left"
        if state in ("ok", "skipped", "failed"):
            continue
        begun = standing.work if standing and state == "running" else None
        if begun:
            hosts.add(begun.host)
            beside += begun.phase not in ALONE
        for phase in asked.phases:
            if standing and phase in standing.ended:
                continue
            cost = costs.of(asked, phase)
            if cost is None:
                return None
            over = now - begun.since if begun and begun.phase == phase and begun.since else 0.0
            work[phase in ALONE] += max(0.0, cost - over)
    return work[False] / max(beside, len(hosts), 1) + work[True] / max(len(hosts), 1)


def _costs(trials: Iterable[Asked], folder: Folder) -> Costs:
    costs = Costs()
    for asked in trials:
        standing = folder.trials.get(asked.id)
        if standing and standing.record and standing.record["status"] == "ok":
            costs.add(asked, standing.seconds)
        elif standing:
            few = (phase for phase in standing.ended if costs.number(asked, phase) < ENOUGH)
            for phase in few:
                costs.add(asked, _of_part(folder.path, standing, phase))
    return costs


def _of_part(results: Path, standing: Standing, phase: str) -> dict[str, float]:
    try:
        part = read_file(results / standing.trial / PARTS / f"{phase}.json", parse_part)
    except (ConfigError, OSError):
        return {}
    return seconds_of((part or {}).get("groups"))


def _kind(asked: Asked) -> Kind:
    return (asked.stage, asked.model, asked.task, asked.method)
