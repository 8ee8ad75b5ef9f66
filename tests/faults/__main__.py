"""`python -m tests.faults [FAULT...] [times=N] [out=FOLDER] [seed=N]`

Strikes each fault so many times and prints a table, then one line of JSON. What was tried is kept
in FOLDER, fault by fault, so that a run that was stopped goes on there; what a bad end has left
stays in the system's folder for temporary files. Exit code 1 where anything
was lost or done twice, or ended otherwise than promised.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from harness.columns import aligned
from harness.store import read_json, write_json
from tests.faults.catalogue import FAULTS
from tests.faults.round import Round


@dataclass
class Tally:
    """All rounds of a fault."""

    seconds: float = 0.0
    rounds: int = 0
    found: Round = field(default_factory=Round)


def main(arguments: list[str]) -> int:
    settings = dict(each.split("=", 1) for each in arguments if "=" in each)
    names = [each for each in arguments if "=" not in each] or list(FAULTS)
    unknown = [*(set(settings) - {"times", "out", "seed"}), *(set(names) - set(FAULTS))]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; faults: {', '.join(FAULTS)}", file=sys.stderr)
        return 2
    out = Path(settings.get("out", "build/faults"))
    tallies = {}
    for name in names:
        times = int(settings.get("times", FAULTS[name].times))
        tallies[name] = _strike(name, times, out, int(settings.get("seed", 0)))
        print(" ".join(_row(name, tallies[name])), file=sys.stderr, flush=True)
    rows = [["fault", "tried", "lost", "doubled", "wrong", "how it ended", "seconds"]]
    print("\n".join(aligned(rows + [_row(*each) for each in tallies.items()])))
    print(json.dumps({name: asdict(tally) for name, tally in tallies.items()}))
    bad = any(t.found.lost or t.found.doubled or t.found.wrong for t in tallies.values())
    return int(bad)


def _strike(name: str, times: int, out: Path, seed: int) -> Tally:
    """Rounds of a fault until it was tried so often, those of an earlier run counted."""
    path = out / f"{name}.json"
    kept = read_json(path)
    tally = Tally(kept["seconds"], kept["rounds"], Round(**kept["found"])) if kept else Tally()
    while tally.found.tried < times and tally.found.skipped is None:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        started = time.monotonic()
        chance = Random(f"{name} {seed} {tally.rounds}")
        found = FAULTS[name].strike(folder, times - tally.found.tried, chance)
        tally.found.add(found)
        tally.seconds += time.monotonic() - started
        tally.rounds += 1
        if not found.skipped:
            write_json(path, asdict(tally))
        if not (found.lost or found.doubled or found.wrong):
            shutil.rmtree(folder)
    return tally


def _row(name: str, tally: Tally) -> list[str]:
    found = tally.found
    ended = ", ".join(
        f"{how} {times}" for how, times in sorted(found.endings.items(), key=lambda each: -each[1])
    )
    if found.skipped:
        ended = f"skipped: {found.skipped}"
    counts = [found.tried, len(found.lost), len(found.doubled), len(found.wrong)]
    return [name, *map(str, counts), ended, f"{tally.seconds:.0f}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
