"""When a blow falls: anywhere in a run, its imports among it, or as a file is being written."""

from __future__ import annotations

import os
import time
from random import Random

from tests.faults import journal
from tests.faults.study import PHASES, Command, Study

STARTING = 6.0
"""Seconds that imports and the check take on a calm machine: as long as some phases."""


def strike_time(study: Study, command: Command, chance: Random) -> bool:
    """Wait for a moment drawn by chance; False if the command has ended before.

    Half of the moments are spread over all that lies ahead; of the others most lie around the
    writing of a part or a record, and the rest in the start.
    """
    before = len(journal.read(study.journal))
    kind = chance.random()
    if kind < 0.15:
        return _pause(command, chance.uniform(0, STARTING))
    ahead = max(1, study.trials * len(PHASES) - before)
    number = before + chance.randint(1, min(ahead, len(PHASES) * 2))
    while len(journal.read(study.journal)) < number:
        if not _pause(command, 0.01):
            return False
    if kind < 0.65:
        return _pause(command, chance.uniform(0, 2.0))
    return _writing(study, command, chance)


def _pause(command: Command, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not command.running():
            return False
        time.sleep(min(left, 0.05))
    return command.running()


def _writing(study: Study, command: Command, chance: Random) -> bool:
    """Wait until the folder of a trial, or of its parts, changes, and a blink longer."""
    before = _changes(study)
    while _changes(study) == before:
        if not command.running():
            return False
    blink = time.perf_counter() + chance.uniform(0, 0.004)
    while time.perf_counter() < blink:  # sleeping is too coarse
        pass
    return command.running()


def _changes(study: Study) -> list[int]:
    folders = [path for path in os.scandir(study.results) if path.is_dir()]
    found = []
    for folder in folders:
        for path in (folder.path, f"{folder.path}/parts"):
            try:
                found.append(os.stat(path).st_mtime_ns)
            except FileNotFoundError:
                found.append(0)
    return found
