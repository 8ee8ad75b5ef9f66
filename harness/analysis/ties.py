"""Which configurations cannot be told from which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from harness.analysis.entry import Entry
from harness.analysis.estimate import seed_half_width
from harness.analysis.study import Study

PAIRED = "paired, on the same test examples"
OVERLAP = "by overlap of their intervals"

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Comparison:
    """How much better the first is than the second; `tied` when that could be nothing."""

    difference: float
    low: float | None
    high: float | None
    how: str
    tied: bool


@dataclass(frozen=True)
class Place:
    """A rank and, but for the first of that rank, the comparison with the first."""

    rank: int
    leader: Entry
    against_leader: Comparison | None


def compare(study: Study, first: Entry, second: Entry) -> Comparison:
    """Quality of the first less that of the second, positive when the first is better.

    Paired where both were scored example by example on the same examples by a metric that is the
    mean over examples; else by whether the intervals overlap, which is the blunter test.
    """
    sign = 1 if study.higher_is_better else -1
    pair = _paired(study, first, second) if study.metric == "accuracy" else None
    if pair is not None:
        difference, low, high = pair
        return Comparison(difference, low, high, PAIRED, low <= 0 <= high)
    assert first["quality"].value is not None
    assert second["quality"].value is not None
    difference = sign * (first["quality"].value - second["quality"].value)
    tied = first["quality"].overlaps(second["quality"])
    return Comparison(difference, None, None, OVERLAP, tied)


def ranking(study: Study, entries: Iterable[Entry]) -> dict[str, Place]:
    """Places by label. The best leads rank 1 and shares it with all that are tied with it; the best
    of the rest leads the next. Entries without a quality have no place.
    """
    places: dict[str, Place] = {}
    waiting = study.by_quality(entries)
    while waiting:
        leader, *others = waiting
        rank = len(places) + 1
        places[leader.label] = Place(rank, leader, None)
        waiting = []
        for other in others:
            comparison = compare(study, leader, other)
            if comparison.tied:
                places[other.label] = Place(rank, leader, comparison)
            else:
                waiting.append(other)
    return places


def paired_interval(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Mean difference of two (seeds, examples) arrays of outcomes in [0, 1], with 95% bounds.

    One seed each: the adjusted interval of Agresti and Min (2005, Statistics in Medicine
    24:729-740), half an observation added to each of the four cells. Several: the same width over
    examples, of outcomes averaged over seeds, and Student's width between seeds, added in squares.
    """
    per_example = first.mean(axis=0) - second.mean(axis=0)
    n = per_example.size
    difference = float(per_example.mean())
    # Half an observation in each cell adds (+1, -1) / 2 to the sum of differences, one to the sum
    # of their squares and two to n.
    centre = float(per_example.sum()) / (n + 2)
    spread = (float((per_example**2).sum()) + 1) / (n + 2) - centre**2
    half = Z * sqrt(max(spread, 0.0) / (n + 2))
    between = _between_seeds(first.mean(axis=1), second.mean(axis=1))
    half = sqrt(half**2 + between**2)
    return difference, centre - half, centre + half


def _between_seeds(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    widths = [seed_half_width(scores) for scores in (first, second) if len(scores) > 1]
    return sqrt(sum(width**2 for width in widths))


def _paired(study: Study, first: Entry, second: Entry) -> tuple[float, float, float] | None:
    left, right = study.outcomes(first), study.outcomes(second)
    if not left or left[0] is None:
        return None
    ids = left[0].ids
    scores = [o.on(ids) if o is not None else None for o in (*left, *right)]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores) or not ids:
        return None
    return paired_interval(np.stack(known[: len(left)]), np.stack(known[len(left) :]))
