"""Which configurations cannot be told from which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from harness.analysis.entry import Entry
from harness.analysis.evidence import places as places_of
from harness.analysis.replicates import Replicates
from harness.analysis.scores import Scores
from harness.analysis.study import Study
from harness.metrics.table import METRICS

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

    Paired where what the metric is made of was kept of the same examples for both; else by whether
    the intervals overlap, which is the blunter test.
    """
    return against(study, first, [second])[0]


def against(study: Study, first: Entry, others: Sequence[Entry]) -> list[Comparison]:
    """`compare` with the same first for each of the others, worked out together."""
    metric = METRICS.get(study.metric)
    paired: dict[int, Comparison] = {}
    if metric is not None:
        pairing = _by_scores if metric.is_mean else _by_resamples
        paired = pairing(study, first, others)
    return [paired.get(place) or _apart(study, first, other) for place, other in enumerate(others)]


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
        for other, comparison in zip(others, against(study, leader, others), strict=True):
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
    left, right = Scores.of(first), Scores.of(second)
    differences, lows, highs = _intervals(
        left.per_example, right.per_example[None], left.width, np.array([right.width])
    )
    return float(differences[0]), float(lows[0]), float(highs[0])


def resampled_differences(
    first: Replicates, others: Sequence[Replicates]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first's metric less that of each other, and half of the 95% interval, of shape (others,).

    Over examples by Student's t, with the standard deviation of the same difference on resamples of
    them, the same ones for both. Widths between seeds are added in squares.
    """
    n = len(first.ids)
    values = np.array([each.values.mean() for each in others])
    drawn = first.mean - np.stack([each.mean for each in others])
    # Resamples spread less than samples do, by this root.
    half = stdtrit(n - 1, 0.975) * sqrt(n / (n - 1)) * drawn.std(axis=1, ddof=1)
    between = first.width**2 + np.array([each.width for each in others]) ** 2
    return first.values.mean() - values, np.sqrt(half**2 + between)


def _intervals(
    first: NDArray[np.float64],
    others: NDArray[np.float64],
    width: float,
    widths: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Differences and bounds, each of shape (others,): of outcomes averaged over seeds, of shapes
    (examples,) and (others, examples), and the half-widths between seeds.
    """
    per_example = first - others
    n = first.size
    # Half an observation in each cell adds (+1, -1) / 2 to the sum of differences, one to the sum
    # of their squares and two to n.
    centre = per_example.sum(axis=1) / (n + 2)
    spread = ((per_example**2).sum(axis=1) + 1) / (n + 2) - centre**2
    half = Z * np.sqrt(np.maximum(spread, 0.0) / (n + 2))
    between = np.sqrt(width**2 + widths**2)
    half = np.sqrt(half**2 + between**2)
    return per_example.mean(axis=1), centre - half, centre + half


def _by_scores(study: Study, first: Entry, others: Sequence[Entry]) -> dict[int, Comparison]:
    """By place in `others`, for those with which the first can be paired."""
    left = study.scores(first)
    if left is None:
        return {}
    known = {
        place: (scores, order)
        for place, other in enumerate(others)
        if (scores := study.scores(other)) is not None
        and (order := places_of(scores.ids, left.ids)) is not None
    }
    if not known:
        return {}
    matrix = np.stack([scores.per_example[order] for scores, order in known.values()])
    widths = np.array([scores.width for scores, _ in known.values()])
    found = _intervals(left.per_example, matrix, left.width, widths)
    return {
        place: Comparison(difference, low, high, PAIRED, low <= 0 <= high)
        for place, difference, low, high in zip(
            known, *(each.tolist() for each in found), strict=True
        )
    }


def _by_resamples(study: Study, first: Entry, others: Sequence[Entry]) -> dict[int, Comparison]:
    """The same for a metric that is no mean."""
    left = study.replicates(first)
    if left is None or len(left.ids) < METRICS[study.metric].fewest:
        return {}
    known = {
        place: found
        for place, other in enumerate(others)
        if (found := study.replicates(other)) is not None and found.ids == left.ids
    }
    if not known:
        return {}
    sign = 1 if study.higher_is_better else -1
    differences, halves = resampled_differences(left, list(known.values()))
    return {
        place: Comparison(gap, gap - half, gap + half, PAIRED, abs(gap) <= half)
        for place, gap, half in zip(
            known, (sign * differences).tolist(), halves.tolist(), strict=True
        )
    }


def _apart(study: Study, first: Entry, second: Entry) -> Comparison:
    assert first["quality"].value is not None
    assert second["quality"].value is not None
    sign = 1 if study.higher_is_better else -1
    difference = sign * (first["quality"].value - second["quality"].value)
    unbounded = not (first["quality"].bounded and second["quality"].bounded)
    tied = unbounded or first["quality"].overlaps(second["quality"])
    return Comparison(difference, None, None, OVERLAP, tied)
