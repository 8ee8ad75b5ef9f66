"""Quality: the value of the module, an interval that covers, and what a trial keeps of examples."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from harness import metrics
from harness.measure.statistics import bootstrap_mean, wilson
from harness.metrics.table import METRICS
from harness.tasks.quality import outcomes, quality_of
from tests.metrics.examples import examples


@pytest.mark.parametrize("metric", METRICS)
def test_a_quality_lies_within_its_interval_and_has_the_modules_value(metric: str) -> None:
    predictions, references = examples(metric, 60)
    found = quality_of(metric, predictions, references)
    module = metrics.load(metric).compute(predictions=predictions, references=references)
    assert found.value == module[metric]
    assert found.n == 60
    assert found.higher_is_better == (metric != "perplexity")
    assert found.majority is None
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < found.value < found.ci_high


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_kept_of_examples_gives_the_metric_again(metric: str) -> None:
    predictions, references = examples(metric, 60)
    kept = json.loads(
        json.dumps(outcomes(metric, list(map(str, range(60))), predictions, references))
    )
    columns = np.array([kept[name] for name in METRICS[metric].columns], dtype=float).T
    again = METRICS[metric].resampled(columns, np.ones((1, 60)))[0]
    assert again == pytest.approx(quality_of(metric, predictions, references).value)
    assert set(kept) == {"metric", "ids", *METRICS[metric].columns}
    assert kept["metric"] == metric


def test_the_answer_that_is_always_the_same_has_its_own_value() -> None:
    found = quality_of("exact_match", ["no"] * 4, ["yes", "no", "no", "Yes."], ["yes"] * 4)
    assert (found.value, found.majority) == (0.5, 0.5)
    assert (found.ci_low, found.ci_high) == wilson(2, 4)


def test_rouge_l_has_the_interval_of_a_mean() -> None:
    predictions, references = examples("rouge_l", 80)
    found = quality_of("rouge_l", predictions, references)
    scores = METRICS["rouge_l"].examples(predictions, references)[:, 0]
    assert (found.ci_low, found.ci_high) == pytest.approx(bootstrap_mean(scores, seed=0))


@pytest.mark.parametrize(("metric", "n"), [("rouge_l", 49), ("perplexity", 49), ("spearman", 19)])
def test_too_few_examples_carry_no_interval(metric: str, n: int) -> None:
    few = quality_of(metric, *examples(metric, n))
    enough = quality_of(metric, *examples(metric, n + 1))
    assert (few.ci_low, few.ci_high) == (None, None)
    assert None not in (enough.ci_low, enough.ci_high)


@pytest.mark.parametrize("metric", ["spearman", "pearson"])
def test_the_interval_of_a_correlation_has_fishers_width(metric: str) -> None:
    # Fisher 1921: atanh(r) is normal with the variance 1 / (n - 3), for Spearman's 1.06 / (n - 3)
    # (Fieller, Hartley and Pearson 1957).
    n, draw = 400, np.random.default_rng(3)
    right = draw.normal(size=n)
    found = quality_of(metric, 0.6 * right + 0.8 * draw.normal(size=n), right)
    variance = (1.06 if metric == "spearman" else 1.0) / (n - 3)
    half = stats.norm.ppf(0.975) * np.sqrt(variance)
    low, high = np.tanh(np.arctanh(found.value) + np.array([-half, half]))
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_high - found.ci_low == pytest.approx(high - low, rel=0.15)
