"""The head, the loss and the answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig

from harness import tasks
from harness.assets.source import Source
from harness.config import ModelConfig
from harness.models import TaskModel
from harness.tasks.classification import Classification
from harness.tasks.data import load
from tests.tasks.conftest import MakeTask, reviews

MODEL = ModelConfig("own", Source("path", path="own"), "mean")


def classification(task_of: MakeTask, metric: str) -> Classification:
    # Two thirds of all rows are bad, so that the majority is known.
    rows = [
        [text, ("bad", "bad", "good")[i % 3], film] for i, (text, _, film) in enumerate(reviews())
    ]
    task = task_of(rows, metric=metric)
    found = tasks.load_kind(task.kind)(task, load(task), MODEL)
    assert isinstance(found, Classification)
    return found


class Fixed(TaskModel):
    """Gives these logits, whatever it reads."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__(nn.Identity(), nn.Identity(), "mean")
        self._logits = logits

    def forward(self, *read: Any, **named: Any) -> torch.Tensor:
        return self._logits


def test_a_head_is_the_seeds_own(task_of: MakeTask) -> None:
    kind = classification(task_of, "accuracy")
    backbone = nn.Module()
    backbone.config = BertConfig(hidden_size=4000)  # type: ignore[assignment]
    torch.manual_seed(1)
    first = kind.head(backbone, seed=3)
    torch.manual_seed(2)
    assert torch.equal(kind.head(backbone, seed=3).weight, first.weight)
    assert not torch.equal(kind.head(backbone, seed=4).weight, first.weight)
    assert first.weight.shape == (2, 4000)
    # Four standard errors of the deviation of 8,000 draws.
    assert first.weight.std().item() == pytest.approx(0.02, rel=4 / (2 * 8000) ** 0.5)
    assert not first.bias.any()


def test_the_loss_is_in_nats(task_of: MakeTask) -> None:
    kind = classification(task_of, "accuracy")
    logits = torch.log(torch.tensor([[0.25, 0.75], [0.5, 0.5]]))
    loss = kind.loss(logits, torch.tensor([1, 0]))
    assert loss.item() == pytest.approx((np.log(4 / 3) + np.log(2)) / 2)
    assert kind.answers(Fixed(logits), {}) == [1, 0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_no_answer(task_of: MakeTask, value: float) -> None:
    logits = torch.tensor([[0.1, 0.2], [value, 0.3], [0.4, value]])
    assert classification(task_of, "accuracy").answers(Fixed(logits), {}) == [1, None, None]


def test_the_constant_answer_is_the_commonest_class_of_training(task_of: MakeTask) -> None:
    kind = classification(task_of, "accuracy")
    assert kind.constant(kind.data.test) == [0] * len(kind.data.test)


def test_looking_up_a_kind_names_its_class() -> None:
    assert tasks.load_kind("classification") is Classification
