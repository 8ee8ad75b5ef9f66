from __future__ import annotations

from itertools import permutations
from math import sqrt

import numpy as np
import pytest
from scipy.stats import kendalltau

from harness.analysis.agreement import Agreement, agreements
from harness.analysis.entry import Entry
from harness.analysis.overview import Across, Overview, Standing


def overview(*studies: list[int | None]) -> Overview:
    """Of ranks per study, in the order of the configurations."""
    rows = tuple(
        Across(
            f"m{place}",
            f"m{place}",
            "low_rank",
            tuple(None if r is None else Standing(entry(), r, False, None) for r in ranks),
            ("",) * len(studies),
        )
        for place, ranks in enumerate(zip(*studies, strict=True))
    )
    return Overview((None,) * len(studies), rows, len(rows), ())  # type: ignore[arg-type]


def entry() -> Entry:
    return None  # type: ignore[return-value]


def only(*studies: list[int | None]) -> Agreement:
    (found,) = agreements(overview(*studies))
    return found


def counted(left: list[int], right: list[int]) -> tuple[float, float]:
    """Tau-b and its two-sided p by hand: each pair, each order."""

    def score(order: tuple[int, ...]) -> int:
        n = len(left)
        return sum(
            int(np.sign(left[i] - left[j]) * np.sign(order[i] - order[j]))
            for i in range(n)
            for j in range(i)
        )

    def untied(ranks: list[int]) -> int:
        return sum(a != b for i, a in enumerate(ranks) for b in ranks[:i])

    scores = [score(order) for order in permutations(right)]
    own = score(tuple(right))
    up = np.mean([each >= own for each in scores])
    down = np.mean([each <= own for each in scores])
    return own / sqrt(untied(left) * untied(right)), min(1.0, 2 * min(up, down))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]),
        ([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]),
        ([1, 1, 1, 4, 5, 6], [1, 2, 2, 4, 4, 6]),
        ([1, 1, 3, 3, 5], [3, 1, 3, 1, 5]),
    ],
)
def test_small_rankings_agree_as_counting_every_pair_and_every_order_says(
    left: list[int], right: list[int]
) -> None:
    found = only(left, right)
    tau, p = counted(left, right)
    assert found.n == len(left)
    assert found.tau == pytest.approx(tau)
    assert found.p == pytest.approx(p)


def test_many_configurations_have_the_p_of_scipy() -> None:
    draw = np.random.default_rng(1)
    left = draw.integers(1, 12, 30).tolist()
    right = (np.array(left) + draw.integers(0, 8, 30)).tolist()
    found = only(left, right)
    expected = kendalltau(left, right)
    assert (found.tau, found.p) == (expected.statistic, expected.pvalue)
    assert found.told


def test_the_drawn_orders_come_close_to_the_normal_approximation() -> None:
    left, right = list(range(1, 11)), [2, 1, 4, 3, 6, 5, 8, 10, 9, 7]
    found = only(left, right)
    assert found.p == pytest.approx(kendalltau(left, right).pvalue, abs=0.002)


def test_of_four_even_the_same_order_is_too_few_to_say() -> None:
    found = only([1, 2, 3, 4], [1, 2, 3, 4])
    assert (found.n, found.tau, found.p, found.told) == (4, 1.0, None, False)
    assert kendalltau(range(4), range(4)).pvalue > 0.05


def test_a_study_that_ties_everything_agrees_with_nothing() -> None:
    assert only([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]).tau is None


def test_only_what_both_studies_rank_counts() -> None:
    found = only([1, 2, 3, 4, 5, 6], [1, None, 2, 3, 4, 5])
    assert (found.n, found.tau) == (5, pytest.approx(1.0))


def test_there_is_one_for_each_two_studies() -> None:
    found = agreements(overview([1, 2], [1, 2], [2, 1]))
    assert [(each.first, each.second) for each in found] == [(0, 1), (0, 2), (1, 2)]
