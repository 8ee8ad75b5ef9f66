"""Small models with random weights, one of each architecture, on which methods are tried."""

from __future__ import annotations

from collections.abc import Callable
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
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
    T5Config,
    T5Model,
)
from transformers.utils.quantization_config import BitsAndBytesConfig, QuantizationConfigMixin

from harness.config import ModelConfig, Source
from harness.models import load_backbone

# Wide enough for the default sizes of all methods, and for the blocks of 128 that some need.
WIDTH, INNER, LAYERS, HEADS, VOCABULARY = 256, 512, 2, 4, 101


def bert() -> PreTrainedModel:
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
    )
    return BertModel(config, add_pooling_layer=False)


def distilbert() -> PreTrainedModel:
    config = DistilBertConfig(
        vocab_size=VOCABULARY, dim=WIDTH, hidden_dim=INNER, n_layers=LAYERS, n_heads=HEADS
    )
    return DistilBertModel(config)


def llama() -> PreTrainedModel:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
    )
    return LlamaModel(config)


def gpt2() -> PreTrainedModel:
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=WIDTH,
        n_inner=INNER,
        n_layer=LAYERS,
        n_head=HEADS,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2Model(config)


def t5() -> PreTrainedModel:
    config = T5Config(
        vocab_size=VOCABULARY,
        d_model=WIDTH,
        d_kv=WIDTH // HEADS,
        d_ff=INNER,
        num_layers=LAYERS,
        num_decoder_layers=LAYERS,
        num_heads=HEADS,
        feed_forward_proj="gated-gelu",
    )
    return T5Model(config)


SPECIMENS: dict[str, Callable[[], PreTrainedModel]] = {
    "BERT": bert,
    "DistilBERT": distilbert,
    "Llama": llama,
    "GPT-2": gpt2,
    "T5": t5,
}

# What the 4-bit base is asked on.
QUANTISED = "Llama"
FOUR_BITS = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")


def specimen(
    architecture: str, quantization: QuantizationConfigMixin | None = None
) -> PreTrainedModel:
    """The same weights every time, quantised as models are that come from disk."""
    torch.manual_seed(0)
    model = SPECIMENS[architecture]()
    if quantization is None:
        return model
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        source = Source(kind="path", path=folder)
        return load_backbone(ModelConfig(architecture, source, pooling="mean"), quantization)


def tokens() -> dict[str, Tensor]:
    """Two texts [2, length], the second one padded."""
    input_ids = torch.randint(VOCABULARY, (2, 9), generator=torch.Generator().manual_seed(0))
    attention_mask = torch.ones_like(input_ids)
    attention_mask[1, 5:] = 0
    return {"input_ids": input_ids, "attention_mask": attention_mask}


def bert_base(layers: int) -> PreTrainedModel:
    """BERT-base, or fewer of its layers."""
    return BertModel(BertConfig(num_hidden_layers=layers), add_pooling_layer=False)


BERT_BASE_LAYERS = BertConfig().num_hidden_layers
