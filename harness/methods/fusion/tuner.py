"""The tuner through which peft injects, saves, loads and switches fusions."""

from __future__ import annotations

import re
from typing import Any

from peft.utils import register_peft_method
from torch import nn

from harness.methods.base import NotMergeable
from harness.methods.bottleneck.placement import placement_on
from harness.methods.fusion.config import NAME, FusionConfig
from harness.methods.fusion.layer import FusionLayer
from harness.methods.single_tuner import SingleTuner


class FusionModel(SingleTuner):
    """A model whose target modules carry several bottlenecks and attention over them."""

    prefix = "fusion_"
    tuner_layer_cls = FusionLayer

    def _create_and_replace(  # type: ignore[override]
        self,
        peft_config: FusionConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        **optional: Any,
    ) -> None:
        if isinstance(target, FusionLayer):
            target.update_layer(adapter_name, peft_config)
            return
        wrapped = FusionLayer(target, adapter_name, peft_config, placement_on(target))
        self.wrap(target, wrapped, adapter_name, parent, target_name)

    @classmethod
    def _remove_adapter_name_from_key(cls, key: str, adapter_name: str) -> str:
        # peft expects the name right before "weight"; here a bottleneck's number may come between.
        return re.sub(rf"(\.fusion_\w+)\.{re.escape(adapter_name)}\.", r"\1.", key)

    def _check_merge_allowed(self) -> None:
        raise NotMergeable(
            "the weights of its adapters differ from token to token: no weight of the base can"
            " hold them"
        )


register_peft_method(
    name=NAME.lower(), config_cls=FusionConfig, model_cls=FusionModel, prefix="fusion_"
)
