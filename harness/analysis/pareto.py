"""The configurations that no other beats on every axis at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def front(points: ArrayLike, maximise: Sequence[bool]) -> NDArray[np.bool_]:
    """Which of the points are non-dominated.

    `points` has shape (n, axes); `maximise` says for each axis whether more is better. A point is
    dominated when another is at least as good on every axis and better on one; equal points stay
    or go together. A point with a NaN is on no front and dominates none.

    Who dominates another has the lower sum of ranks, so that the lowest of those left is on the
    front: one sweep over the points for each member of the front.
    """
    values = np.asarray(points, dtype=float).reshape(-1, len(maximise))
    cost = np.where(np.asarray(maximise), -values, values)
    left = np.flatnonzero(~np.isnan(cost).any(axis=1))
    # Ranks are exact where sums of the values themselves would round.
    ranks = [np.unique(axis, return_inverse=True)[1].reshape(-1) for axis in cost[left].T]
    ranked = np.stack(ranks, axis=1)
    order = np.argsort(ranked.sum(axis=1), kind="stable")
    left, ranked = left[order], ranked[order]
    on_front = np.zeros(len(values), dtype=bool)
    while left.size:
        first = ranked[0]
        equal = (ranked == first).all(axis=1)
        on_front[left[equal]] = True
        beaten = (ranked >= first).all(axis=1)  # or equal
        left, ranked = left[~beaten], ranked[~beaten]
    return on_front
