"""The ways in which a bottleneck sits on a module, against the formula written out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.methods.bottleneck.config import BottleneckConfig
from harness.methods.bottleneck.layer import BottleneckLayer
from harness.methods.bottleneck.placement import (
    Beside,
    Placement,
    after_layer,
    after_linear,
    around_norm,
)
from tests.backbones import WIDTH, build, disturb

X = torch.linspace(-1, 1, 2 * 3 * 8).reshape(2, 3, 8)


def wrapped(placement: Placement, base: nn.Module, scaling: float = 1.0) -> BottleneckLayer:
    torch.manual_seed(0)
    config = BottleneckConfig(bottleneck_dim=2, hidden_size=8, scaling=scaling)
    layer = BottleneckLayer(base, "default", config, placement)
    nn.init.normal_(layer.bottleneck_up["default"].weight)
    nn.init.normal_(layer.bottleneck_up["default"].bias)
    return layer


def f(layer: BottleneckLayer, x: torch.Tensor) -> torch.Tensor:
    """up(relu(down(x))), by matrix products alone."""
    down, up = layer.bottleneck_down["default"], layer.bottleneck_up["default"]
    return (x @ down.weight.T + down.bias).clamp(min=0) @ up.weight.T + up.bias


def test_after_a_linear_map():
    base = nn.Linear(8, 8)
    layer = wrapped(after_linear, base)
    h = base(X)
    torch.testing.assert_close(layer(X), h + f(layer, h))


def test_around_a_norm():
    base = nn.LayerNorm(8)
    layer = wrapped(around_norm, base)
    torch.testing.assert_close(layer(X), base(X + f(layer, base(X))))


class Doubling(nn.Module):
    """A layer that hands on a tuple and has an attribute of its own."""

    attention_type = "full"

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, str]:
        return self.weight * x, "cache"


def test_after_a_layer_that_returns_more_than_its_states():
    layer = wrapped(after_layer, Doubling())
    states, rest = layer(X)
    torch.testing.assert_close(states, 2 * X + f(layer, 2 * X))
    assert rest == "cache"


def test_wrapped_layer_still_answers_for_its_own_attributes():
    assert wrapped(after_layer, Doubling()).attention_type == "full"
    with pytest.raises(AttributeError, match="absent"):
        _ = wrapped(after_layer, Doubling()).absent


def test_scaling_multiplies_what_is_added():
    base = nn.Linear(8, 8)
    once, thrice = wrapped(after_linear, base), wrapped(after_linear, base, scaling=3.0)
    torch.testing.assert_close(thrice(X) - base(X), 3 * (once(X) - base(X)))


def test_two_bottlenecks_at_once_are_refused():
    layer = wrapped(after_linear, nn.Linear(8, 8))
    layer.update_layer("other", BottleneckConfig(bottleneck_dim=2, hidden_size=8))
    layer.set_adapter(["default", "other"])
    with pytest.raises(ValueError, match="do not add up"):
        layer(X)


def test_beside_a_sublayer():
    sublayer = nn.Sequential(nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 8))
    h = sublayer(X)
    sublayer[2] = wrapped(Beside(sublayer[0]), sublayer[2], scaling=4.0)
    torch.testing.assert_close(sublayer(X), h + 4 * f(sublayer[2], X))


def test_gradient_of_what_is_beside_a_linear_sublayer_is_the_sum_of_both_ways():
    sublayer = nn.Sequential(nn.Linear(8, 5, bias=False), nn.Linear(5, 8, bias=False))
    first, last = (linear.weight.detach() for linear in sublayer)
    sublayer[1] = wrapped(Beside(sublayer[0]), sublayer[1], scaling=4.0)
    layer = sublayer[1]
    layer.activations["default"] = nn.Identity()
    down, up = layer.bottleneck_down["default"].weight, layer.bottleneck_up["default"].weight
    x = X.clone().requires_grad_()
    sublayer(x).sum().backward()
    # x ↦ (last·first + 4·up·down)·x + constants
    expected = (last @ first + 4 * up @ down).sum(0).expand_as(x)
    torch.testing.assert_close(x.grad, expected)


def test_what_is_beside_a_sublayer_holds_its_input_no_longer_than_the_sublayer_takes():
    sublayer = nn.Sequential(nn.Linear(8, 5), nn.Linear(5, 8))
    beside = Beside(sublayer[0])
    sublayer[1] = wrapped(beside, sublayer[1])
    sublayer[0](X)
    assert beside._x is X
    sublayer[1](torch.zeros(1, 5))
    assert beside._x is None


@pytest.mark.parametrize(
    ("method", "backbone", "placement", "per_layer"),
    [
        ("houlsby", "bert", after_linear, 2),
        ("houlsby", "llama", after_linear, 2),
        ("pfeiffer", "bert", around_norm, 1),
        ("pfeiffer", "llama", after_layer, 1),
    ],
)
def test_methods_sit_where_their_papers_say(method_of, method, backbone, placement, per_layer):
    adapted = method_of(method, "size=4").adapt(build(backbone))
    found = [m.placement for m in adapted.modules() if isinstance(m, BottleneckLayer)]
    assert found == [placement] * (2 * per_layer)


def test_pfeiffer_on_a_pre_norm_layer_adds_to_the_layers_own_output(method_of):
    adapted = method_of("pfeiffer", "size=4").adapt(build("llama")).eval()
    disturb(adapted)
    last = adapted.base_model.model.layers[-1]
    seen: dict[str, torch.Tensor] = {}
    last.base_layer.register_forward_hook(lambda m, i, output: seen.update(y=output))
    last.register_forward_hook(lambda m, i, output: seen.update(out=output))
    with torch.no_grad():
        adapted(input_ids=torch.arange(6).reshape(1, 6))
        y = seen["y"][0] if isinstance(seen["y"], tuple) else seen["y"]
        out = seen["out"][0] if isinstance(seen["out"], tuple) else seen["out"]
        torch.testing.assert_close(out, y + f(last, y))
    assert y.shape == (1, 6, WIDTH)
