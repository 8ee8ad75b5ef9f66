"""The three ways in which a bottleneck sits on a module, against the formula written out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.methods.bottleneck.config import BottleneckConfig
from harness.methods.bottleneck.layer import AfterLayer, AfterLinear, AroundNorm, BottleneckLayer
from tests.backbones import WIDTH, build, disturb

X = torch.linspace(-1, 1, 2 * 3 * 8).reshape(2, 3, 8)


def wrapped(kind: type[BottleneckLayer], base: nn.Module, scaling: float = 1.0) -> BottleneckLayer:
    torch.manual_seed(0)
    config = BottleneckConfig(bottleneck_dim=2, hidden_size=8, scaling=scaling)
    layer = kind(base, "default", config)
    nn.init.normal_(layer.bottleneck_up["default"].weight)
    nn.init.normal_(layer.bottleneck_up["default"].bias)
    return layer


def f(layer: BottleneckLayer, x: torch.Tensor) -> torch.Tensor:
    """up(relu(down(x))), by matrix products alone."""
    down, up = layer.bottleneck_down["default"], layer.bottleneck_up["default"]
    return (x @ down.weight.T + down.bias).clamp(min=0) @ up.weight.T + up.bias


def test_after_a_linear_map():
    base = nn.Linear(8, 8)
    layer = wrapped(AfterLinear, base)
    h = base(X)
    torch.testing.assert_close(layer(X), h + f(layer, h))


def test_around_a_norm():
    base = nn.LayerNorm(8)
    layer = wrapped(AroundNorm, base)
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
    layer = wrapped(AfterLayer, Doubling())
    states, rest = layer(X)
    torch.testing.assert_close(states, 2 * X + f(layer, 2 * X))
    assert rest == "cache"


def test_wrapped_layer_still_answers_for_its_own_attributes():
    assert wrapped(AfterLayer, Doubling()).attention_type == "full"
    with pytest.raises(AttributeError, match="absent"):
        _ = wrapped(AfterLayer, Doubling()).absent


def test_scaling_multiplies_what_is_added():
    base = nn.Linear(8, 8)
    once, thrice = wrapped(AfterLinear, base), wrapped(AfterLinear, base, scaling=3.0)
    torch.testing.assert_close(thrice(X) - base(X), 3 * (once(X) - base(X)))


def test_two_bottlenecks_at_once_are_refused():
    layer = wrapped(AfterLinear, nn.Linear(8, 8))
    layer.update_layer("other", BottleneckConfig(bottleneck_dim=2, hidden_size=8))
    layer.set_adapter(["default", "other"])
    with pytest.raises(ValueError, match="do not add up"):
        layer(X)


@pytest.mark.parametrize(
    ("method", "backbone", "kind", "per_layer"),
    [
        ("houlsby", "bert", AfterLinear, 2),
        ("houlsby", "llama", AfterLinear, 2),
        ("pfeiffer", "bert", AroundNorm, 1),
        ("pfeiffer", "llama", AfterLayer, 1),
    ],
)
def test_methods_sit_where_their_papers_say(method_of, method, backbone, kind, per_layer):
    adapted = method_of(method, "size=4").adapt(build(backbone))
    found = [type(m) for m in adapted.modules() if isinstance(m, BottleneckLayer)]
    assert found == [kind] * (2 * per_layer)


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
