"""The head, the score and its interval."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from harness import tasks
from harness.measure.statistics import wilson
from harness.tasks.classification import Classification
from harness.tasks.data import load
from tests.tasks.conftest import MakeTask, reviews


def classification(task_of: MakeTask, metric: str) -> Classification:
    # Two thirds of all rows are bad, so that the majority is known.
    rows = [
        [text, ("bad", "bad", "good")[i % 3], film] for i, (text, _, film) in enumerate(reviews())
    ]
    task = task_of(rows, metric=metric)
    return tasks.load_kind(task.kind)(task, load(task))


def test_a_head_is_the_seeds_own(task_of: MakeTask) -> None:
    kind = classification(task_of, "accuracy")
    torch.manual_seed(1)
    first = kind.head(4000, seed=3)
    torch.manual_seed(2)
    assert torch.equal(kind.head(4000, seed=3).weight, first.weight)
    assert not torch.equal(kind.head(4000, seed=4).weight, first.weight)
    assert first.weight.shape == (2, 4000)
    # Four standard errors of the deviation of 8,000 draws.
    assert first.weight.std().item() == pytest.approx(0.02, rel=4 / (2 * 8000) ** 0.5)
    assert not first.bias.any()


def test_the_loss_is_in_nats(task_of: MakeTask) -> None:
    kind = classification(task_of, "accuracy")
    logits = torch.log(torch.tensor([[0.25, 0.75], [0.5, 0.5]]))
    loss = kind.loss(logits, torch.tensor([1, 0]))
    assert loss.item() == pytest.approx((np.log(4 / 3) + np.log(2)) / 2)
    assert kind.predict(logits).tolist() == [1, 0]


def test_accuracy_comes_with_wilsons_interval(task_of: MakeTask) -> None:
    kind = classification(task_of, "accuracy")
    labels = np.array([1] * 60 + [0] * 40)
    predictions = labels.copy()
    predictions[:25] = 0
    quality = kind.score(predictions, labels)
    assert quality.value == pytest.approx(0.75)
    assert (quality.ci_low, quality.ci_high) == wilson(75, 100)
    assert quality.n == 100
    # The majority of the training split, which here is not that of the test.
    assert quality.majority == pytest.approx(0.4)


def test_macro_f1_comes_with_the_bootstrap_interval(task_of: MakeTask) -> None:
    kind = classification(task_of, "macro_f1")
    generator = np.random.default_rng(7)
    labels = generator.integers(0, 3, 50)
    predictions = np.where(generator.random(50) < 0.7, labels, generator.integers(0, 3, 50))
    labels[0] = 3  # one example of its class: absent from a third of the resamples
    quality = kind.score(predictions, labels)
    assert quality.value == pytest.approx(macro_f1(predictions, labels))

    drawn = np.random.default_rng(0).integers(0, 50, (2000, 50))
    values = [macro_f1(predictions[rows], labels[rows]) for rows in drawn]
    # The expanded percentiles of Hesterberg (2015), section 4.5
    tail = stats.norm.cdf(stats.t.ppf(0.025, 49) * np.sqrt(50 / 49))
    low, high = np.quantile(values, [tail, 1 - tail])
    assert quality.ci_low == pytest.approx(low)
    assert quality.ci_high == pytest.approx(high)


def macro_f1(predictions: np.ndarray, labels: np.ndarray) -> float:
    """By the definition: harmonic means of precision and recall, one class after the other."""
    scores = []
    for label in set(predictions.tolist()) | set(labels.tolist()):
        right = ((predictions == label) & (labels == label)).sum()
        if right == 0:
            scores.append(0.0)
            continue
        precision, recall = right / (predictions == label).sum(), right / (labels == label).sum()
        scores.append(2 * precision * recall / (precision + recall))
    return float(np.mean(scores))


def test_looking_up_a_kind_names_its_class() -> None:
    assert tasks.load_kind("classification") is Classification
