"""A metric of many resamples of the test examples, drawn alike for all trials.

What is a mean over examples has intervals in closed form; any other metric has these (Efron and
Tibshirani 1993, An Introduction to the Bootstrap, chapters 6 and 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.analysis.estimate import seed_half_width
from harness.analysis.evidence import Outcomes
from harness.metrics.table import Metric

RESAMPLES = 200
"""Enough for a standard error, which is what is made of them: it is off by 5% or so itself."""
SEED = 0


@dataclass(frozen=True)
class Replicates:
    """An entry's metric by seed: on the test examples, of shape (seeds,), and on resamples of them,
    of shape (seeds, RESAMPLES). Who has the same `ids` has the same resamples.
    """

    ids: tuple[str, ...]
    values: NDArray[np.float64]
    resampled: NDArray[np.float64]

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Over seeds, of shape (RESAMPLES,)."""
        found: NDArray[np.float64] = self.resampled.mean(axis=0)
        return found

    @cached_property
    def width(self) -> float:
        """Student's half-width between seeds, 0 for one seed."""
        return seed_half_width(self.values.tolist()) if len(self.values) > 1 else 0.0


def replicates(metric: Metric, outcomes: Sequence[Outcomes | None]) -> Replicates | None:
    """Of the outcomes of each seed; None where some seed has none, or on other examples."""
    first = outcomes[0] if outcomes else None
    if first is None or not first.ids:
        return None
    ids = _ordered(first.ids)
    known = [on for o in outcomes if o is not None and (on := o.on(ids)) is not None]
    if len(known) < len(outcomes):
        return None
    found = np.stack([metric.resampled(columns, _times(len(ids))) for columns in known])
    return Replicates(ids, found[:, 0], found[:, 1:])


@lru_cache(maxsize=4)
def _times(n: int) -> NDArray[np.float64]:
    """All examples once, and then the draws."""
    return np.vstack([np.ones(n), draws(n)])


def draws(n: int, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """How often each of n examples is drawn in each resample, of shape (resamples, n)."""
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=resamples)
    return drawn.astype(float)


@lru_cache(maxsize=64)
def _ordered(ids: tuple[str, ...]) -> tuple[str, ...]:
    """An order that trials which list the same examples in another one share."""
    return tuple(sorted(ids))
