"""A sweep that is asked to stop, at any moment after its front door."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from signal import SIGHUP, SIGINT, SIGTERM

from tests.faults.moments import strike_time
from tests.faults.round import Fault, Round
from tests.faults.scene import Scene
from tests.faults.study import Command, Study, caught

TOLD = "stopped; run the same command again to go on from here\n"
ENDING = 3.0
"""Seconds within which a command may have come to its end just before it was asked to stop."""
SECONDS = 30.0
"""A stop takes few; others use the machine, too."""


def to_parent(number: signal.Signals) -> Callable[[Command], None]:
    return lambda command: os.kill(command.pid, number)


def to_group(number: signal.Signals) -> Callable[[Command], None]:
    return lambda command: os.killpg(command.pid, number)


def twice(command: Command) -> None:
    """As fast as an impatient hand is, and once more as it goes."""
    os.killpg(command.pid, SIGINT)
    for pause in (0.15, 0.3):
        time.sleep(pause)
        if command.running():
            os.killpg(command.pid, SIGINT)


def stopped(name: str, number: signal.Signals, ask: Callable[[Command], None]) -> Fault:
    """One line, the signal's code, nothing left; and the same command goes on."""

    def strike(folder: Path, blows: int, chance: Random) -> Round:
        with Scene(folder, 2, "jobs=2") as scene:
            for _ in range(blows):
                command = scene.study.start()
                while command.running() and not caught(command.pid, SIGTERM):
                    time.sleep(0.01)  # Python itself is being started
                falls = strike_time(scene.study, command, chance)
                asked = time.monotonic()
                if falls:
                    ask(command)
                ended = scene.wait(command)
                seconds = time.monotonic() - asked
                scene.expect(seconds < SECONDS, f"the stop took {seconds:.0f} s")
                if not falls or (ended.code == 0 and seconds < ENDING):
                    scene.expect_code(ended, 0)
                    break
                scene.expect_code(ended, 128 + number)
                scene.expect(ended.err == TOLD, f"not its one line: {ended.told()}")
                scene.round.wrong += left_behind(scene.study)
                scene.struck(f"{name}: exit code {ended.code}")
            scene.complete()
        return scene.round

    return strike


def left_behind(study: Study) -> list[str]:
    """Leases, shared data and unfinished files that lie about."""
    results = study.results
    found = [*results.glob("*/.lease*"), *results.glob(".prepared*")]
    found += [
        *results.glob("*/.*.json-*"),
        *results.glob("*/.weights-*"),
        *results.glob("*/parts/.*"),
    ]
    # The lock on a device stays, and lasts no longer than who holds it.
    kept = ("peft-harness-", "torchinductor_")  # torch keeps a cache there
    found += [p for p in study.temporary.iterdir() if not p.name.startswith(kept)]
    return [f"left behind: {path}" for path in found]


TERMINATED = stopped("SIGTERM", SIGTERM, to_parent(SIGTERM))
TERMINATED_GROUP = stopped("SIGTERM to the group", SIGTERM, to_group(SIGTERM))
HUNG_UP = stopped("SIGHUP to the group", SIGHUP, to_group(SIGHUP))
INTERRUPTED = stopped("SIGINT to the group", SIGINT, to_group(SIGINT))
INTERRUPTED_PARENT = stopped("SIGINT to the parent", SIGINT, to_parent(SIGINT))
INTERRUPTED_TWICE = stopped("SIGINT thrice", SIGINT, twice)
