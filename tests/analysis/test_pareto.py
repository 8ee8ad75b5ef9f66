from __future__ import annotations

import time

import numpy as np
import pytest

from harness.analysis.pareto import front


def dominates(first: np.ndarray, second: np.ndarray, maximise: tuple[bool, ...]) -> bool:
    """The definition, axis by axis."""
    at_least = better = 0
    for one, other, more in zip(first, second, maximise, strict=True):
        at_least += one >= other if more else one <= other
        better += one > other if more else one < other
    return at_least == len(maximise) and better > 0


@pytest.mark.parametrize(
    "maximise",
    [(True, True), (False, True), (False, False, True), (True, False, False, False, True)],
)
def test_the_front_is_what_brute_force_leaves(maximise: tuple[bool, ...]) -> None:
    generator = np.random.default_rng(0)
    points = generator.integers(0, 12, size=(150, len(maximise))).astype(float)
    points[generator.random(points.shape) < 0.02] = np.nan
    points[generator.random(points.shape) < 0.02] = np.inf
    complete = [point for point in points if not np.isnan(point).any()]
    expected = [
        not np.isnan(p).any() and not any(dominates(q, p, maximise) for q in complete)
        for p in points
    ]
    assert front(points, maximise).tolist() == expected
    assert 0 < sum(expected) < 150


def test_thousands_of_points_that_are_all_on_the_front_stay_fast() -> None:
    line = np.arange(3333.0)
    points = np.stack([line, -line, line, line, line], axis=1)
    started = time.process_time()
    assert front(points, (True,) * 5).all()
    assert time.process_time() - started < 5


def test_values_that_a_sum_would_round_away_are_told_apart() -> None:
    # 1e16 + 1 is 1e16 in double precision; the first point is better on the second axis.
    points = [(1e16, 1.0), (1e16, 2.0)]
    assert front(points, (False, False)).tolist() == [True, False]


def test_equal_points_are_on_the_front_together() -> None:
    assert front([(1, 1), (1, 1), (0, 0)], (True, True)).tolist() == [True, True, False]


def test_a_point_with_a_nan_is_on_no_front_and_dominates_none() -> None:
    points = [(float("nan"), 9.0), (1.0, 1.0)]
    assert front(points, (True, True)).tolist() == [False, True]


def test_one_axis_leaves_the_best() -> None:
    assert front([(3.0,), (1.0,), (2.0,)], (False,)).tolist() == [False, True, False]


def test_no_points_no_front() -> None:
    assert front([], (True, False)).tolist() == []
