from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel


@pytest.fixture
def tiny_bert() -> BertModel:
    """A BERT of two layers with random weights, small enough to train in milliseconds."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    return BertModel(config, add_pooling_layer=False)
