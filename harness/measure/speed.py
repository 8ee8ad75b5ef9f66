"""How fast training goes, from the times of single steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.measure.latency import UNSTABLE_ABOVE
from harness.measure.statistics import spread


@dataclass(frozen=True)
class Work:
    """What one step learns from; tokens without padding."""

    examples: int
    tokens: int


@dataclass(frozen=True)
class Speed:
    """Nanoseconds of the same steps in two passes; both hold one time per step, in their order."""

    work: Sequence[Work]
    first: Sequence[int]
    second: Sequence[int]
    repeated: bool = False

    @property
    def stable(self) -> bool:
        """Whether the same step took about as long both times.

        Steps differ in the length of their texts, so that their own spread says nothing.
        """
        ratios = [b / a for a, b in zip(self.first, self.second, strict=True)]
        return spread(ratios).relative <= UNSTABLE_ABOVE

    def figures(self) -> dict[str, Any]:
        times = [*self.first, *self.second]
        seconds = sum(times) / 1e9
        step = spread([time / 1e6 for time in times])
        return {
            "examples_per_s": 2 * sum(work.examples for work in self.work) / seconds,
            "tokens_per_s": 2 * sum(work.tokens for work in self.work) / seconds,
            "seconds_per_step": {"median_ms": step.median, "iqr_ms": step.iqr, "n": step.n},
            "stable": self.stable,
            "repeated": self.repeated,
        }
