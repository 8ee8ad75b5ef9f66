from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from harness.measure.statistics import (
    CARRIED_BY,
    FEWEST_AVERAGED,
    FEWEST_RESAMPLED,
    Interval,
    bootstrap,
    bootstrap_mean,
    paired_ratio,
    percentiles,
    spread,
    wilson,
)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (3, 10), (561, 1000), (10, 10)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_wilson_agrees_with_scipy(successes: int, n: int, confidence: float) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    assert wilson(successes, n, confidence) == pytest.approx((expected.low, expected.high))


def test_wilson_stays_inside_zero_and_one() -> None:
    assert wilson(0, 5)[0] == 0.0
    assert wilson(5, 5)[1] == 1.0


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, n)


def exact_coverage(n: int, confidence: float, shares: np.ndarray) -> np.ndarray:
    """How often the interval holds each true share, summed over all counts that can come out."""
    low, high = np.array([wilson(k, n, confidence) for k in range(n + 1)]).T
    held = (low[:, None] <= shares) & (shares <= high[:, None])
    return (held * stats.binom.pmf(np.arange(n + 1)[:, None], n, shares)).sum(axis=0)


@pytest.mark.parametrize("n", [20, 64, 200, 1000])
def test_wilson_covers_what_it_says_over_all_shares(n: int) -> None:
    coverage = exact_coverage(n, 0.95, np.linspace(0.0005, 0.9995, 2000))
    # A count is whole, so that it cannot be right for each share, only on average.
    assert 0.93 <= coverage.mean() <= 0.97
    assert coverage.min() > 0.83
    assert abs(exact_coverage(n, 0.99, np.linspace(0.0005, 0.9995, 2000)).mean() - 0.99) < 0.005


def test_bootstrap_mean_is_near_the_interval_of_student_where_that_is_exact() -> None:
    values = np.random.default_rng(3).normal(10, 2, size=400)
    expected = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    ours = bootstrap_mean(values, seed=5, resamples=20000)
    assert ours == pytest.approx(expected, abs=0.03 * stats.sem(values) * 2)


def test_percentiles_are_those_of_scipy_but_for_the_wider_tail() -> None:
    values = np.random.default_rng(3).exponential(size=60)
    # Hesterberg 2015: at n = 60 the 2.5% become this.
    tail = stats.norm.cdf(-np.sqrt(60 / 59) * stats.t.ppf(0.975, 59))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=40000, confidence_level=1 - 2 * tail,
        method="percentile", rng=np.random.default_rng(4),
    ).confidence_interval  # fmt: skip
    ours = bootstrap_mean(values, seed=5, resamples=40000)
    assert ours == pytest.approx((expected.low, expected.high), abs=0.04 * stats.sem(values))
    assert tail < 0.0235


def test_bootstrap_is_the_same_for_the_same_seed_only() -> None:
    values = list(np.random.default_rng(0).normal(size=50))
    assert bootstrap_mean(values, seed=1) == bootstrap_mean(values, seed=1)
    assert bootstrap_mean(values, seed=1) != bootstrap_mean(values, seed=2)


def test_bootstrap_in_blocks_draws_the_number_of_resamples_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.measure.statistics._DRAWN", 100)
    drawn: list[int] = []

    def first_column(rows: np.ndarray) -> np.ndarray:
        drawn.append(len(rows))
        return rows[:, 0]

    bootstrap(first_column, n=30, seed=0, resamples=10)
    assert drawn == [3, 3, 3, 1]


def test_too_few_samples_carry_no_interval() -> None:
    enough = [1.0, 2.0] * (FEWEST_AVERAGED // 2)
    assert bootstrap_mean(enough[:-1], seed=0) == (None, None)
    assert None not in bootstrap_mean(enough, seed=0)
    rounds = [1.0, 2.0] * (FEWEST_RESAMPLED // 2)
    assert paired_ratio(rounds[:-1], rounds[:-1], seed=0) == Interval(1.0, None, None)
    assert paired_ratio(rounds, rounds, seed=0) == Interval(1.0, 1.0, 1.0)
    assert paired_ratio([3.0], [2.0], seed=0) == Interval(1.5, None, None)
    assert (spread([2.0]).median, spread([2.0]).iqr, spread([2.0]).n) == (2.0, 0.0, 1)


def test_blocks_count_and_not_the_rounds_in_them() -> None:
    rounds = [1.0, 2.0] * 100
    few = [i % (FEWEST_RESAMPLED - 1) for i in range(200)]
    assert paired_ratio(rounds, rounds, seed=0, blocks=few) == Interval(1.0, None, None)
    enough = [i % FEWEST_RESAMPLED for i in range(200)]
    assert paired_ratio(rounds, rounds, seed=0, blocks=enough) == Interval(1.0, 1.0, 1.0)


def test_blocks_of_one_round_are_no_blocks() -> None:
    above, below = np.exp(np.random.default_rng(0).normal(0, 0.1, (2, 41)))
    plain = paired_ratio(above, below, seed=3)
    assert paired_ratio(above, below, seed=3, blocks=range(100, 141)) == plain


@pytest.mark.parametrize("sizes", [[5] * 20, list(range(1, 31))])
def test_resampled_medians_are_those_of_the_blocks_laid_side_by_side(sizes: list[int]) -> None:
    generator = np.random.default_rng(1)
    blocks = generator.permutation(np.repeat(np.arange(len(sizes)), sizes))
    ratios = generator.lognormal(0, 0.1, len(blocks))
    expected: list[float] = []

    def side_by_side(drawn: np.ndarray) -> np.ndarray:
        expected.extend(
            float(np.median(np.concatenate([ratios[blocks == block] for block in row])))
            for row in drawn
        )
        return np.array(expected)

    low, high = bootstrap(side_by_side, len(sizes), seed=9, resamples=300)
    found = paired_ratio(ratios, np.ones_like(ratios), 9, resamples=300, blocks=blocks)
    assert len(expected) == 300
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high), rel=1e-12)
    assert found.value == np.median(ratios)


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        bootstrap_mean([], seed=0)
    with pytest.raises(ValueError, match="no samples"):
        spread([])


def test_zero_spread_gives_an_interval_of_zero_width() -> None:
    ratio = paired_ratio([3.0] * 30, [2.0] * 30, seed=0)
    assert (ratio.value, ratio.ci_low, ratio.ci_high) == (1.5, 1.5, 1.5)
    assert spread([2.0] * 30).relative == 0.0


def test_ratio_ignores_what_slows_a_whole_round_and_one_disturbed_call() -> None:
    disturbance = np.random.default_rng(0).uniform(1, 10, size=41)
    below = disturbance.copy()
    below[7] *= 100
    ratio = paired_ratio(list(1.25 * disturbance), list(below), seed=0)
    assert ratio.value == pytest.approx(1.25)
    assert (ratio.ci_low, ratio.ci_high) == pytest.approx((1.25, 1.25))


@pytest.mark.parametrize(
    ("above", "below"), [([1.0], [1.0, 2.0]), ([], []), ([0.0], [1.0]), ([1.0], [0.0])]
)
def test_ratio_refuses_rounds_that_do_not_pair(above: list[float], below: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        paired_ratio(above, below, seed=0)


def test_ratio_refuses_blocks_that_do_not_say_where_each_round_belongs() -> None:
    with pytest.raises(ValueError, match="2 blocks of 3 rounds: expected one per round"):
        paired_ratio([1.0] * 3, [1.0] * 3, seed=0, blocks=[0, 1])


# Noise of a call, as the logarithm of its factor; the second has its tail on one side.
NOISES: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "normal": lambda generator, shape: generator.normal(0, 0.05, shape),
    "skewed": lambda generator, shape: 0.05 * generator.lognormal(0, 1, shape),
    "heavy": lambda generator, shape: 0.02 * generator.standard_t(1.5, shape).clip(-50, 50),
}
STUDIES = 2000  # tell 0.95 to within 0.01


def share_that_covers(
    study: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]],
    truth: float,
    blocks: np.ndarray | None = None,
    studies: int = STUDIES,
) -> float:
    generator, covered = np.random.default_rng(7), 0
    for seed in range(studies):
        above, below = study(generator)
        ratio = paired_ratio(truth * above, below, seed, resamples=300, blocks=blocks)
        assert ratio.ci_low is not None
        assert ratio.ci_high is not None
        covered += ratio.ci_low <= truth <= ratio.ci_high
    return covered / studies


@pytest.mark.parametrize("n", [FEWEST_RESAMPLED, 60, 200])
@pytest.mark.parametrize("shape", NOISES)
def test_ratio_interval_covers_the_truth_as_often_as_it_says(n: int, shape: str) -> None:
    def study(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        # What slows a whole round comes on top, and cancels.
        above, below = np.exp(NOISES[shape](generator, (2, n)) + generator.normal(0, 0.5, n))
        return above, below

    assert 0.93 <= share_that_covers(study, truth=1.03) <= 0.97


@pytest.mark.parametrize("count", [FEWEST_RESAMPLED, 40])
def test_ratio_interval_in_blocks_covers_what_one_over_single_rounds_does_not(count: int) -> None:
    blocks = np.repeat(np.arange(count), 5)

    def study(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        placement = generator.normal(0, 0.01, count)[blocks]
        noise = generator.normal(0, 0.03 / np.sqrt(2), (2, len(blocks)))
        return np.exp(noise[0] + placement), np.exp(noise[1])

    assert 0.93 <= share_that_covers(study, truth=1.0, blocks=blocks) <= 0.97
    assert share_that_covers(study, truth=1.0, studies=300) < 0.9


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda generator, n: generator.normal(1, 1, n), 1.0),
        (lambda generator, n: generator.exponential(1, n), 1.0),
        (lambda generator, n: generator.standard_t(3, n), 0.0),
    ],
    ids=["normal", "skewed", "heavy"],
)
def test_mean_interval_covers_the_truth_as_often_as_it_says(
    draw: Callable[[np.random.Generator, int], np.ndarray], truth: float
) -> None:
    for n in (FEWEST_AVERAGED, 200):
        generator, covered = np.random.default_rng(8), 0
        for seed in range(STUDIES):
            low, high = bootstrap_mean(draw(generator, n), seed, resamples=300)
            assert low is not None
            assert high is not None
            covered += low <= truth <= high
        assert 0.93 <= covered / STUDIES <= 0.97


def test_spread_is_the_median_and_the_interquartile_range() -> None:
    found = spread([1.0, 2.0, 3.0, 4.0, 100.0])
    assert (found.median, found.iqr, found.n) == (3.0, 2.0, 5)
    assert found.relative == pytest.approx(2 / 3)


def test_percentiles_leave_out_what_n_does_not_carry() -> None:
    assert percentiles([1.0] * 10) == {}
    assert list(percentiles([1.0] * 11)) == [50]
    assert list(percentiles([1.0] * 661)) == [50, 90, 95]
    assert percentiles([float(i) for i in range(1001)])[99] == 990.0


@pytest.mark.parametrize(("percent", "n"), CARRIED_BY.items())
def test_a_carried_percentile_lies_inside_the_samples(percent: int, n: int) -> None:
    assert 1 - (percent / 100) ** n >= 0.998
