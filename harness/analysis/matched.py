"""Methods held against each other at the same number of trained parameters.

What is matched is the adapter's parameters: the task's head is the same for all methods, so that
counting it would only make small adapters look more alike than they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analysis.entry import Entry
from harness.analysis.study import Study
from harness.analysis.ties import Place, ranking

WITHIN = 0.15
"""How far from the budget a configuration may lie, as a share of it."""
METHODS = 3
"""Fewest methods that make a budget shared."""


@dataclass(frozen=True)
class Budget:
    """A number of adapter parameters at which several methods meet.

    `entries`: the best of each method within the budget, best first; `places` rank these among
    themselves. `anywhere` and `places_anywhere`: the same methods, each at its best size of all.
    """

    parameters: float
    entries: tuple[Entry, ...]
    places: Mapping[str, Place]
    anywhere: tuple[Entry, ...]
    places_anywhere: Mapping[str, Place]

    @property
    def leaders(self) -> tuple[str, ...]:
        """Methods that share the first rank at this budget."""
        return _leaders(self.places, self.entries)

    @property
    def leaders_anywhere(self) -> tuple[str, ...]:
        return _leaders(self.places_anywhere, self.anywhere)


def budgets(study: Study) -> tuple[Budget, ...]:
    """The budgets that at least METHODS methods share, smallest first; no configuration is in two.

    Of all ranges no wider than WITHIN allows, the one with the most methods is taken, the narrowest
    of several, the lowest of those; its middle is the budget. The same is then done with what lies
    below and above.
    """
    known = [e for e in study.entries if e["quality"].known and (e["adapter"].value or 0.0) > 0]
    known.sort(key=lambda e: (e["adapter"].value, e.label))
    counts = np.array([e["adapter"].value for e in known], dtype=float)
    methods = [e.method for e in known]
    return tuple(
        _budget(study, middle, known[first:last])
        for middle, first, last in _ranges(counts, methods, 0, len(known))
    )


def _budget(study: Study, middle: float, entries: Sequence[Entry]) -> Budget:
    best = best_of_each(study, entries)
    methods = {entry.method for entry in best}
    anywhere = best_of_each(study, [e for e in study.entries if e.method in methods])
    return Budget(
        middle, tuple(best), ranking(study, best), tuple(anywhere), ranking(study, anywhere)
    )


def best_of_each(study: Study, entries: Sequence[Entry]) -> list[Entry]:
    """The best entry of each method, best first."""
    found: dict[str, Entry] = {}
    for entry in study.by_quality(entries):
        found.setdefault(entry.method, entry)
    return list(found.values())


def _ranges(
    counts: NDArray[np.float64], methods: Sequence[str], first: int, last: int
) -> list[tuple[float, int, int]]:
    """Budgets among the sorted counts[first:last], each with the slice of what lies within it."""
    narrow = _narrowest(counts, methods, first, last)
    if narrow is None:
        return []
    middle = (counts[narrow[0]] + counts[narrow[1]]) / 2
    low = max(first, int(np.searchsorted(counts, (1 - WITHIN) * middle, "left")))
    high = min(last, int(np.searchsorted(counts, (1 + WITHIN) * middle, "right")))
    # The ends lie within by construction, whatever rounding says.
    low, high = min(low, narrow[0]), max(high, narrow[1] + 1)
    return [
        *_ranges(counts, methods, first, low),
        (float(middle), low, high),
        *_ranges(counts, methods, high, last),
    ]


def _narrowest(
    counts: NDArray[np.float64], methods: Sequence[str], first: int, last: int
) -> tuple[int, int] | None:
    """First and last place of the range with the most methods, or None with too few."""
    widest = (1 + WITHIN) / (1 - WITHIN)
    nearest: dict[str, int] = {}  # each method's first place from `start` on
    found = []
    for start in reversed(range(first, last)):
        nearest[methods[start]] = start
        limit = widest * counts[start]
        met = [place for place in nearest.values() if counts[place] <= limit]
        if len(met) >= METHODS:
            found.append((-len(met), float(counts[max(met)] / counts[start]), start, max(met)))
    return min(found)[2:] if found else None


def _leaders(places: Mapping[str, Place], entries: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(entry.method for entry in entries if places[entry.label].rank == 1)
