"""Which configurations a claim speaks of, and which of them are held against which."""

from __future__ import annotations

import shlex
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from math import log
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from harness.analysis.claims.verdict import Verdict, undecided
from harness.analysis.entry import Entry
from harness.analysis.numbers import capital, listed
from harness.analysis.study import Study
from harness.checked import Checked
from harness.errors import nearest

Names = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]
Sizes = Annotated[tuple[int, ...], BeforeValidator(lambda v: (v,) if isinstance(v, int) else v)]

Pairing = Literal["method", "size", "parameters", "each"]
"""method: the best of each method, as the claim has it, with that of each method of the other side.
size: those of the same size. parameters: each with the one of the other side that trains the most
nearly equal number of parameters, at most twice or half as many. each: every configuration with the
best of each method of the other side."""

SEEDS = 3
"""The fewest that decide a claim about quality."""
FEW = 6
SWEEP = "sweep=quick"
"""What is suggested where a claim names no methods."""


@dataclass(frozen=True)
class Chosen(Checked):
    """Configurations by method, family and size, each one name or a list; all that is given must
    hold. `without` leaves methods out.
    """

    method: Names = ()
    family: Names = ()
    size: Sizes = ()
    without: Names = ()

    def __post_init__(self) -> None:
        if not (self.method or self.family or self.without):
            raise ValueError("names no method, no family and nothing that it is without")

    def __str__(self) -> str:
        told = [listed(self.method), *(f"family {name}" for name in self.family)]
        told += [f"size {size}" for size in self.size]
        told += [f"all without {listed(self.without)}"] if self.without else []
        return ", ".join(filter(None, told))

    def of(self, study: Study) -> list[Entry]:
        """In the order of the methods named, small sizes first."""
        place = {name: index for index, name in enumerate(self.method)}
        return sorted(
            (entry for entry in study.entries if self._holds(entry)),
            key=lambda e: (place.get(e.method, 0), e.method, e.size or 0, e.label),
        )

    def _holds(self, entry: Entry) -> bool:
        return (
            (not self.method or entry.method in self.method)
            and (not self.family or entry.family in self.family)
            and (not self.size or entry.size in self.size)
            and entry.method not in self.without
        )


def _from_plain(value: Any) -> Any:
    """A method, a list of methods, or a mapping with the fields of Chosen."""
    if isinstance(value, (str, list)):
        return {"method": value}
    if isinstance(value, Mapping):
        known = [field.name for field in fields(Chosen)]
        for name in value:
            if name not in known:
                raise ValueError(f"{name!r} is not a known field; {nearest(str(name), known)}")
    return value


Selection = Annotated[Chosen, BeforeValidator(_from_plain)]


def pairs(
    study: Study,
    first: Chosen,
    second: Chosen,
    pairing: Pairing,
    rank: Callable[[Entry], float | None],
) -> list[tuple[Entry, Entry]]:
    """What is held against what; `rank` is least for the best and None for what has no figure."""
    left = [entry for entry in first.of(study) if rank(entry) is not None]
    right = [entry for entry in second.of(study) if rank(entry) is not None]
    if pairing == "size":
        lefts, rights = _best(left, rank, _method_and_size), _best(right, rank, _method_and_size)
        sizes: dict[int | None, list[Entry]] = {}
        for entry in rights:
            sizes.setdefault(entry.size, []).append(entry)
        return [(a, b) for a in lefts for b in sizes.get(a.size, ()) if a is not b]
    if pairing == "parameters":
        return _of_nearest_parameters(left, right)
    lefts = left if pairing == "each" else _best(left, rank, _method)
    rights = _best(right, rank, _method)
    return [(a, b) for a in lefts for b in rights if a is not b]


def by_size(
    study: Study, which: Chosen, rank: Callable[[Entry], float | None]
) -> dict[str, list[Entry]]:
    """The best of each size, small sizes first, by method."""
    known = [e for e in which.of(study) if e.size is not None and rank(e) is not None]
    found: dict[str, list[Entry]] = {}
    for entry in sorted(_best(known, rank, _method_and_size), key=lambda e: e.size or 0):
        found.setdefault(entry.method, []).append(entry)
    return found


def to_run(study: Study, *chosen: Chosen, sizes: Iterable[int] = (), measured: bool = True) -> str:
    """The sweep that would give the records that are missing: three seeds, or twice as many as
    there are already, at the sizes given, or else at those that were run so far where they are few.
    Not `measured`: the same trials, with everything measured.
    """
    given = [*(size for one in chosen for size in one.size), *sizes]
    sides = [one.of(study) for one in chosen]
    entries = [entry for side in sides for entry in side]
    run = max((len(entry.seeds) for entry in entries), default=0)
    found = sorted({entry.size for entry in entries if entry.size is not None})
    enough = all(len(entry.seeds) >= SEEDS for entry in entries)
    complete = all(sides) and enough and set(found).issuperset(given)
    seeds = 2 * run if measured and complete else max(SEEDS, run)
    methods = dict.fromkeys(name for one in chosen for name in one.method)
    named = all(one.method for one in chosen)
    parts = ["python -m harness -m", f"method={','.join(methods)}" if named else SWEEP]
    wanted = dict.fromkeys(given or found)
    if 0 < len(wanted) <= FEW:
        parts.append(f"size={','.join(map(str, wanted))}")
    parts.append(f"seed={','.join(map(str, range(seeds)))}")
    parts += [shlex.quote(f"model={study.model}"), shlex.quote(f"task={study.task}")]
    return " ".join(parts if measured else [*parts, "measure=default"])


def missing(study: Study, figure: str, name: str, *chosen: Chosen) -> Verdict:
    """Why there is nothing to compare, and what to run."""
    told, measured = [], True
    for one in chosen:
        entries = one.of(study)
        if not entries:
            told.append(f"There is no record of {one}.")
        elif not any(entry[figure].known for entry in entries):
            reasons = dict.fromkeys(entry[figure].reason for entry in entries)
            measured = False
            told.append(f"{capital(name)} is not known for {one}: {listed(reasons, 2)}.")
    if not told:
        told.append(f"No two records can be held against each other: {listed(map(str, chosen))}.")
    return undecided(" ".join(told), to_run(study, *chosen, measured=measured))


def _best(
    entries: Iterable[Entry],
    rank: Callable[[Entry], float | None],
    key: Callable[[Entry], object],
) -> list[Entry]:
    best: dict[object, Entry] = {}
    for entry in entries:
        other = best.get(key(entry))
        if other is None or (rank(entry) or 0.0) < (rank(other) or 0.0):
            best[key(entry)] = entry
    return list(best.values())


def _of_nearest_parameters(left: list[Entry], right: list[Entry]) -> list[tuple[Entry, Entry]]:
    others = sorted((log(e["trainable"].value), e.label, e) for e in right if e["trainable"].value)
    amounts = [amount for amount, _, _ in others]
    found = []
    for entry in left:
        if not entry["trainable"].value:
            continue
        own = log(entry["trainable"].value)
        place = bisect(amounts, own)
        beside = [other for other in others[max(0, place - 2) : place + 2] if other[2] is not entry]
        nearest_of = min(beside, key=lambda other: abs(other[0] - own), default=None)
        if nearest_of is not None and abs(nearest_of[0] - own) <= log(2):
            found.append((entry, nearest_of[2]))
    return found


def _method(entry: Entry) -> str:
    return entry.method


def _method_and_size(entry: Entry) -> tuple[str, int | None]:
    return entry.method, entry.size
