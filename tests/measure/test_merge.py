from __future__ import annotations

import copy
import math

import torch
from torch import nn

from harness.measure.merge import merge


def shifted(layer: nn.Linear, by: float) -> nn.Linear:
    with torch.no_grad():
        layer.bias[1] += by
    return layer


def test_the_largest_difference_is_found_also_when_merging_in_place() -> None:
    layer, x = nn.Linear(3, 4), torch.randn(5, 3)
    found = merge(layer, lambda: shifted(layer, -0.25), lambda model: model(x))
    assert found.model is layer
    assert math.isclose(found.max_abs_logit_difference, 0.25, rel_tol=1e-6)
    assert found.seconds >= 0


def test_the_same_weights_differ_by_nothing() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
    x = torch.randn(5, 3)
    found = merge(model, lambda: copy.deepcopy(model), lambda m: m(x))
    assert found.max_abs_logit_difference == 0.0


def test_logits_that_are_not_finite_do_not_pass_as_equal() -> None:
    layer, x = nn.Linear(3, 4), torch.randn(5, 3)
    found = merge(layer, lambda: shifted(copy.deepcopy(layer), math.nan), lambda m: m(x))
    assert math.isnan(found.max_abs_logit_difference)
