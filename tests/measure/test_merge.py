from __future__ import annotations

import copy
import math

import torch
from torch import nn

from harness.measure.merge import max_abs_difference


def shifted(layer: nn.Linear, by: float) -> nn.Linear:
    other = copy.deepcopy(layer)
    with torch.no_grad():
        other.bias[1] += by
    return other


def test_the_largest_difference_is_found() -> None:
    layer, x = nn.Linear(3, 4), torch.randn(5, 3)
    found = max_abs_difference(layer, shifted(layer, -0.25), lambda model: model(x))
    assert math.isclose(found, 0.25, rel_tol=1e-6)


def test_the_same_weights_differ_by_nothing() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
    x = torch.randn(5, 3)
    assert max_abs_difference(model, copy.deepcopy(model), lambda m: m(x)) == 0.0


def test_logits_that_are_not_finite_do_not_pass_as_equal() -> None:
    layer, x = nn.Linear(3, 4), torch.randn(5, 3)
    assert math.isnan(max_abs_difference(layer, shifted(layer, math.nan), lambda m: m(x)))
