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
    model trains `layers·(2·d_kv + d_ff)` parameters.
    """

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        own = {}
        if self.config.options.get("target_modules") is None:
            found = layers(backbone)
            if not all(layer.key and layer.value for layer in found):
                raise ConfigError(
                    "method",
                    self.config.name,
                    "needs key and value projections of their own; give method.target_modules and"
                    " method.feedforward_modules for this model",
                )
            downs = [layer.down for layer in found]
            own["target_modules"] = [
                path for layer in found for path in (layer.key, layer.value) if path
            ] + downs
            own["feedforward_modules"] = downs
        return IA3Config(**self.options(IA3Config, **own))
