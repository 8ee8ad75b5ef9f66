"""Small random backbones of the architectures that methods are placed on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    PreTrainedModel,
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


BUILDERS: dict[str, Callable[[], PreTrainedModel]] = {
    "bert": bert,
    "distilbert": distilbert,
    "llama": llama,
    "gpt2": gpt2,
}


def build(name: str, seed: int = 0) -> PreTrainedModel:
    """The same weights for the same seed, ready for inference."""
    torch.manual_seed(seed)
    return BUILDERS[name]().eval()


def states(model: torch.nn.Module, length: int = 9) -> torch.Tensor:
    """Token states [2, length, width] of two fixed texts, the second one padded."""
    generator = torch.Generator().manual_seed(0)
    input_ids = torch.randint(VOCABULARY, (2, length), generator=generator)
    attention_mask = torch.ones_like(input_ids)
    attention_mask[1, 5:] = 0
    with torch.no_grad():
        output = model(input_ids=input_ids, attention_mask=attention_mask)
    return output.last_hidden_state[:, -length:]


def trained(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def disturb(model: torch.nn.Module) -> None:
    """Move every trained parameter, as training would."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in trained(model):
            parameter += 0.2 * torch.randn_like(parameter)
