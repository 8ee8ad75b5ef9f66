"""A figure with its interval, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import inf, sqrt

from scipy.special import stdtrit


@dataclass(frozen=True)
class Estimate:
    """`value` with its 95% bounds; without a value, `reason` says why.

    `at_least`: the truth may lie anywhere above.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""
    at_least: bool = False

    @property
    def known(self) -> bool:
        return self.value is not None

    @property
    def bounded(self) -> bool:
        return self.low is not None and self.high is not None

    def overlaps(self, other: Estimate) -> bool:
        """Whether the intervals share a point; a figure without bounds is its own interval."""
        if self.value is None or other.value is None:
            return False
        low, high = self._bounds()
        other_low, other_high = other._bounds()
        return low <= other_high and other_low <= high

    def scaled(self, factor: float) -> Estimate:
        def times(number: float | None) -> float | None:
            return None if number is None else number * factor

        return replace(self, value=times(self.value), low=times(self.low), high=times(self.high))

    def _bounds(self) -> tuple[float, float]:
        assert self.value is not None
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        return low, inf if self.at_least else high


@lru_cache(maxsize=1024)  # many figures of many entries are unknown for the same few reasons
def unknown(reason: str) -> Estimate:
    return Estimate(None, reason=reason)


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """One estimate out of those of several seeds: their mean.

    Half-widths add in squares: the mean half-width of the seeds' own intervals, undivided since
    all seeds are scored on the same examples, and Student's t times the standard error between
    seeds. One seed keeps its own bounds.
    """
    known = [(e.value, e) for e in estimates if e.value is not None]
    if not known:
        return estimates[0] if estimates else unknown("not measured")
    if len(known) == 1:
        return known[0][1]
    at_least = any(e.at_least for _, e in known)
    value = _mean([value for value, _ in known])
    between = seed_half_width([value for value, _ in known])
    # Plain numbers: of a few seeds, an array costs more than what is done with it.
    belows = [middle - e.low for middle, e in known if e.low is not None and e.high is not None]
    aboves = [e.high - middle for middle, e in known if e.low is not None and e.high is not None]
    below = above = 0.0
    if belows:
        below, above = _mean(belows), _mean(aboves)
    elif not between:
        return Estimate(value, at_least=at_least)
    low, high = value - sqrt(below**2 + between**2), value + sqrt(above**2 + between**2)
    return Estimate(value, low, high, at_least=at_least)


def seed_half_width(values: Sequence[float], confidence: float = 0.95) -> float:
    """Student's half-width of the mean of at least two values, one per seed."""
    n = len(values)
    mean = _mean(values)
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    return _student(n - 1, confidence) * deviation / sqrt(n)


@cache
def _student(freedom: int, confidence: float) -> float:
    return float(stdtrit(freedom, (1 + confidence) / 2))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
