"""How much higher a loss on plain text is after training than before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.measure.statistics import Interval, bootstrap


def per_token(sums: ArrayLike, counts: ArrayLike) -> float:
    """Nats per token from the nats of each text, summed over its tokens, and their number."""
    return float(np.sum(sums) / np.sum(counts))


def increase(before: ArrayLike, after: ArrayLike, counts: ArrayLike, seed: int) -> Interval:
    """Nats per token that were lost, with a bootstrap over texts, which stay whole and paired."""
    lost = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    asked = np.asarray(counts, dtype=float)

    def mean(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        means: NDArray[np.float64] = lost[rows].sum(axis=1) / asked[rows].sum(axis=1)
        return means

    return Interval(per_token(lost, asked), *bootstrap(mean, len(lost), seed))
