"""Pareto fronts over three figures at a time, and which of their members chance alone put there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from harness.analysis.entry import Entry
from harness.analysis.pareto import front
from harness.analysis.study import Study
from harness.analysis.ties import compare

AXES = ("quality", "train_memory", "unmerged", "deployed", "file_bytes")


@dataclass(frozen=True)
class Member:
    """One of a front. `instead` is a configuration that is clearly better on one of the figures and
    clearly worse on none, so that chance alone may have put this one on the front; None where there
    is no such. Clearly: intervals apart, qualities not tied, or any difference where there is no
    interval.
    """

    entry: Entry
    instead: Entry | None


@dataclass(frozen=True)
class Front:
    """The non-dominated of those entries for which all three figures are `known`."""

    figures: tuple[str, ...]
    members: tuple[Member, ...]
    known: tuple[Entry, ...]

    @property
    def firm(self) -> tuple[Entry, ...]:
        return tuple(member.entry for member in self.members if member.instead is None)

    @property
    def loose(self) -> tuple[Entry, ...]:
        return tuple(member.entry for member in self.members if member.instead is not None)


def more_is_better(study: Study, figure: str) -> bool:
    return figure == "quality" and study.higher_is_better


def fronts(study: Study) -> tuple[Front, ...]:
    """The front over every three of AXES, members in the order of their quality."""
    in_order = [*study.by_quality(study.entries)]
    in_order += [entry for entry in study.entries if not entry["quality"].known]
    tied = _Ties(study)
    return tuple(_front(study, figures, in_order, tied) for figures in combinations(AXES, 3))


class _Ties:
    """Which entries tie in quality, each pair compared once however many fronts ask."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, first: Entry, second: Entry) -> bool:
        # A paired interval is no wider than those of both together.
        if not first["quality"].overlaps(second["quality"]):
            return False
        key = first.label, second.label
        if key not in self._known:
            self._known[key] = compare(self._study, first, second).tied
        return self._known[key]


def _front(study: Study, figures: tuple[str, ...], in_order: Sequence[Entry], tied: _Ties) -> Front:
    known = [entry for entry in in_order if all(entry[figure].known for figure in figures)]
    values = [[entry[figure].value for figure in figures] for entry in known]
    maximise = [more_is_better(study, figure) for figure in figures]
    mask = front(np.array(values, dtype=float).reshape(-1, len(figures)), maximise)
    spans = _Spans(known, [figure for figure in figures if figure != "quality"])
    ties = tied if "quality" in figures else None
    members = tuple(
        Member(known[place], _instead(known, place, spans, ties))
        for place in map(int, np.flatnonzero(mask))
    )
    return Front(figures, members, tuple(known))


class _Spans:
    """The ends of the intervals of costs, of which less is better: arrays (entries, figures)."""

    def __init__(self, entries: Sequence[Entry], figures: Sequence[str]) -> None:
        spans = np.array([[_span(e, figure) for figure in figures] for e in entries], dtype=float)
        self.low, self.high = np.moveaxis(spans.reshape(-1, len(figures), 2), 2, 0)

    def against(self, place: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which entries are clearly worse than this on no cost, and clearly better on one."""
        better = (self.high < self.low[place]).any(axis=1)
        worse = (self.low > self.high[place]).any(axis=1)
        return ~worse, better


def _span(entry: Entry, figure: str) -> tuple[float, float]:
    estimate = entry[figure]
    assert estimate.value is not None
    low, high = estimate.low, estimate.high
    return (estimate.value if low is None else low), (estimate.value if high is None else high)


def _instead(
    known: Sequence[Entry],
    place: int,
    spans: _Spans,
    tied: Callable[[Entry, Entry], bool] | None,
) -> Entry | None:
    """The first in the order of quality that is clearly better on one and clearly worse on none."""
    no_worse, better = spans.against(place)
    member = known[place]
    for other in map(int, np.flatnonzero(no_worse)):
        if other == place:
            continue
        if tied is None:
            qualified = bool(better[other])
        elif other < place:  # of no lower quality
            qualified = bool(better[other]) or not tied(known[other], member)
        else:
            qualified = bool(better[other]) and tied(known[other], member)
        if qualified:
            return known[other]
    return None
