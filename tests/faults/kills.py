"""kill -9 of the sweep, of a phase's process, and of the server that forks those."""

from __future__ import annotations

from pathlib import Path
from random import Random

import psutil

from tests.faults.moments import strike_time
from tests.faults.round import Round
from tests.faults.scene import Scene


def sweep_killed(folder: Path, blows: int, chance: Random) -> Round:
    """The same command goes on from the last part."""
    with Scene(folder, 3, "jobs=2") as scene:
        for _ in range(blows):
            command = scene.study.start()
            falls = strike_time(scene.study, command, chance)
            if falls:
                command.process.kill()
            ended = scene.wait(command)
            if not falls:
                scene.expect_code(ended, 0)
                break
            scene.struck("SIGKILL")
        scene.complete()
    return scene.round


def phase_killed(folder: Path, blows: int, chance: Random) -> Round:
    """That trial's record says so, the others go on, and the same command does it again."""
    with Scene(folder, 3, "jobs=2") as scene:
        while (left := blows - scene.round.tried) > 0:
            command = scene.study.start()
            blow = 0
            # A trial ends with its first kill: the second blow falls on another.
            while blow < min(left, 2) and _victim(scene, command, chance):
                blow += 1
            ended = scene.wait(command)
            scene.expect("Traceback" not in ended.err, f"a traceback: {ended.told()}")
            if "checking the trials" in ended.err:
                scene.expect_code(ended, 1)
                scene.expect_line(ended, "error: checking the trials killed")
                scene.struck(*["check killed"] * blow)
                continue
            killed = [record for record in scene.records() if record["status"] == "killed"]
            well = [record for record in scene.records() if record["status"] == "ok"]
            told = {record["reason"] for record in killed}
            scene.expect_code(ended, 1 if killed else 0)
            scene.expect(told <= {"the process died of SIGKILL"}, f"reasons: {told}")
            scene.expect(len(killed) <= blow, f"{len(killed)} killed by {blow} kills")
            scene.expect(len(killed) + len(well) == 3, f"{len(well)} others ended well")
            # A process that has given its answer may be killed as well.
            scene.struck(*["killed"] * len(killed), *["too late"] * (blow - len(killed)))
            if not killed:
                break
        scene.complete()
    return scene.round


def server_killed(folder: Path, blows: int, chance: Random) -> Round:
    """Another takes its place; a phase that it had forked ends by itself or is told as killed."""
    with Scene(folder, 3, "jobs=2") as scene:
        for _ in range(blows):
            command = scene.study.start()
            falls = strike_time(scene.study, command, chance)
            server = command.server() if falls else None
            if server is not None:
                server.kill()
            ended = scene.wait(command)
            scene.expect("Traceback" not in ended.err, f"a traceback: {ended.told()}")
            if not falls:
                scene.expect_code(ended, 0)
                break
            scene.struck("went on" if ended.code == 0 else "trials failed")
        scene.complete()
    return scene.round


def _victim(scene: Scene, command, chance: Random) -> psutil.Process | None:
    """A process in which a phase runs, killed at a moment of chance."""
    while strike_time(scene.study, command, chance):
        phases = command.phases()
        if phases:
            victim = chance.choice(phases)
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                continue
            return victim
    return None
