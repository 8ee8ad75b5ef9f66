"""The bottleneck, and the three ways to sit on a module."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers.activations import ACT2FN

from harness.methods.bottleneck.config import BottleneckConfig


class BottleneckLayer(nn.Module, BaseTunerLayer):
    """A module of the base with one bottleneck per adapter: f(x) = s·up(act(down(x))).

    `up` starts at zero, so that an adapted model starts as the base; `down` starts as LoRA's A
    does (He et al. 2022, arXiv 2110.04366, section 4.1).
    """

    adapter_layer_names = ("bottleneck_down", "bottleneck_up")
    other_param_names = ("bottleneck_dim", "bottleneck_scaling")

    def __init__(self, base_layer: nn.Module, adapter: str, config: BottleneckConfig) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.bottleneck_down = nn.ModuleDict()
        self.bottleneck_up = nn.ModuleDict()
        self.bottleneck_dim: dict[str, int] = {}
        self.bottleneck_scaling: dict[str, float] = {}
        self.activations: dict[str, Any] = {}
        self._disable_adapters = False
        self._active_adapter = adapter
        self.merged_adapters: list[str] = []
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
        self._move_adapter_to_device_of_base_layer(adapter, _device(self.base_layer))
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def bottleneck(self, x: Tensor) -> Tensor | None:
        """f(x) [..., width] of the active adapter; None where no adapter is on."""
        names = [name for name in self.active_adapters if name in self.bottleneck_down]
        if self.disable_adapters or not names:
            return None
        if len(names) > 1:
            raise ValueError(f"bottlenecks do not add up: {names} are active at once")
        name = names[0]
        down, up = self.bottleneck_down[name], self.bottleneck_up[name]
        assert isinstance(down, nn.Linear)
        inner = self.activations[name](down(self._cast_input_dtype(x, down.weight.dtype)))
        return (self.bottleneck_scaling[name] * up(inner)).to(x.dtype)

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> Any: ...

    def __getattr__(self, name: str) -> Any:
        # A wrapped layer is still asked for its own attributes, such as its attention type.
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "base_layer":
                raise
            return getattr(self.base_layer, name)


class AfterLinear(BottleneckLayer):
    """h + f(h) on the output of a sublayer's last linear map, so inside its residual."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        h = self.base_layer(*args, **kwargs)
        added = self.bottleneck(h)
        return h if added is None else h + added


class AroundNorm(BottleneckLayer):
    """norm(z + f(norm(z))) on the norm that closes a layer, z the sum of output and residual."""

    def forward(self, z: Tensor) -> Tensor:
        normed = self.base_layer(z)
        added = self.bottleneck(normed)
        return normed if added is None else self.base_layer(z + added)


class AfterLayer(BottleneckLayer):
    """y + f(y) on the states that a pre-norm layer hands on."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output = self.base_layer(*args, **kwargs)
        y = output[0] if isinstance(output, tuple) else output
        added = self.bottleneck(y)
        if added is None:
            return output
        return (y + added, *output[1:]) if isinstance(output, tuple) else y + added


def _device(module: nn.Module) -> torch.device:
    return next(module.parameters()).device
