"""Places found from the structure of a model."""

from __future__ import annotations

import pytest
from torch import nn

from harness.errors import ConfigError
from harness.methods.anatomy import Layer, layers, with_closing_norms
from tests.backbones import LAYERS, build


def short(path: str | None, layer: Layer) -> str | None:
    return path and path.removeprefix(f"{layer.path}.")


def linears(layer: Layer) -> list[str | None]:
    return [short(path, layer) for path in layer.linears]


def test_post_norm_encoder():
    model = build("bert")
    layer = with_closing_norms(model, layers(model))[1]
    assert layer.path == "encoder.layer.1"
    assert linears(layer) == [
        "attention.self.query", "attention.self.key", "attention.self.value",
        "attention.output.dense", "intermediate.dense", "output.dense",
    ]  # fmt: skip
    assert short(layer.closing_norm, layer) == "output.LayerNorm"
    assert layer.cross is None


def test_pre_norm_decoder_with_a_gate_has_no_closing_norm():
    model = build("llama")
    layer = with_closing_norms(model, layers(model))[1]
    assert layer.path == "layers.1"
    assert linears(layer) == [
        "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
        "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
    ]  # fmt: skip
    assert short(layer.down, layer) == "mlp.down_proj"
    assert layer.closing_norm is None


def test_fused_attention_has_no_query_of_its_own():
    layer = layers(build("gpt2"))[1]
    assert layer.attention.query is layer.attention.key is layer.attention.value is None
    assert linears(layer) == ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]


@pytest.mark.parametrize(
    ("backbone", "encoder", "decoder", "across"),
    [
        ("t5", "encoder.block", "decoder.block", "layer.1.EncDecAttention.k"),
        ("bart", "encoder.layers", "decoder.layers", "encoder_attn.k_proj"),
    ],
)
def test_encoder_decoder_has_the_layers_of_both(backbone, encoder, decoder, across):
    found = layers(build(backbone))
    assert [layer.path for layer in found] == [
        f"{half}.{i}" for half in (encoder, decoder) for i in range(LAYERS)
    ]
    first, last = found[0], found[-1]
    assert first.cross is None
    assert last.cross is not None
    assert short(last.cross.key, last) == across
    assert len(last.linears) == len(first.linears) + 4


def test_norms_of_another_name_are_found():
    model = build("distilbert")
    layer = with_closing_norms(model, layers(model))[1]
    assert short(layer.closing_norm, layer) == "output_layer_norm"


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
