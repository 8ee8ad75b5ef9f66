"""Attention over bottlenecks, against the formula written out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.methods.bottleneck.placement import after_linear
from harness.methods.fusion.config import FusionConfig
from harness.methods.fusion.layer import FusionLayer

WIDTH = 8
X = torch.linspace(-1, 1, 2 * 3 * WIDTH).reshape(2, 3, WIDTH)
BOTTLENECKS = [
    {"name": "one", "bottleneck_dim": 2, "non_linearity": "relu", "scaling": 1.0},
    {"name": "two", "bottleneck_dim": 5, "non_linearity": "relu", "scaling": 0.5},
    {"name": "three", "bottleneck_dim": 3, "non_linearity": "relu", "scaling": 2.0},
]


@pytest.fixture
def layer() -> FusionLayer:
    torch.manual_seed(0)
    config = FusionConfig(hidden_size=WIDTH, bottlenecks=BOTTLENECKS)
    return FusionLayer(nn.Linear(WIDTH, WIDTH), "default", config, after_linear)


def spread(layer: FusionLayer) -> None:
    """Queries, keys and values that differ from token to token."""
    with torch.no_grad():
        for parameter in layer.parameters():
            if parameter.requires_grad:
                nn.init.normal_(parameter)


def terms(layer: FusionLayer, x: torch.Tensor) -> list[torch.Tensor]:
    """s·up(relu(down(x))) of each bottleneck, by matrix products alone."""
    found = []
    for (down, up), own in zip(layer.fused("default"), BOTTLENECKS, strict=True):
        inner = (x @ down.weight.T + down.bias).clamp(min=0)
        found.append(own["scaling"] * (inner @ up.weight.T + up.bias))
    return found


def test_adapters_are_weighed_per_token_by_a_softmax_of_query_times_key(layer):
    spread(layer)
    query, key = layer.fusion_query["default"], layer.fusion_key["default"]
    value = layer.fusion_value["default"].weight
    found = layer.term(X)
    for place in ((0, 0), (0, 2), (1, 1)):
        x = X[place]
        asked = query.weight @ x + query.bias
        scores = [asked @ (key.weight @ f + key.bias) for f in terms(layer, x)]
        total = sum(torch.exp(score) for score in scores)
        shares = [torch.exp(score) / total for score in scores]
        # The value map is applied to each term, as in the paper, and not to their sum.
        expected = sum(a * (value @ f) for a, f in zip(shares, terms(layer, x), strict=True))
        torch.testing.assert_close(found[place], expected)
        assert max(shares) > 0.5


def test_equal_adapters_fuse_to_one_of_them_whatever_is_asked(layer):
    with torch.no_grad():
        layer.fusion_scalings["default"] = [1.0, 1.0, 1.0]
        down, up = layer.fused("default")[0]
        for number in range(3):
            layer.fusion_down["default"][number] = down
            layer.fusion_up["default"][number] = up
    before = layer.term(X)
    nn.init.normal_(layer.fusion_query["default"].weight)
    nn.init.normal_(layer.fusion_key["default"].weight)
    torch.testing.assert_close(layer.term(X), before)
    torch.testing.assert_close(before, terms(layer, X)[0], rtol=0, atol=1e-5)


def test_it_starts_near_the_average_of_its_adapters(layer):
    average = torch.stack(terms(layer, X)).mean(0)
    torch.testing.assert_close(layer.term(X), average, rtol=0, atol=1e-2)


def test_value_starts_as_the_identity_but_for_a_millionth(layer):
    expected = torch.full((WIDTH, WIDTH), 1e-6)
    expected.fill_diagonal_(1.0)
    assert torch.equal(layer.fusion_value["default"].weight, expected)
    assert layer.fusion_value["default"].bias is None
