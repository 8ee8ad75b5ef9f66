"""How far two studies rank the configurations that both have alike: Kendall's tau-b.

Kendall 1945, The treatment of ties in ranking problems, Biometrika 33: 1 is the same order, −1 the
reverse; pairs that a study ties count for neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import isnan

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, permutation_test

from harness.analysis.overview import Overview

LEAST = 5
"""Of fewer, not even the same order could be told from chance: 2 of 4! orders are as extreme."""
PERMUTED = 10
"""Up to so many, p comes from orders drawn at random (all of them up to 7); the normal
approximation is good beyond (Kendall 1970, Rank Correlation Methods, chapter 4).
"""
ALPHA = 0.05
DRAWN = 5040
SEED = 0


@dataclass(frozen=True)
class Agreement:
    """Of the studies at two places over `n` common configurations. `tau` is None where there are
    fewer than two or a study ties all of them; `p`, two-sided, is that of as strong an order, the
    same or the reverse, by chance, and None where too few are common to say.
    """

    first: int
    second: int
    n: int
    tau: float | None
    p: float | None

    @property
    def told(self) -> bool:
        """Whether it is more than chance."""
        return self.p is not None and self.p < ALPHA


def agreements(overview: Overview) -> tuple[Agreement, ...]:
    """Of each two counted studies, by their ranks with ties."""
    return tuple(
        _agreement(overview, first, second) for first, second in combinations(overview.counted, 2)
    )


def _agreement(overview: Overview, first: int, second: int) -> Agreement:
    pairs = [
        (left, right)
        for row in overview.rows
        if (left := row.ranks[first]) is not None and (right := row.ranks[second]) is not None
    ]
    n = len(pairs)
    ranks = np.array(pairs, dtype=float).reshape(-1, 2)
    if n < 2 or (ranks == ranks[:1]).all(axis=0).any():
        return Agreement(first, second, n, None, None)
    found = kendalltau(ranks[:, 0], ranks[:, 1])
    if n < LEAST or isnan(found.statistic):
        return Agreement(first, second, n, float(found.statistic), None)
    p = found.pvalue if n > PERMUTED else _permuted(ranks)
    return Agreement(first, second, n, float(found.statistic), float(p))


def _permuted(ranks: NDArray[np.float64]) -> float:
    """Two-sided p of pairs that agree in order less those that do not, over permutations."""
    i, j = np.triu_indices(len(ranks), 1)
    other = np.sign(ranks[i, 1] - ranks[j, 1])

    def agreeing(own: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        moved = np.moveaxis(own, axis, -1)
        concordant: NDArray[np.float64] = np.sign(moved[..., i] - moved[..., j]) @ other
        return concordant

    found = permutation_test(
        (ranks[:, 0],),
        agreeing,
        permutation_type="pairings",
        vectorized=True,
        n_resamples=DRAWN,
        rng=np.random.default_rng(SEED),
    )
    return float(found.pvalue)
