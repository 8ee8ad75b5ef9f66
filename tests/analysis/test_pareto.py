from __future__ import annotations

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


@pytest.mark.parametrize("maximise", [(True, True), (False, True), (False, False, True)])
def test_the_front_is_what_brute_force_leaves(maximise: tuple[bool, ...]) -> None:
    points = np.random.default_rng(0).integers(0, 12, size=(150, len(maximise))).astype(float)
    expected = [not any(dominates(q, p, maximise) for q in points) for p in points]
    assert front(points, maximise).tolist() == expected
    assert 0 < sum(expected) < 150


def test_equal_points_are_on_the_front_together() -> None:
    assert front([(1, 1), (1, 1), (0, 0)], (True, True)).tolist() == [True, True, False]


def test_a_point_with_a_nan_is_on_no_front_and_dominates_none() -> None:
    points = [(float("nan"), 9.0), (1.0, 1.0)]
    assert front(points, (True, True)).tolist() == [False, True]


def test_one_axis_leaves_the_best() -> None:
    assert front([(3.0,), (1.0,), (2.0,)], (False,)).tolist() == [False, True, False]


def test_no_points_no_front() -> None:
    assert front([], (True, False)).tolist() == []
