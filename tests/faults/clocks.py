"""A clock that jumps by a day, forth and back, under a sweep."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from random import Random

from tests.faults.company import LEASE
from tests.faults.round import Round
from tests.faults.scene import Scene

LIBRARIES = "lib*/*-linux-*/faketime/libfaketimeMT.so.1"
DAY = 86_400


def clock_jumps(folder: Path, blows: int, chance: Random) -> Round:
    """Nothing times out, no lease is stolen, and estimates and durations stay sane."""
    with Scene(folder, 2, f"lease={LEASE:g}", "timeout=20") as scene:
        library = next(Path("/usr").glob(LIBRARIES), None)
        if library is None:
            scene.round.skipped = "there is no libfaketime (the package faketime of Debian)"
            return scene.round
        clock = scene.study.folder / "clock"
        _set(clock, 0)
        environment = {
            "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
        }  # fmt: skip
        # The clock of one jumps; the other waits for what the first works on, and must not take it.
        jumper = scene.study.start(environment=environment)
        time.sleep(chance.uniform(0, 5))
        watcher = scene.study.start()
        while jumper.running():
            time.sleep(chance.uniform(0.5, 5.0))
            _set(clock, chance.choice((-DAY, DAY, 0)))
        for command in (jumper, watcher):
            ended = scene.wait(command)
            scene.expect_code(ended, 0)
            scene.expect("took it" not in ended.out, f"a lease was stolen: {ended.out}")
            told = [float(n) for n in re.findall(r"\((\d+) s", ended.out)]
            told += [float(n) for n in re.findall(r"about (\d+) s left", ended.out)]
            told += [60 * float(n) for n in re.findall(r"about (\d+) min left", ended.out)]
            scene.expect(all(n < 3600 for n in told), f"durations: {ended.out}")
        for record in scene.records():
            phases = record["environment"]["phases"].values()
            spent = [each["seconds"] for each in phases] + [record["training"]["seconds"]]
            scene.expect(all(0 < n < 3600 for n in spent), f"seconds: {json.dumps(spent)}")
        scene.struck("went on")
        scene.complete()
    return scene.round


def _set(clock: Path, offset: int) -> None:
    """At once, since it is read all the time."""
    new = clock.with_suffix(".new")
    new.write_text(f"{offset:+d}s\n")
    new.replace(clock)
