"""What of a study's records comes from several library versions, or from several machines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.entry import Entry
from harness.analysis.environment import Environment, environment
from harness.analysis.figures import Row
from harness.analysis.study import Study
from harness.versions import DISTRIBUTIONS


@dataclass(frozen=True)
class Mixed:
    """`versions` are told by the libraries that differ, each with how many configurations were
    trained or measured under them, the most first; there are none where all are alike.
    """

    versions: tuple[tuple[str, int], ...]
    machines: Mapping[Environment, frozenset[str]]
    """The machines, by their ids, on which records of one environment were measured."""
    moved: int
    """Trials of which something ran on another machine than they were measured on."""
    elsewhere: tuple[Entry, ...]
    """The configurations that were trained on what differs from what they were measured on."""


def mixed(study: Study) -> Mixed:
    """What its finished records say of it; one that says nothing of it counts nowhere."""
    rows = {str(row["trial"]): row for row in study.rows if row.get("status") == "ok"}
    machines: dict[Environment, set[str]] = defaultdict(set)
    for row in rows.values():
        if "environment.machine" in row:
            machines[environment(row)].add(row["environment.machine"])
    return Mixed(
        versions=_versions([[rows[trial] for trial in e.trials] for e in study.entries]),
        machines={where: frozenset(ids) for where, ids in machines.items()},
        moved=sum(_moved(row) for row in rows.values()),
        elsewhere=tuple(entry for entry in study.entries if entry.elsewhere),
    )


def _versions(configurations: Sequence[Sequence[Row]]) -> tuple[tuple[str, int], ...]:
    ran = [[place for row in rows for place in _places(row)] for rows in configurations]
    differing = [
        name
        for name in DISTRIBUTIONS
        if len({place[name] for places in ran for place in places if name in place}) > 1
    ]
    counts: Counter[str] = Counter()
    for places in ran:
        counts.update({_words(place, differing) for place in places if place})
    return tuple(counts.most_common()) if differing else ()


def _places(row: Row) -> list[dict[str, str]]:
    """The versions of each place in which something of a trial ran, as far as they are known."""
    measured = {name: row.get(f"environment.{name}") for name in DISTRIBUTIONS}
    return [
        {name: place[name] for name in DISTRIBUTIONS if place.get(name)}
        for place in (measured, *row.get("environment.elsewhere", ()))
    ]


def _words(place: Mapping[str, str], names: Iterable[str]) -> str:
    return ", ".join(f"{name} {place.get(name, 'unknown')}" for name in names)


def _moved(row: Row) -> bool:
    elsewhere = row.get("environment.elsewhere", ())
    return any(place.get("machine") != row.get("environment.machine") for place in elsewhere)
