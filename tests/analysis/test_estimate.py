from __future__ import annotations

from math import sqrt

import pytest
from scipy import stats

from harness.analysis.estimate import Estimate, pooled, unknown


def test_one_seed_keeps_its_own_bounds() -> None:
    assert pooled([Estimate(0.7, 0.65, 0.76)]) == Estimate(0.7, 0.65, 0.76)


def test_seeds_and_examples_both_widen_the_interval() -> None:
    estimate = pooled([Estimate(0.70, 0.68, 0.73), Estimate(0.74, 0.72, 0.77)])
    standard_error = stats.tstd([0.70, 0.74]) / sqrt(2)
    between = stats.t.ppf(0.975, df=1) * standard_error
    assert estimate.value == pytest.approx(0.72)
    assert estimate.low == pytest.approx(0.72 - sqrt(0.02**2 + between**2))
    assert estimate.high == pytest.approx(0.72 + sqrt(0.03**2 + between**2))


def test_seeds_alone_give_an_interval_where_their_own_have_none() -> None:
    estimate = pooled([Estimate(1.0), Estimate(2.0), Estimate(3.0)])
    low, high = stats.t.interval(0.95, df=2, loc=2, scale=stats.sem([1, 2, 3]))
    assert (estimate.low, estimate.high) == (pytest.approx(low), pytest.approx(high))


def test_equal_seeds_without_bounds_have_none() -> None:
    assert pooled([Estimate(5.0), Estimate(5.0)]) == Estimate(5.0)


def test_an_unknown_seed_is_left_out_and_all_unknown_keep_the_reason() -> None:
    assert pooled([unknown("gone"), Estimate(2.0)]).value == 2.0
    assert pooled([unknown("gone"), unknown("lost")]) == unknown("gone")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Estimate(1.0, 0.9, 1.1), Estimate(1.2, 1.1, 1.3), True),
        (Estimate(1.0, 0.9, 1.09), Estimate(1.2, 1.1, 1.3), False),
        (Estimate(1.0), Estimate(1.2, 1.0, 1.3), True),
        (Estimate(1.0), unknown("gone"), False),
    ],
)
def test_overlap(first: Estimate, second: Estimate, expected: bool) -> None:
    assert first.overlaps(second) is expected
    assert second.overlaps(first) is expected


def test_a_lower_bound_cannot_be_told_from_anything_above_it() -> None:
    bound = Estimate(1000.0, 990.0, 1010.0, at_least=True)
    assert bound.overlaps(Estimate(9000.0, 8900.0, 9100.0))
    assert not bound.overlaps(Estimate(900.0, 890.0, 910.0))
    assert pooled([bound, Estimate(1200.0)]).at_least
    assert not pooled([Estimate(1100.0), Estimate(1200.0)]).at_least
