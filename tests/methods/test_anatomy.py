"""Places found from the structure of a model."""

from __future__ import annotations

import pytest
from torch import nn

from harness.errors import ConfigError
from harness.methods.anatomy import layers
from tests.backbones import LAYERS, build


def ends(backbone: str) -> dict[str, object]:
    """The parts of the second layer, without its path."""
    found = layers(build(backbone))
    assert len(found) == LAYERS
    layer = vars(found[1])
    prefix = f"{layer['path']}."

    def short(part):
        return part if part is None else part.removeprefix(prefix)

    return {
        name: tuple(map(short, part)) if isinstance(part, tuple) else short(part)
        for name, part in layer.items()
    }


def test_post_norm_encoder():
    assert ends("bert") == {
        "path": "encoder.layer.1",
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attention_output": "attention.output.dense",
        "inner": ("intermediate.dense",),
        "down": "output.dense",
        "closing_norm": "output.LayerNorm",
    }


def test_pre_norm_decoder_with_a_gate_has_no_closing_norm():
    assert ends("llama") == {
        "path": "layers.1",
        "query": "self_attn.q_proj",
        "key": "self_attn.k_proj",
        "value": "self_attn.v_proj",
        "attention_output": "self_attn.o_proj",
        "inner": ("mlp.gate_proj", "mlp.up_proj"),
        "down": "mlp.down_proj",
        "closing_norm": None,
    }


def test_fused_attention_has_no_query_of_its_own():
    found = ends("gpt2")
    assert (found["query"], found["key"], found["value"]) == (None, None, None)
    assert (found["attention_output"], found["down"]) == ("attn.c_proj", "mlp.c_proj")


def test_norms_of_another_name_are_found():
    assert ends("distilbert")["closing_norm"] == "output_layer_norm"


def test_model_without_layers_is_refused_with_what_was_looked_for():
    model = build("bert")
    model.encoder.layer = nn.ModuleList()
    with pytest.raises(ConfigError, match="num_hidden_layers=2"):
        layers(model)


def test_layer_without_a_feed_forward_is_refused_with_what_was_found():
    model = build("llama")
    for layer in model.layers:
        del layer.mlp
    with pytest.raises(ConfigError, match=r"looked for .* found: self_attn.q_proj"):
        layers(model)
