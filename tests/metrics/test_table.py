"""Metrics of resamples: those of the modules on the very examples that were drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from harness import metrics, tasks
from harness.measure.statistics import counts
from harness.metrics import resampled
from harness.metrics.table import METRICS, PROPORTIONS
from tests.metrics.examples import examples

NUMBERS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=9)


def value(metric: str, predictions: list[Any], references: list[Any]) -> float:
    found = metrics.load(metric).compute(predictions=predictions, references=references)
    return float(found[metric])


@pytest.mark.parametrize("metric", METRICS)
def test_a_resample_has_the_metric_of_the_examples_drawn(metric: str) -> None:
    predictions, references = examples(metric, 40)
    drawn = np.random.default_rng(1).integers(0, 40, (5, 40))
    found = METRICS[metric].resampled(
        METRICS[metric].examples(predictions, references), counts(drawn).astype(float)
    )
    expected = [
        value(metric, [predictions[place] for place in row], [references[place] for place in row])
        for row in drawn
    ]
    assert found == pytest.approx(expected)
    assert len(set(found)) > 1


@given(NUMBERS)
def test_correlations_of_tied_values_are_scipys(pairs: list[tuple[int, int]]) -> None:
    columns, once = np.array(pairs, dtype=float) / 10, np.ones((1, len(pairs)))
    constant = any(len(set(column)) == 1 for column in columns.T)
    for metric, reference in (("spearman", stats.spearmanr), ("pearson", stats.pearsonr)):
        expected = 0.0 if constant else reference(*columns.T).statistic
        assert METRICS[metric].resampled(columns, once)[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("digits", [0, 1, 15])
@pytest.mark.parametrize("n", [1000, resampled.BLOCK + 1])
def test_spearman_of_resamples_is_scipys_of_the_examples_drawn(n: int, digits: int) -> None:
    draw = np.random.default_rng(n)
    columns = draw.normal(size=(n, 2)).cumsum(axis=1).round(digits)
    drawn = draw.integers(0, n, (resampled.BLOCK // n + 3, n))  # more than are ranked at a time
    found = METRICS["spearman"].resampled(columns, counts(drawn).astype(float))
    expected = [stats.spearmanr(*columns[row].T).statistic for row in drawn]
    assert found == pytest.approx(expected, abs=1e-12)


def test_spearman_is_one_less_the_squares_of_rank_differences() -> None:
    # Spearman 1904: 1 - 6 Σ d² / (n (n² - 1)), where no values are equal.
    ranks = np.random.default_rng(0).permutation(30)
    expected = 1 - 6 * ((ranks - np.arange(30)) ** 2).sum() / (30 * (30**2 - 1))
    predictions = np.exp(ranks / 3)  # any rising function of the ranks
    assert value("spearman", predictions.tolist(), list(range(30))) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["spearman", "pearson"])
def test_predictions_that_do_not_vary_correlate_with_nothing(metric: str) -> None:
    references = np.random.default_rng(0).normal(size=30)
    assert value(metric, [0.1] * 30, references.tolist()) == 0.0
    columns = np.stack([np.full(30, 0.1), references], axis=1)
    drawn = counts(np.random.default_rng(1).integers(0, 30, (50, 30))).astype(float)
    assert not METRICS[metric].resampled(columns, drawn).any()


def test_the_perplexity_of_a_uniform_model_is_the_size_of_its_vocabulary() -> None:
    tokens = [3, 1, 12]
    assert value("perplexity", [np.log(50257) * n for n in tokens], tokens) == pytest.approx(50257)


def test_a_model_that_diverged_has_an_infinite_perplexity() -> None:
    assert value("perplexity", [1e5], [2]) == np.inf


def test_macro_f1_of_resamples_is_that_of_sklearn() -> None:
    predictions, references = map(np.array, examples("macro_f1", 30))
    drawn = np.random.default_rng(1).integers(0, 30, (20, 30))
    found = METRICS["macro_f1"].resampled(
        np.stack([predictions, references], axis=1).astype(float), counts(drawn).astype(float)
    )
    expected = [f1_score(references[row], predictions[row], average="macro") for row in drawn]
    assert found == pytest.approx(expected)


def test_scores_of_proportions_are_zero_or_one() -> None:
    for metric in PROPORTIONS:
        found = METRICS[metric].examples(*examples(metric, 40))
        assert set(found.ravel()) == {0.0, 1.0}
        assert METRICS[metric].is_mean


def test_kinds_take_the_metrics_of_the_table() -> None:
    taken = [metric for metrics in tasks.METRICS.values() for metric in metrics]
    assert sorted(taken) == sorted(METRICS)
    assert tasks.METRICS.keys() == tasks.KINDS.keys()
