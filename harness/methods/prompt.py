"""Methods that put trained vectors before the input or before every layer's keys and values."""

from __future__ import annotations

from inspect import signature

from peft import PeftConfig, PrefixTuningConfig, PromptTuningConfig
from transformers import PreTrainedModel

from harness.errors import ConfigError
from harness.methods.peft_method import PeftMethod


class PromptMethod(PeftMethod):
    """A number of virtual tokens, which changes the output before any training."""

    starts_at_base = False

    def shape(self, backbone: PreTrainedModel) -> dict[str, int]:
        """The prompt's shape as peft's configs name it; some place must be left for the text.

        peft finds it by itself, but not under every name that models have for it.
        """
        length: int = self.config.options["num_virtual_tokens"]
        context = getattr(backbone.config, "max_position_embeddings", None)
        if context is not None and length >= context:
            raise ConfigError(
                "method.num_virtual_tokens",
                length,
                f"must be below the model's context of {context}",
            )
        config = backbone.config
        return {
            "num_virtual_tokens": length,
            "token_dim": config.hidden_size,
            "num_layers": config.num_hidden_layers,
            "num_attention_heads": config.num_attention_heads,
        }

    def check_takes_prefixes(self, backbone: PreTrainedModel) -> None:
        """Raise ConfigError for a model that has no place for keys and values from outside."""
        if "past_key_values" not in signature(backbone.forward).parameters:
            kind = type(backbone).__name__
            raise ConfigError(
                "method",
                self.config.name,
                f"needs a model that takes past_key_values; {kind} does not",
            )


class PromptTuning(PromptMethod):
    """A soft prompt before the input embeddings. Lester et al. 2021, arXiv 2104.08691.

    It starts from sampled entries of the vocabulary, which the paper (section 3.2) found better
    than random vectors.
    """

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        return PromptTuningConfig(
            **self.options(
                PromptTuningConfig,
                **self.shape(backbone),
                prompt_tuning_init="SAMPLE_VOCAB",
            )
        )


class PrefixTuning(PromptMethod):
    """Key and value prefixes of every layer. Li & Liang 2021, arXiv 2101.00190.

    With `prefix_projection` an MLP makes the prefixes; peft stores the prefixes and drops it.
    """

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        self.check_takes_prefixes(backbone)
        own = self.shape(backbone)
        if self.config.options.get("prefix_projection"):
            own["encoder_hidden_size"] = backbone.config.hidden_size
        return PrefixTuningConfig(**self.options(PrefixTuningConfig, **own))
