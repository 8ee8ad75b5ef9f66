"""Pairs of trials by metrics that are no means: what is known in closed form, and by simulation."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.analysis.evidence import Outcomes
from harness.analysis.replicates import RESAMPLES, replicates
from harness.analysis.resampling import resampled
from harness.analysis.study import Study, studies
from harness.analysis.ties import OVERLAP, PAIRED, compare, resampled_differences
from harness.metrics.table import METRICS
from harness.store import load
from harness.tasks.quality import outcomes
from tests import records
from tests.metrics.examples import examples

NO_MEANS = [name for name, metric in METRICS.items() if not metric.is_mean]
Said = tuple[list[Any], list[Any]]


def study(folder: Path, metric: str, said: dict[tuple[str, int], Said]) -> Study:
    """Of methods and seeds with their predictions and references."""
    made = []
    for (method, seed), (predictions, references) in said.items():
        ids = [f"test-{place}" for place in range(len(references))]
        kept = outcomes(metric, ids, predictions, references)
        columns = METRICS[metric].examples(predictions, references)
        value = METRICS[metric].resampled(columns, np.ones((1, len(columns))))[0]
        record = records.record(method, 8, seed)
        record["quality"] |= {
            "metric": metric, "value": value, "ci_low": value - 0.5, "ci_high": value + 0.5,
            "higher_is_better": METRICS[metric].higher_is_better, "majority": None,
        }  # fmt: skip
        made.append(record)
        (folder / record["trial"]).mkdir(parents=True)
        (folder / record["trial"] / "outcomes.json").write_text(json.dumps(kept))
        (folder / record["trial"] / "record.json").write_text(json.dumps(record))
    (only,) = studies(load(folder))
    return only


def noisy(metric: str, seed: int, noise: float, n: int = 300) -> Said:
    """The same references at every seed, with predictions the worse the more noise there is."""
    draw = np.random.default_rng([seed, 17])
    _, right = examples(metric, n)
    if metric == "perplexity":
        _, tokens = examples(metric, n)
        nats = np.array(tokens) * (1 + noise) * np.random.default_rng(5).gamma(9.0, 1 / 9, n)
        return (nats * draw.gamma(400.0, 1 / 400, n)).tolist(), tokens
    if metric in ("spearman", "pearson"):
        return (np.array(right) + noise * draw.normal(size=n)).tolist(), right
    wrong = draw.permutation(n)
    kept = draw.random(n) > noise
    if metric == "entity_f1":
        return [r if k else ["O"] * len(r) for r, k in zip(right, kept, strict=True)], right
    return [r if k else right[w] for r, k, w in zip(right, kept, wrong, strict=True)], right


@pytest.mark.parametrize("metric", NO_MEANS)
def test_equal_trials_are_a_tie_without_a_difference(tmp_path: Path, metric: str) -> None:
    same = noisy(metric, 0, 0.3)
    only = study(tmp_path, metric, {("lora", 0): same, ("houlsby", 0): same})
    found = compare(only, *only.entries)
    assert (found.difference, found.low, found.high) == (0, 0, 0)
    assert (found.how, found.tied) == (PAIRED, True)
    assert (resampled(only)[:, 0] == resampled(only)[:, 1]).all()


@pytest.mark.parametrize("metric", NO_MEANS)
def test_a_difference_that_is_certain_is_found(tmp_path: Path, metric: str) -> None:
    # The intervals of the records overlap, and would hide it.
    said = {("lora", 0): noisy(metric, 0, 0.2), ("houlsby", 0): noisy(metric, 1, 0.8)}
    only = study(tmp_path, metric, said)
    better, worse = only.by_quality(only.entries)
    assert (better.method, worse.method) == ("lora", "houlsby")
    found = compare(only, better, worse)
    assert (found.how, found.tied) == (PAIRED, False)
    assert found.low is not None
    assert 0 < found.low < found.difference
    back = compare(only, worse, better)
    assert back.difference == pytest.approx(-found.difference)
    assert back.high == pytest.approx(-found.low)


def test_where_less_is_better_the_lower_perplexity_is_ahead(tmp_path: Path) -> None:
    said = {("lora", 0): noisy("perplexity", 0, 0.2), ("ia3", 0): noisy("perplexity", 1, 0.3)}
    only = study(tmp_path, "perplexity", said)
    better, worse = only.by_quality(only.entries)
    assert better["quality"].value < worse["quality"].value
    assert compare(only, better, worse).difference == pytest.approx(
        worse["quality"].value - better["quality"].value
    )


def test_the_spread_of_paired_differences_is_that_of_a_mean(tmp_path: Path) -> None:
    # With one token each, the logarithm of a perplexity is a mean: its paired difference has the
    # standard error of a paired t-test, and a difference of perplexities that times their mean.
    n, draw = 400, np.random.default_rng(2)
    common = draw.gamma(9.0, 1 / 9, n)
    first, second = (common + 0.05 * draw.normal(size=n) for _ in range(2))
    said = {("lora", 0): (first.tolist(), [1] * n), ("ia3", 0): (second.tolist(), [1] * n)}
    only = study(tmp_path, "perplexity", said)
    found = compare(only, *only.by_quality(only.entries))
    t = stats.t.ppf(0.975, n - 1) * stats.sem(first - second)
    assert found.high is not None
    assert found.high - found.difference == pytest.approx(np.exp(common.mean()) * t, rel=0.15)
    apart = stats.norm.ppf(0.975) * sqrt(2) * stats.sem(first) * np.exp(common.mean())
    assert found.high - found.difference < apart / 3


def test_seeds_that_differ_widen_the_paired_interval(tmp_path: Path) -> None:
    def width(folder: str, noises: tuple[float, ...]) -> float:
        said = {("lora", seed): noisy("spearman", seed, noise) for seed, noise in enumerate(noises)}
        said |= {("ia3", seed): noisy("spearman", seed + 9, 0.5) for seed in range(len(noises))}
        only = study(tmp_path / folder, "spearman", said)
        found = compare(only, *only.entries)
        assert found.how == PAIRED
        assert found.low is not None
        assert found.high is not None
        return found.high - found.low

    assert width("apart", (0.2, 0.9, 1.4)) > 2 * width("alike", (0.8, 0.8, 0.8))


def test_too_few_examples_are_not_paired(tmp_path: Path) -> None:
    said = {(m, 0): noisy("spearman", i, 0.5, n=19) for i, m in enumerate(("lora", "ia3"))}
    only = study(tmp_path, "spearman", said)
    assert compare(only, *only.entries).how == OVERLAP


def test_what_was_kept_of_another_metric_is_not_compared_under_this_ones_name(
    tmp_path: Path,
) -> None:
    said = {(m, 0): noisy("macro_f1", i, 0.5) for i, m in enumerate(("lora", "ia3"))}
    only = study(tmp_path, "macro_f1", said)
    old = {"ids": [f"test-{i}" for i in range(300)], "correct": [1] * 300}
    (tmp_path / only.entries[0].trials[0] / "outcomes.json").write_text(json.dumps(old))
    (again,) = studies(load(tmp_path))
    assert again.outcomes(again.entries[0]) == [None]
    assert compare(again, *again.entries).how == OVERLAP


def test_another_order_of_the_same_examples_gives_the_same_resamples() -> None:
    columns = METRICS["entity_f1"].examples(*noisy("entity_f1", 0, 0.4, n=50))
    ids = tuple(f"test-{i}" for i in range(50))
    straight = replicates(METRICS["entity_f1"], [Outcomes("entity_f1", ids, columns)])
    turned = replicates(METRICS["entity_f1"], [Outcomes("entity_f1", ids[::-1], columns[::-1])])
    assert straight is not None
    assert turned is not None
    assert straight.resampled.shape == (1, RESAMPLES)
    assert (straight.resampled == turned.resampled).all()


def test_qualities_of_resamples_move_together_where_trials_are_alike(tmp_path: Path) -> None:
    shared = noisy("entity_f1", 0, 0.4)
    nearly = ([p if i else ["O"] for i, p in enumerate(shared[0])], shared[1])
    nearly[0][0] = ["O"] * len(shared[1][0])
    said = {("lora", 0): shared, ("ia3", 0): nearly, ("houlsby", 0): noisy("entity_f1", 3, 0.4)}
    found = resampled(study(tmp_path, "entity_f1", said))
    correlated = np.corrcoef(found.T)
    assert correlated.min() < 0.9 < np.sort(correlated.ravel())[-4]


@pytest.mark.parametrize("metric", ["spearman", "perplexity"])
def test_the_paired_interval_covers_what_it_should(metric: str) -> None:
    """Two methods that are equally good, on 100 examples: tied in 95 of 100 tries."""
    n, tries, tied = 100, 600, 0
    draw = np.random.default_rng(0)
    for _ in range(tries):
        common = draw.normal(size=n)
        own = [common + 0.7 * draw.normal(size=n) for _ in range(2)]
        second = common + 0.3 * draw.normal(size=n)
        if metric == "perplexity":
            own, second = [np.exp(each / 2) for each in own], np.ones(n)
        ids = tuple(map(str, range(n)))
        values = [
            replicates(METRICS[metric], [Outcomes(metric, ids, np.stack([each, second], axis=1))])
            for each in own
        ]
        left, right = (v for v in values if v is not None)
        (gap,), (half,) = resampled_differences(left, [right])
        tied += abs(gap) <= half
    # Three standard errors of a share of 600 about 95%.
    assert abs(tied / tries - 0.95) < 0.03
