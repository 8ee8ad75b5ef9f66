"""On what a record was measured; figures of different environments are never compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness import places

MACHINE = ("cpu", "gpu", "cores", "threads", "platform")
VERSIONS = ("python", "torch", "transformers", "peft")


@dataclass(frozen=True)
class Environment:
    """What a time depends on: the machine, the libraries, the shape of the request."""

    machine: tuple[tuple[str, Any], ...]
    versions: tuple[tuple[str, Any], ...]
    shape: tuple[int | None, int | None]

    @property
    def name(self) -> str:
        facts = dict(self.machine)
        device = facts.get("gpu") or facts.get("cpu") or "unknown machine"
        threads = facts.get("threads")
        return f"{device}, {threads:g} threads" if threads else str(device)

    @property
    def libraries(self) -> str:
        return ", ".join(f"{name} {version}" for name, version in self.versions)

    def differs_from(self, other: Environment) -> str:
        """What sets the two apart, in words."""
        known = dict(other.machine + other.versions)
        facts = [f"{k} {v}" for k, v in self.machine + self.versions if known.get(k) != v]
        if self.shape != other.shape:
            facts.append("requests of {} × {} tokens".format(*self.shape))
        return ", ".join(facts) or "something that was not recorded"


def environment(row: Mapping[str, Any]) -> Environment:
    """`row` is a record with dotted keys and no nulls."""

    def facts(names: Iterable[str]) -> tuple[tuple[str, Any], ...]:
        found = ((name, row.get(f"environment.{name}")) for name in names)
        return tuple((name, value) for name, value in found if value is not None)

    shape = (row.get("latency.shape.batch_size"), row.get("latency.shape.sequence_length"))
    return Environment(facts(MACHINE), facts(VERSIONS), shape)


def elsewhere(row: Mapping[str, Any]) -> tuple[str, ...]:
    """How each other place differs in which the row's trial was trained from where it was measured.

    Empty also where it is not recorded, and where machines differ by nothing but being two.
    """
    found = []
    for place in row.get("environment.elsewhere") or ():
        own = {name: value for name, value in place.items() if name not in ("phases", "machine")}
        measured = {name: row.get(f"environment.{name}") for name in own}
        if own != measured:
            found.append(places.differences(own, measured))
    return tuple(found)


def commonest(environments: Iterable[Environment]) -> Environment | None:
    """The one with the most records; the first by name among equals."""
    counts = Counter(environments)
    return min(counts, key=lambda e: (-counts[e], repr(e))) if counts else None
