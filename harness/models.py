"""Base models, and the task model that puts a head on one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.tokenization_utils_base import PreTrainedTokenizerBase
from transformers.utils.quantization_config import QuantizationConfigMixin

from harness.config import ModelConfig
from harness.errors import ConfigError, HarnessError, nearest
from harness.model_folder import SAFELY, check_weights, model_folder

ARCHITECTURE = "model.source.architecture"
# What configs take beside the fields that they declare.
UNDECLARED = ("rope_theta", "rope_scaling", "tie_word_embeddings", "decoder_start_token_id")


def load_backbone(
    model: ModelConfig, quantization: QuantizationConfigMixin | None = None
) -> PreTrainedModel:
    """The pretrained transformer without any head, on the CPU, as `dtype` says or quantised."""
    folder = model_folder(model)
    check_weights(folder)
    backbone = AutoModel.from_pretrained(
        folder,
        dtype=getattr(torch, model.dtype),
        use_safetensors=True,
        quantization_config=quantization,
        **SAFELY,
    )
    return without_pooler(backbone)


def outline(
    model: ModelConfig, config: PreTrainedConfig | None = None, kind: Any = AutoModel
) -> PreTrainedModel:
    """The same model on the meta device: its structure, without weights or memory.

    `config` is another than the model's own, such as one of fewer layers; `kind` is the AutoModel
    class that builds it, such as AutoModelForCausalLM for one with its output embedding. Raises
    ConfigError where the model cannot be built.
    """
    config = architecture(model) if config is None else config
    try:
        with torch.device("meta"):
            built = kind.from_config(config, dtype=getattr(torch, model.dtype))
            return _untied(without_pooler(built))
    except Exception as error:  # of any model's modules
        raise _unbuildable(model, error) from error


def architecture(model: ModelConfig) -> PreTrainedConfig:
    """What transformers builds the model from; raises ConfigError where it cannot be."""
    if model.source.architecture:
        given = dict(model.source.architecture)
        _check_fields(given)
        try:
            return AutoConfig.for_model(**given)
        except Exception as error:  # of any check of any model's config
            raise _unbuildable(model, error) from error
    return AutoConfig.from_pretrained(model_folder(model), **SAFELY)


def context_of(config: PreTrainedConfig) -> int | None:
    """Tokens that a model has places for; None where it names no bound."""
    found: int | None = getattr(config, "max_position_embeddings", None)
    return found


class NoOutput(HarnessError):
    """A model that does not say what comes next; the message is the reason."""


def generates(config: PreTrainedConfig) -> bool:
    """Whether a model of this config is a decoder alone, trained to say what comes next.

    The libraries' encoders can be built as decoders too, but fill in masked tokens by training.
    """
    kind = type(config)
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING and kind not in MODEL_FOR_MASKED_LM_MAPPING


def load_output(model: ModelConfig) -> nn.Module:
    """The output embedding, from states [..., width] to logits [..., vocabulary], held as the base.

    Raises NoOutput for what is no decoder, and for a checkpoint that lacks the embedding.
    """
    folder = model_folder(model)
    if not generates(AutoConfig.from_pretrained(folder, **SAFELY)):
        raise NoOutput("not a decoder alone: it does not say what comes next")
    found: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=getattr(torch, model.dtype),
        use_safetensors=True,
        output_loading_info=True,
        **SAFELY,
    )
    whole, loading = found
    output = whole.get_output_embeddings()
    names = {name for name, module in whole.named_modules() if module is output}
    if any(key.rpartition(".")[0] in names for key in loading["missing_keys"]):
        raise NoOutput("the checkpoint has no output embedding")
    assert isinstance(output, nn.Module)
    return output.requires_grad_(False)


def load_tokenizer(model: ModelConfig) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(model_folder(model), **SAFELY)


class TaskModel(nn.Module):
    """A backbone, adapted or not, with a head on its pooled token states.

    Without pooling the head reads the state of every token.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, pooling: str | None) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.pooling = pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **named: Any) -> Tensor:
        """Logits [batch, classes] of tokens [batch, length]; [batch, length, classes] unpooled.

        The backbone gets `named` too.
        """
        return self.head(self.features(input_ids, attention_mask, **named))

    def features(self, input_ids: Tensor, attention_mask: Tensor, **named: Any) -> Tensor:
        """What the head reads of tokens [batch, length]: [batch, width], one state a text.

        Without pooling it is [batch, length, width], one state a token. In float32, as the head.
        """
        config: Any = self.backbone.config
        if self.pooling == "first" and config.is_encoder_decoder:
            # What a decoder goes on to read changes nothing of its first state.
            start = shifted(input_ids[:, :1], config.decoder_start_token_id)
            named = {"decoder_input_ids": start, **named}
        states = token_states(self.backbone, input_ids, attention_mask, **named)
        if self.pooling is None:
            return states.float()
        return pool(states, attention_mask, self.pooling).float()


def token_states(
    backbone: nn.Module, input_ids: Tensor, attention_mask: Tensor, **named: Any
) -> Tensor:
    """The last states [batch, length, width] of tokens [batch, length], by any backbone.

    Of an encoder-decoder those of `decoder_input_ids`, by default the text itself.
    """
    tokens = {"input_ids": input_ids, "attention_mask": attention_mask, **named}
    config: PreTrainedConfig = backbone.config  # type: ignore[assignment]
    if config.is_encoder_decoder and "decoder_input_ids" not in named:
        tokens["decoder_input_ids"] = shifted(input_ids, config.decoder_start_token_id)
    states: Tensor = backbone(**tokens).last_hidden_state
    # A soft prompt comes back as leading positions, which are no tokens of the text.
    return states[:, -tokens.get("decoder_input_ids", input_ids).shape[1] :]


def shifted(input_ids: Tensor, start: int) -> Tensor:
    """Tokens [batch, length] as a decoder reads them that is to say them: one later, after `start`.

    An encoder-decoder classifies by its decoder's states of the text that its encoder reads
    (Lewis et al. 2020, arXiv 1910.13461, section 3.1).
    """
    starts = torch.full_like(input_ids[:, :1], start)
    return torch.cat([starts, input_ids[:, :-1]], dim=1)


def pool(states: Tensor, attention_mask: Tensor, pooling: str) -> Tensor:
    """States [batch, length, width] → [batch, width], padding left out."""
    if pooling == "first":
        return states[:, 0]
    if pooling == "last":
        last = last_places(attention_mask)
        return states[torch.arange(len(states), device=states.device), last]
    weights = attention_mask.unsqueeze(-1).float()  # and so are the sums
    return (states * weights).sum(1) / weights.sum(1)


def last_places(attention_mask: Tensor) -> Tensor:
    """Where the last token of each text stands that is no padding: [batch]."""
    return attention_mask.cumsum(1).argmax(1)


def without_pooler(backbone: PreTrainedModel) -> PreTrainedModel:
    """The backbone less its pooler: heads read token states, and it would only be counted."""
    if getattr(backbone, "pooler", None) is not None:
        setattr(backbone, "pooler", None)  # noqa: B010  a module by declaration
    return backbone


def _untied(model: PreTrainedModel) -> PreTrainedModel:
    """With an output embedding of its own, where a T5 has one.

    transformers builds all with one tensor for both embeddings, and finds the second as it reads
    the weights. Only those with two leave their states unscaled (Raffel's T5 1.1, FLAN-T5).
    """
    output: Any = model.get_output_embeddings()
    if output is not None and not getattr(model.config, "scale_decoder_outputs", True):
        output.weight = nn.Parameter(torch.empty_like(output.weight))
    return model


def _check_fields(given: dict[str, Any]) -> None:
    """Raise ConfigError for a name that transformers would take and leave at its default."""
    kind = given.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        expected = "must be a type of transformers, such as llama, bert or t5"
        raise ConfigError(f"{ARCHITECTURE}.model_type", kind, expected)
    config = CONFIG_MAPPING[kind]
    known = {field.name for field in fields(config)} | {*config.attribute_map, *UNDECLARED}
    for name, value in given.items():
        if name != "model_type" and name not in known:
            raise ConfigError(f"{ARCHITECTURE}.{name}", value, nearest(name, known))


def _unbuildable(model: ModelConfig, error: Exception) -> ConfigError:
    # A check of transformers wraps what it found into a line on the check.
    found = error.__cause__ or error
    told = " ".join(f"{type(found).__name__}: {found}".split())
    source = model.source
    if source.architecture:
        return ConfigError(ARCHITECTURE, source.architecture, f"cannot be built ({told})")
    return ConfigError("model", model.name, f"cannot be built ({told})")
