"""Methods that rescale activations."""

from __future__ import annotations

from peft import IA3Config, PeftConfig
from transformers import PreTrainedModel

from harness.errors import ConfigError
from harness.methods.anatomy import layers
from harness.methods.peft_method import PeftMethod


class IA3(PeftMethod):
    """Vectors that scale keys, values and the feed-forward. Liu et al. 2022, arXiv 2205.05638.

    The feed-forward's vector scales the input of the down projection, as the paper has it, so a
    model trains `layers·(2·d_kv + d_ff)` parameters, and a decoder's layer that attends to an
    encoder `2·d_kv` more.
    """

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        own = {}
        if self.config.options.get("target_modules") is None:
            found = layers(backbone)
            attentions = [block for layer in found for block in layer.attentions]
            if not all(block.key and block.value for block in attentions):
                raise ConfigError(
                    "method",
                    self.config.name,
                    "needs key and value projections of their own; give method.target_modules and"
                    " method.feedforward_modules for this model",
                )
            downs = [layer.down for layer in found]
            own["target_modules"] = [
                path for block in attentions for path in (block.key, block.value) if path
            ] + downs
            own["feedforward_modules"] = downs
        return IA3Config(**self.options(IA3Config, **own))
