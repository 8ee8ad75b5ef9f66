"""Several sweeps over one folder, of which one may sleep, or be on a machine that is gone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from random import Random

from filelock import SoftFileLease

from tests.faults import journal
from tests.faults.round import Round
from tests.faults.scene import Scene

LEASE = 6.0
"""Seconds; a worker that lives shows it every third of them, on a busy machine too."""


def together(folder: Path, blows: int, chance: Random) -> Round:
    """Two or three sweeps at once: each trial once, all of them end well."""
    with Scene(folder, 4) as scene:
        commands = [scene.study.start(environment=_own_temporary(scene, 0))]
        for number in range(1, chance.choice((2, 3))):
            time.sleep(chance.uniform(0, 8))
            commands.append(scene.study.start(environment=_own_temporary(scene, number)))
        for command in commands:
            ended = scene.wait(command)
            scene.expect_code(ended, 0)
            scene.expect(ended.err == "", f"stderr: {ended.told()}")
        scene.struck(f"{len(commands)} sweeps")
        shared = {(each.trial, each.phase) for each in journal.read(scene.study.journal)}
        scene.expect(len(shared) == len(journal.read(scene.study.journal)), "phases twice")
        scene.complete()
    return scene.round


def asleep(folder: Path, blows: int, chance: Random) -> Round:
    """A sweep sleeps for longer than its lease; another takes its trial, and it wakes up later."""
    with Scene(folder, 2, f"lease={LEASE:g}") as scene:
        sleeper = scene.study.start(environment=_own_temporary(scene, 0))
        number = chance.randint(1, 9)
        while len(journal.read(scene.study.journal)) < number and sleeper.running():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.5))
        os.killpg(sleeper.pid, signal.SIGSTOP)  # as a machine does that is suspended
        scene.judge.look()
        other = scene.study.start(environment=_own_temporary(scene, 1))
        deadline = time.monotonic() + 300
        wakes = chance.random() < 0.5  # while the other works, or when it is done
        while other.running() and time.monotonic() < deadline:
            if wakes and len(journal.read(scene.study.journal)) > number:
                break
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 1.0))
        os.killpg(sleeper.pid, signal.SIGCONT)
        for command in (other, sleeper):
            ended = scene.wait(command)
            scene.expect_code(ended, 0)
            scene.expect(ended.err == "", f"stderr: {ended.told()}")
        scene.struck("woke up in between" if wakes else "woke up afterwards")
        scene.complete()
    return scene.round


def machine_gone(folder: Path, blows: int, chance: Random) -> Round:
    """A trial is held by a sweep of another machine of which nothing is seen any more."""
    with Scene(folder, 1, f"lease={LEASE:g}") as scene:
        command = scene.study.start()
        while not journal.read(scene.study.journal) and command.running():
            time.sleep(0.01)
        command.process.kill()
        scene.wait(command)
        scene.judge.look()
        trial = journal.read(scene.study.journal)[0].trial
        _hold_from_elsewhere(scene.study.results / trial / ".lease")
        started = time.monotonic()
        ended = scene.wait(scene.study.start())
        scene.expect_code(ended, 0)
        scene.expect(time.monotonic() - started >= LEASE, "it was taken before its time")
        scene.expect("waiting: others work on" in ended.out, f"not told: {ended.out}")
        scene.struck("taken over")
        scene.complete()
    return scene.round


def _own_temporary(scene: Scene, number: int) -> dict[str, str]:
    """Locks on devices are those of a machine: with a folder of its own each sweep has its own."""
    folder = scene.study.temporary / str(number)
    folder.mkdir(exist_ok=True)
    return {"TMPDIR": str(folder)}


def _hold_from_elsewhere(path: Path) -> None:
    """The lease that the sweep of another machine has left, as filelock writes it."""
    path.unlink(missing_ok=True)
    lease = SoftFileLease(path, lease_duration=LEASE, thread_local=False)
    lease.acquire(timeout=0)
    content = path.read_text()
    lease.release()
    host = os.uname().nodename
    assert host in content, content
    path.write_text(content.replace(host, "a-machine-that-is-gone"))
