"""The bottleneck, and what carries it on a module of the base."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers.activations import ACT2FN

from harness.methods.bottleneck.config import BottleneckConfig
from harness.methods.bottleneck.placement import Beside, Placement

Activation = Callable[[Tensor], Tensor]


def bottleneck(
    x: Tensor, down: nn.Linear, activation: Activation, up: nn.Linear, scaling: float
) -> Tensor:
    """f(x) [..., width] = s·up(act(down(x))), computed in the type of the bottleneck's weights."""
    inner = activation(down(x.to(down.weight.dtype)))
    return (scaling * up(inner)).to(x.dtype)


class PlacedLayer(nn.Module, BaseTunerLayer):
    """A module of the base with a term that the active adapter adds, in one placement."""

    def __init__(self, base_layer: nn.Module, adapter: str, placement: Placement) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.placement = placement
        self._disable_adapters = False
        self._active_adapter = adapter
        self.merged_adapters: list[str] = []

    @abstractmethod
    def term(self, x: Tensor) -> Tensor | None:
        """What is added [..., width] for the states x [..., width]; None where nothing is on."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.placement(self.base_layer, self.term, *args, **kwargs)

    def active_among(self, adapters: nn.ModuleDict) -> str | None:
        """The one active adapter of this layer; None where none is on."""
        names = [name for name in self.active_adapters if name in adapters]
        if self.disable_adapters or not names:
            return None
        if len(names) > 1:
            raise ValueError(f"bottlenecks do not add up: {names} are active at once")
        return names[0]

    def place(self, adapter: str, inference_mode: bool) -> None:
        """Put a new adapter where the base is, and mark what is trained."""
        device = next(self.base_layer.parameters()).device
        self._move_adapter_to_device_of_base_layer(adapter, device)
        self.set_adapter(self.active_adapters, inference_mode=inference_mode)

    def unload_and_optionally_merge_module(self, **merging: Any) -> nn.Module:
        """The base module alone, as peft asks for it; nothing here merges."""
        if isinstance(self.placement, Beside):
            self.placement.remove()
        return self.base_layer

    def __getattr__(self, name: str) -> Any:
        # A wrapped layer is still asked for its own attributes, such as its attention type.
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "base_layer":
                raise
            return getattr(self.base_layer, name)


class BottleneckLayer(PlacedLayer):
    """A module of the base with one bottleneck per adapter: f(x) = s·up(act(down(x))).

    `up` starts at zero, so that an adapted model starts as the base; `down` starts as LoRA's A
    does (He et al. 2022, arXiv 2110.04366, section 4.1).
    """

    adapter_layer_names = ("bottleneck_down", "bottleneck_up")
    other_param_names = ("bottleneck_dim", "bottleneck_scaling")

    def __init__(
        self, base_layer: nn.Module, adapter: str, config: BottleneckConfig, placement: Placement
    ) -> None:
        super().__init__(base_layer, adapter, placement)
        self.bottleneck_down = nn.ModuleDict()
        self.bottleneck_up = nn.ModuleDict()
        self.bottleneck_dim: dict[str, int] = {}
        self.bottleneck_scaling: dict[str, float] = {}
        self.activations: dict[str, Activation] = {}
        self.update_layer(adapter, config)

    def update_layer(self, adapter: str, config: BottleneckConfig) -> None:
        """Add a bottleneck under the name of an adapter."""
        down = nn.Linear(config.hidden_size, config.bottleneck_dim)
        up = nn.Linear(config.bottleneck_dim, config.hidden_size)
        nn.init.kaiming_uniform_(down.weight, a=math.sqrt(5))
        nn.init.zeros_(down.bias)
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
        self.bottleneck_down[adapter] = down
        self.bottleneck_up[adapter] = up
        self.bottleneck_dim[adapter] = config.bottleneck_dim
        self.bottleneck_scaling[adapter] = config.scaling
        self.activations[adapter] = ACT2FN[config.non_linearity]
        self.place(adapter, config.inference_mode)

    def term(self, x: Tensor) -> Tensor | None:
        name = self.active_among(self.bottleneck_down)
        if name is None:
            return None
        down, up = self.bottleneck_down[name], self.bottleneck_up[name]
        assert isinstance(down, nn.Linear)
        assert isinstance(up, nn.Linear)
        return bottleneck(x, down, self.activations[name], up, self.bottleneck_scaling[name])
