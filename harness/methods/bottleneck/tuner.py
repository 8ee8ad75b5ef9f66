"""The tuner through which peft injects, saves, loads and switches bottlenecks."""

from __future__ import annotations

from typing import Any

from peft.utils import register_peft_method
from torch import nn

from harness.methods.base import NotMergeable
from harness.methods.bottleneck.config import NAME, BottleneckConfig
from harness.methods.bottleneck.layer import BottleneckLayer
from harness.methods.bottleneck.placement import Beside, placement_on
from harness.methods.single_tuner import SingleTuner


class BottleneckModel(SingleTuner):
    """A model whose target modules carry bottlenecks."""

    prefix = "bottleneck_"
    tuner_layer_cls = BottleneckLayer

    def _create_and_replace(  # type: ignore[override]
        self,
        peft_config: BottleneckConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        **optional: Any,
    ) -> None:
        path = peft_config.reads.get(current_key)
        reads = self.model.get_submodule(path) if path else None
        if isinstance(target, BottleneckLayer):
            if getattr(target.placement, "reads", None) is not reads:
                raise ValueError(f"{current_key} carries a bottleneck in another placement")
            target.update_layer(adapter_name, peft_config)
            return
        placement = Beside(reads) if reads is not None else placement_on(target)
        wrapped = BottleneckLayer(target, adapter_name, peft_config, placement)
        self.wrap(target, wrapped, adapter_name, parent, target_name)

    def _check_merge_allowed(self) -> None:
        raise NotMergeable(
            "a non-linearity between its two maps: no weight of the base can hold it"
        )


register_peft_method(
    name=NAME.lower(), config_cls=BottleneckConfig, model_cls=BottleneckModel, prefix="bottleneck_"
)
