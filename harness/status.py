"""`python -m harness.status`: what is done, at work, failed and left of the sweeps of a folder."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from omegaconf import DictConfig

from harness import entry
from harness.account import Account, Sweep, account
from harness.amounts import told_seconds
from harness.columns import aligned
from harness.standing import Standing

ROWS = 12
"""Most lines of one kind; the rest is counted."""


def command(cfgs: list[DictConfig]) -> int:
    """Print how far the sweeps of each config's folder have come; 0 whatever has failed."""
    for cfg in cfgs:
        found = account(Path(cfg.results))
        print("\n".join(lines(found)))
        print(json.dumps(found.as_dict()))
    return 0


def lines(found: Account) -> list[str]:
    """For people: the sweeps, then what is at work, interrupted, failed and out of order."""
    return [
        *_sweeps(found.sweeps),
        *_unasked(found.unasked),
        *_section("at work", _workers(found, found.all("running"))),
        *_section(
            "interrupted; the next run goes on after the last phase that ended",
            _workers(found, found.all("interrupted")),
        ),
        *_section("failed", _failures(found, found.all("failed"))),
        *_section("unreadable, as if it were not there", found.unreadable),
        *_section("set aside, since it could not be read", found.folder.set_aside),
    ]


def _sweeps(sweeps: Sequence[Sweep]) -> list[str]:
    if not sweeps:
        return ["no sweep was started in this folder"]
    over = [sweep for sweep in sweeps if sweep.over]
    # What is over matters to nobody but as the latest.
    shown = [sweep for sweep in sweeps if not sweep.over or sweep in over[-ROWS:]]
    head = ["sweep", "started", "", "trials", "done", "failed", "at work", "interrupted", "begun"]
    rows = [[*head, "left", "time left", "command"], *map(_row, shown)]
    more = len(sweeps) - len(shown)
    return [*aligned(rows), *([f"and {more} that are over"] if more else [])]


def _row(sweep: Sweep) -> list[str]:
    states = sweep.states
    counts = [states["ok"] + states["skipped"], states["failed"], states["running"]]
    counts += [states["interrupted"], states["begun"], states["left"]]
    return [
        sweep.manifest.sweep,
        f"{sweep.manifest.started.astimezone():%Y-%m-%d %H:%M}",
        "search" if sweep.stages == ["search"] else "",
        f"{len(sweep.manifest.trials):,}",
        *(f"{number:,}" if number else "–" for number in counts),
        _time_left(sweep),
        sweep.manifest.told,
    ]


def _time_left(sweep: Sweep) -> str:
    if sweep.over:
        return "over"
    if sweep.seconds_left is None:
        return "unknown"
    told = f"about {told_seconds(sweep.seconds_left)}"
    return told if sweep.states["running"] else f"{told} of work, nobody at it"


def _unasked(unasked: Sequence[Standing]) -> list[str]:
    if not unasked:
        return []
    states = Counter(each.state for each in unasked)
    told = ", ".join(f"{number:,} {state}" for state, number in states.most_common())
    return [f"trials of no sweep that is known here: {told}"]


def _workers(found: Account, trials: Iterable[Standing]) -> list[str]:
    now, rows = time.time(), []
    for each in trials:
        work = each.work
        assert work is not None
        since = "" if work.since is None else told_seconds(max(0.0, now - work.since))
        where = f"process {work.pid} on {work.host}"
        rows.append([work.phase or "begins", since, where, _name(found, each)])
    return aligned(rows) if rows else []


def _failures(found: Account, trials: Iterable[Standing]) -> list[str]:
    """One line per reason, the most frequent first, with one of its trials."""
    alike: dict[str, list[Standing]] = defaultdict(list)
    for each in trials:
        record = each.record or {}
        alike[f"{record.get('status')} in {record.get('phase')}: {record.get('reason')}"].append(
            each
        )
    told = []
    for reason, those in sorted(alike.items(), key=lambda item: -len(item[1])):
        named = _name(found, those[0])
        told.append(f"{reason}: {named if len(those) == 1 else f'{len(those)}, such as {named}'}")
    return told


def _name(found: Account, each: Standing) -> str:
    name = found.names.get(each.trial)
    return f"{name} ({each.trial})" if name else each.trial


def _section(title: str, told: Sequence[str]) -> list[str]:
    if not told:
        return []
    more = [f"  and {len(told) - ROWS} more"] if len(told) > ROWS else []
    return ["", f"{title}: {len(told)}", *(f"  {line}" for line in told[:ROWS]), *more]


if __name__ == "__main__":
    sys.exit(entry.run(command, "status"))
