"""What a trial's models say of a split, before it is called quality."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.isolation import Failure
from harness.workbench import Workbench


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_answers_that_are_not_finite_are_no_quality(monkeypatch, value):
    logits = torch.tensor([[0.1, 0.2], [value, 0.3], [0.4, value]])
    monkeypatch.setattr(Workbench, "run", lambda self, call, split: logits)
    bench = Workbench.__new__(Workbench)
    expected = "the answers to 2 of 3 test examples are not finite"
    with pytest.raises(Failure, match=expected) as failure:
        bench.score(nn.Linear(1, 1), "test")  # type: ignore[arg-type]
    assert failure.value.status == "diverged"
