"""Attention over the bottlenecks of several adapters, on a module of the base."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers.activations import ACT2FN

from harness.methods.bottleneck.layer import Activation, PlacedLayer, bottleneck
from harness.methods.bottleneck.placement import Placement
from harness.methods.fusion.config import FusionConfig


class FusionLayer(PlacedLayer):
    """A module of the base with N frozen bottlenecks f_n and what weighs them.

    It adds V·Σ_n a_n·f_n(x) with a = softmax_n(Q(x) · K(f_n(x))), per token (Pfeiffer et al. 2021,
    arXiv 2005.00247). As in the `adapters` package, which is the authors', Q and K have biases and
    start at random with a deviation of 0.02; V has none and starts as the identity with 1e-6 beside
    the diagonal; and scores are not divided by √width. Its dropout on the scores is left out.
    """

    adapter_layer_names = ("fusion_query", "fusion_key", "fusion_value")
    # Not among those that peft makes trainable when it switches adapters.
    other_param_names = ("fusion_down", "fusion_up", "fusion_activations", "fusion_scalings")

    def __init__(
        self, base_layer: nn.Module, adapter: str, config: FusionConfig, placement: Placement
    ) -> None:
        super().__init__(base_layer, adapter, placement)
        self.fusion_query = nn.ModuleDict()
        self.fusion_key = nn.ModuleDict()
        self.fusion_value = nn.ModuleDict()
        self.fusion_down = nn.ModuleDict()
        self.fusion_up = nn.ModuleDict()
        self.fusion_activations: dict[str, list[Activation]] = {}
        self.fusion_scalings: dict[str, list[float]] = {}
        self.update_layer(adapter, config)

    def update_layer(self, adapter: str, config: FusionConfig) -> None:
        """Add a fusion under the name of an adapter, its bottlenecks yet without their weights."""
        width = config.hidden_size
        dims = [own["bottleneck_dim"] for own in config.bottlenecks]
        query, key = nn.Linear(width, width), nn.Linear(width, width)
        for linear in (query, key):
            nn.init.normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
        value = nn.Linear(width, width, bias=False)
        nn.init.constant_(value.weight, 1e-6)
        with torch.no_grad():
            value.weight.fill_diagonal_(1.0)
        self.fusion_query[adapter] = query
        self.fusion_key[adapter] = key
        self.fusion_value[adapter] = value
        self.fusion_down[adapter] = nn.ModuleList(nn.Linear(width, dim) for dim in dims)
        self.fusion_up[adapter] = nn.ModuleList(nn.Linear(dim, width) for dim in dims)
        self.fusion_down[adapter].requires_grad_(False)
        self.fusion_up[adapter].requires_grad_(False)
        self.fusion_activations[adapter] = [
            ACT2FN[own["non_linearity"]] for own in config.bottlenecks
        ]
        self.fusion_scalings[adapter] = [own["scaling"] for own in config.bottlenecks]
        self.place(adapter, config.inference_mode)

    def term(self, x: Tensor) -> Tensor | None:
        name = self.active_among(self.fusion_query)
        if name is None:
            return None
        query = self.fusion_query[name]
        assert isinstance(query, nn.Linear)
        states = x.to(query.weight.dtype)
        found = self.terms(states, name)
        scores = self.fusion_key[name](found) @ query(states).unsqueeze(-1)
        fused = (scores.softmax(-2) * found).sum(-2)
        return self.fusion_value[name](fused).to(x.dtype)

    def terms(self, x: Tensor, adapter: str) -> Tensor:
        """f_n(x) of each fused bottleneck: [..., N, width]."""
        activations, scalings = self.fusion_activations[adapter], self.fusion_scalings[adapter]
        parts = zip(self.fused(adapter), activations, scalings, strict=True)
        found = [bottleneck(x, down, act, up, scaling) for (down, up), act, scaling in parts]
        return torch.stack(found, dim=-2)

    def fused(self, adapter: str) -> list[tuple[nn.Linear, nn.Linear]]:
        """(down, up) of each fused bottleneck."""
        downs, ups = self.fusion_down[adapter], self.fusion_up[adapter]
        assert isinstance(downs, nn.ModuleList)
        assert isinstance(ups, nn.ModuleList)
        return list(zip(downs, ups, strict=True))  # type: ignore[arg-type]
