"""Methods that put trained vectors before the input or before every layer's keys and values."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import torch
from peft import (
    PeftConfig,
    PeftModel,
    PeftType,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
)
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.errors import ConfigError
from harness.methods.anatomy import DECODER_DEPTHS
from harness.methods.peft_method import PeftMethod
from harness.models import context_of


class PromptMethod(PeftMethod):
    """A number of virtual tokens, which changes the output before any training."""

    starts_at_base = False

    def stored(self, adapted: nn.Module) -> dict[str, Tensor]:
        assert isinstance(adapted, PeftModel)
        config = adapted.active_peft_config
        made = config.is_prompt_learning and config.peft_type != PeftType.MULTITASK_PROMPT_TUNING
        if not (made and adapted.device.type == "meta"):
            return super().stored(adapted)
        # peft copies what the encoder makes to the CPU, which has no place for it here.
        encoder = adapted.prompt_encoder[adapted.active_adapter]
        places = torch.arange(config.num_virtual_tokens, device="meta")
        return {"prompt_embeddings": encoder(places[None])[0].detach()}

    def shape(self, backbone: PreTrainedModel) -> dict[str, int]:
        """The prompt's shape as peft's configs name it; some place must be left for the text.

        peft finds it by itself, but not under every name that models have for it.
        """
        length: int = self.config.options["num_virtual_tokens"]
        context = context_of(backbone.config)
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
            # An encoder-decoder gets the prompt in its encoder.
            "num_transformer_submodules": 1,
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


class PTuning(PromptMethod):
    """A soft prompt that an encoder makes. Liu et al. 2021, arXiv 2103.10385.

    peft stores the prompt and drops the encoder.
    """

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        kinds = ("MLP", "LSTM")
        kind = self.config.options.get("encoder_reparameterization_type")
        if kind not in (None, *kinds):
            raise ConfigError(
                "method.encoder_reparameterization_type", kind, f"must be one of {', '.join(kinds)}"
            )
        own = {**self.shape(backbone), "encoder_hidden_size": backbone.config.hidden_size}
        return PromptEncoderConfig(**self.options(PromptEncoderConfig, **own))


UNCACHED = (
    "puts keys and values before those of every layer, and transformers lets go of them where"
    " layers are computed anew"
)


class PrefixTuning(PromptMethod):
    """Key and value prefixes of every layer. Li & Liang 2021, arXiv 2101.00190.

    With `prefix_projection` an MLP makes the prefixes; peft stores the prefixes and drops it.
    Without, they are trained as they are: P-tuning v2, Liu et al. 2021, arXiv 2110.07602. An
    encoder-decoder gets them in its decoder's attention to itself, since its encoder takes no
    past keys and values; the papers also put them into the encoder and between the two.
    """

    @property
    def computed_once(self) -> str | None:
        return UNCACHED

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        self.check_takes_prefixes(backbone)
        own = {**self.shape(backbone), **key_shape(backbone)}
        if self.config.options.get("prefix_projection"):
            own["encoder_hidden_size"] = backbone.config.hidden_size
        return PrefixTuningConfig(**self.options(PrefixTuningConfig, **own))

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        return super().adapt(unprefixed(backbone))

    def restore(self, backbone: PreTrainedModel, folder: Path) -> nn.Module:
        return super().restore(unprefixed(backbone), folder)


def key_shape(backbone: PreTrainedModel) -> dict[str, int]:
    """Layers and widths of the keys; peft itself divides by groups where heads share keys."""
    config = backbone.config
    width = getattr(config, "head_dim", None) or getattr(config, "d_kv", None)
    width = width or config.hidden_size // config.num_attention_heads
    shape = {"token_dim": width * config.num_attention_heads}
    if config.is_encoder_decoder:
        depths = (getattr(config, name, None) for name in DECODER_DEPTHS)
        shape |= {"num_layers": next(filter(None, depths)), "num_transformer_submodules": 2}
    return shape


def unprefixed(backbone: PreTrainedModel) -> PreTrainedModel:
    """The backbone; an encoder-decoder takes the prefix back out of its encoder's mask.

    peft lengthens the mask of every model for features by the prefix, and an encoder has none.
    """

    def trim(module: nn.Module, inputs: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        length = named["input_ids"].shape[1]
        return inputs, {**named, "attention_mask": named["attention_mask"][:, -length:]}

    if backbone.config.is_encoder_decoder:
        backbone.register_forward_pre_hook(trim, with_kwargs=True)
    return backbone
