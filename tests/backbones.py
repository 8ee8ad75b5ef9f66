"""Small random backbones of the architectures that methods are placed on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers import (
    BartConfig,
    BartModel,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    PreTrainedModel,
    T5Config,
    T5Model,
)

LAYERS, WIDTH, INNER, VOCABULARY, CONTEXT = 2, 32, 64, 101, 64
KEY_VALUE_WIDTH = 16  # of the Llama: two of its four heads


def bert() -> PreTrainedModel:
    return BertModel(
        BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=INNER,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            max_position_embeddings=CONTEXT,
        ),
        add_pooling_layer=False,
    )


def distilbert() -> PreTrainedModel:
    return DistilBertModel(
        DistilBertConfig(
            vocab_size=VOCABULARY,
            dim=WIDTH,
            hidden_dim=INNER,
            n_layers=LAYERS,
            n_heads=4,
            max_position_embeddings=CONTEXT,
        )
    )


def llama() -> PreTrainedModel:
    return LlamaModel(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=INNER,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
        )
    )


def gpt2() -> PreTrainedModel:
    return GPT2Model(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=WIDTH,
            n_layer=LAYERS,
            n_head=4,
            n_positions=CONTEXT,
            bos_token_id=0,
            eos_token_id=0,
        )
    )


def t5() -> PreTrainedModel:
    return T5Model(
        T5Config(
            vocab_size=VOCABULARY,
            d_model=WIDTH,
            d_kv=WIDTH // 4,
            d_ff=INNER,
            num_layers=LAYERS,
            num_decoder_layers=LAYERS,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            decoder_start_token_id=0,
        )
    )


def bart() -> PreTrainedModel:
    return BartModel(
        BartConfig(
            vocab_size=VOCABULARY,
            d_model=WIDTH,
            encoder_layers=LAYERS,
            decoder_layers=LAYERS,
            encoder_ffn_dim=INNER,
            decoder_ffn_dim=INNER,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            max_position_embeddings=CONTEXT,
            decoder_start_token_id=2,
        )
    )


BUILDERS: dict[str, Callable[[], PreTrainedModel]] = {
    "bert": bert,
    "distilbert": distilbert,
    "llama": llama,
    "gpt2": gpt2,
    "t5": t5,
    "bart": bart,
}


def build(name: str, seed: int = 0) -> PreTrainedModel:
    """The same weights for the same seed, ready for inference."""
    torch.manual_seed(seed)
    return BUILDERS[name]().eval()


def read(model: torch.nn.Module, length: int = 9) -> torch.Tensor:
    """Token states [2, length, width] of two fixed texts, the second one padded."""
    generator = torch.Generator().manual_seed(0)
    input_ids = torch.randint(VOCABULARY, (2, length), generator=generator)
    attention_mask = torch.ones_like(input_ids)
    attention_mask[1, 5:] = 0
    tokens = {"input_ids": input_ids, "attention_mask": attention_mask}
    if model.config.is_encoder_decoder:
        tokens["decoder_input_ids"] = input_ids.flip(1)
    return model(**tokens).last_hidden_state[:, -length:]


def states(model: torch.nn.Module, length: int = 9) -> torch.Tensor:
    """The same without gradients."""
    with torch.no_grad():
        return read(model, length)


def trained(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def disturb(model: torch.nn.Module) -> None:
    """Move every trained parameter, as training would."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in trained(model):
            parameter += 0.2 * torch.randn_like(parameter)
