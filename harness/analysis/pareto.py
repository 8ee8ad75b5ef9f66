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
    """
    values = np.asarray(points, dtype=float).reshape(-1, len(maximise))
    cost = np.where(np.asarray(maximise), -values, values)
    complete = np.asarray(~np.isnan(cost).any(axis=1))
    on_front = np.array(complete)
    for index in np.flatnonzero(complete):
        no_worse = (cost <= cost[index]).all(axis=1)
        better = (cost < cost[index]).any(axis=1)
        on_front[index] = not (complete & no_worse & better).any()
    return on_front
