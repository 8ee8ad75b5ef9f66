"""Numbers for texts: what is learned, what is answered, and the line through frozen features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from harness import tasks
from harness.tasks import ridge
from harness.tasks.data import load
from harness.tasks.regression import Regression
from tests.tasks.conftest import MakeTask
from tests.tasks.test_classification import MODEL, Fixed


@pytest.fixture
def kind(task_of: MakeTask) -> Regression:
    rows = [[f"text {i}", str(1000 + 7.5 * (i % 13)), ""] for i in range(80)]
    task = task_of(rows, kind="regression", metric="spearman")
    found = tasks.load_kind("regression")(task, load(task), MODEL)
    assert isinstance(found, Regression)
    return found


def test_the_loss_is_in_variances_of_the_training_labels(kind: Regression) -> None:
    labels = torch.tensor(kind.references(kind.data.train))
    # The mean is the best constant, and what is left of it is the variance.
    assert kind.loss(torch.zeros(len(labels), 1), labels).item() == pytest.approx(1, abs=1e-5)


def test_an_answer_is_in_the_labels_own_unit(kind: Regression) -> None:
    labels = np.array(kind.references(kind.data.train))
    expected = [labels.mean(), labels.mean() + labels.std(), None]
    found = kind.answers(Fixed(torch.tensor([[0.0], [1.0], [float("nan")]])), {})
    assert found[:2] == pytest.approx(expected[:2])
    assert found[2] is None


def test_what_loses_nothing_answers_with_the_labels(kind: Regression) -> None:
    labels = torch.tensor([1000.0, 1090.0])
    logits = ((labels - kind.mean) / kind.deviation)[:, None]
    assert kind.loss(logits, labels).item() == pytest.approx(0, abs=1e-10)
    assert kind.answers(Fixed(logits), {}) == pytest.approx(labels.tolist())


def test_the_line_solves_the_normal_equations() -> None:
    generator = np.random.default_rng(0)
    x, wanted = generator.normal(size=(200, 5)) * [1, 10, 0.1, 5, 2] + 3, generator.normal(size=200)
    line = ridge.fit(x, wanted, x[:50], wanted[:50])
    z = (x - x.mean(0)) / x.std(0)
    penalty = np.eye(5) / line.inverse_penalty
    weight = np.linalg.solve(z.T @ z + penalty, z.T @ (wanted - wanted.mean()))
    np.testing.assert_allclose(line.answers(x), z @ weight + wanted.mean(), atol=1e-10)


def test_a_fitted_head_answers_as_the_line_does(kind: Regression) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(120, 4))
    y = 1000 + 50 * x[:, 0] + generator.normal(size=120)
    head = nn.Linear(4, 1).double()
    told: dict[str, Any] = kind.fit_head(head, x[:80], y[:80], x[80:], y[80:])
    assert told["inverse_penalty"] in ridge.INVERSE_PENALTIES
    found = kind.answers(Fixed(head(torch.tensor(x[80:]))), {})
    assert np.corrcoef(found, y[80:])[0, 1] > 0.99
    np.testing.assert_allclose(found, y[80:], atol=6)
