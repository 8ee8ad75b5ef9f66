"""Low-rank updates of linear weights."""

from __future__ import annotations

from peft import LoraConfig, PeftConfig
from transformers import PreTrainedModel

from harness.methods.anatomy import layers
from harness.methods.peft_method import PeftMethod


class LoRA(PeftMethod):
    """W + (alpha / r)·B·A with B zero at the start. Hu et al. 2021, arXiv 2106.09685."""

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        rank = self.config.options["rank"]
        targets = self.config.options.get("target_modules")
        if targets is None:
            targets = [path for layer in layers(backbone) for path in layer.linears]
        if not isinstance(targets, str):
            self.check_rank(backbone, rank, targets)
        return LoraConfig(**self.options(LoraConfig, r=rank, target_modules=targets))
