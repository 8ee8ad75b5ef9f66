from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.measure.statistics import (
    CARRIED_BY,
    FEWEST_RESAMPLED,
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


def test_bootstrap_mean_agrees_with_scipy() -> None:
    values = np.random.default_rng(3).exponential(size=400)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20000, method="percentile", rng=np.random.default_rng(4)
    ).confidence_interval
    ours = bootstrap_mean(values, seed=5, resamples=20000)
    assert ours == pytest.approx((expected.low, expected.high), abs=0.01 * values.mean())


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
    enough = [1.0, 2.0] * (FEWEST_RESAMPLED // 2)
    assert bootstrap_mean(enough[:-1], seed=0) == (None, None)
    assert None not in bootstrap_mean(enough, seed=0)
    one = paired_ratio([3.0], [2.0], seed=0)
    assert (one.value, one.ci_low, one.ci_high) == (1.5, None, None)


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


@pytest.mark.parametrize("n", [FEWEST_RESAMPLED, 60])
@pytest.mark.parametrize("shape", ["normal", "heavy"])
def test_ratio_interval_covers_the_truth_about_as_often_as_it_says(n: int, shape: str) -> None:
    generator, trials, truth = np.random.default_rng(7), 600, 1.03
    covered = 0
    for seed in range(trials):
        noise = (
            generator.normal(0, 0.05, (2, n))
            if shape == "normal"
            else 0.02 * generator.standard_t(1.5, (2, n)).clip(-50, 50)
        )
        above, below = np.exp(noise + generator.normal(0, 0.5, n))
        ratio = paired_ratio(list(truth * above), list(below), seed, resamples=500)
        assert ratio.ci_low is not None
        assert ratio.ci_high is not None
        covered += ratio.ci_low <= truth <= ratio.ci_high
    # 600 simulated studies tell 0.95 to within 0.018.
    assert 0.92 <= covered / trials <= 0.98


def test_mean_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator, trials = np.random.default_rng(8), 600
    covered = 0
    for seed in range(trials):
        low, high = bootstrap_mean(generator.exponential(size=100), seed, resamples=500)
        assert low is not None
        assert high is not None
        covered += low <= 1.0 <= high
    assert 0.92 <= covered / trials <= 0.98


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
