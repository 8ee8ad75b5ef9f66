"""Latency ratios that must be 1.000, and what they say about the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log

from scipy.special import bdtrc

from harness.analysis.entry import Entry
from harness.analysis.estimate import Estimate


@dataclass(frozen=True)
class Null:
    """The ratio of two models of the same architecture."""

    label: str
    kind: str
    ratio: Estimate

    @property
    def holds(self) -> bool | None:
        """Whether the interval contains 1.000; None without an interval."""
        if self.ratio.low is None or self.ratio.high is None:
            return None
        return self.ratio.low <= 1.0 <= self.ratio.high


@dataclass(frozen=True)
class Verdict:
    """All nulls of a study together."""

    nulls: tuple[Null, ...]

    @property
    def missed(self) -> tuple[Null, ...]:
        return tuple(null for null in self.nulls if null.holds is False)

    @property
    def failed(self) -> bool:
        """More misses than 95% intervals allow: so many or more have a chance below 5%."""
        tested = sum(null.holds is not None for null in self.nulls)
        misses = len(self.missed)
        return misses > 0 and float(bdtrc(misses - 1, tested, 0.05)) < 0.05

    @property
    def noise(self) -> float | None:
        """How far off a null lay at most, as a ratio of at least 1; None without nulls."""
        ratios = [null.ratio.value for null in self.nulls if null.ratio.value]
        return exp(max(abs(log(ratio)) for ratio in ratios)) if ratios else None


def verdict(entries: Iterable[Entry]) -> Verdict:
    """Unmerged over base where training leaves the architecture alone, and merged over base."""
    found = []
    for entry in entries:
        if entry.in_place and entry["unmerged"].known:
            found.append(Null(entry.label, "trained in place / base", entry["unmerged"]))
        if entry.mergeable and entry["merged"].known:
            found.append(Null(entry.label, "merged / base", entry["merged"]))
    return Verdict(tuple(found))
