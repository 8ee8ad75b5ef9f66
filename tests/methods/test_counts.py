"""Parameter counts against the closed forms of the papers and against published figures."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaModel, RobertaConfig, RobertaModel

from tests.backbones import INNER, KEY_VALUE_WIDTH, LAYERS, WIDTH, build, trained

SIZE = 4
BOTTLENECK = 2 * WIDTH * SIZE + SIZE + WIDTH  # two maps and their biases
BERT_OUTPUTS = 4 * WIDTH + INNER + WIDTH  # sum of the outputs of a layer's maps
BERT_LINEARS = 4 * (WIDTH + WIDTH) + 2 * (WIDTH + INNER)  # sum of (in + out) of a layer's maps


def count(method, model) -> int:
    return sum(parameter.numel() for parameter in trained(method.adapt(model)))


@pytest.mark.parametrize(
    ("method", "backbone", "expected"),
    [
        ("houlsby", "bert", 2 * LAYERS * BOTTLENECK),
        ("houlsby", "llama", 2 * LAYERS * BOTTLENECK),
        ("pfeiffer", "bert", LAYERS * BOTTLENECK),
        ("pfeiffer", "llama", LAYERS * BOTTLENECK),
        ("parallel", "bert", LAYERS * BOTTLENECK),
        ("parallel", "llama", LAYERS * BOTTLENECK),
        ("lora", "bert", LAYERS * SIZE * BERT_LINEARS),
        ("ia3", "bert", LAYERS * (2 * WIDTH + INNER)),
        ("ia3", "llama", LAYERS * (2 * KEY_VALUE_WIDTH + INNER)),
        # T-Few, section 3.3: 2·d_k + 2·d_v more where a decoder attends to the encoder
        ("ia3", "t5", 2 * LAYERS * (2 * WIDTH + INNER) + LAYERS * 2 * WIDTH),
        ("ia3", "bart", 2 * LAYERS * (2 * WIDTH + INNER) + LAYERS * 2 * WIDTH),
        ("dora", "bert", LAYERS * (SIZE * BERT_LINEARS + BERT_OUTPUTS)),
        ("lora_plus", "bert", LAYERS * SIZE * BERT_LINEARS),
        ("lora_fa", "bert", LAYERS * SIZE * BERT_OUTPUTS),
        ("houlsby", "t5", 2 * 2 * LAYERS * BOTTLENECK),
        ("pfeiffer", "bart", 2 * LAYERS * BOTTLENECK),
        ("p_tuning_v2", "bert", LAYERS * SIZE * 2 * WIDTH),
        ("p_tuning_v2", "t5", LAYERS * SIZE * 2 * WIDTH),
        ("prompt_tuning", "t5", SIZE * WIDTH),
        # an embedding and an MLP of three maps as wide as the model
        ("p_tuning", "bert", SIZE * WIDTH + 3 * (WIDTH * WIDTH + WIDTH)),
        ("prompt_tuning", "bert", SIZE * WIDTH),
        ("head", "bert", 0),
    ],
)
def test_trained_parameters_follow_the_closed_form(method_of, method, backbone, expected):
    assert count(method_of(method, f"size={SIZE}"), build(backbone)) == expected


@pytest.mark.parametrize(
    ("backbone", "width"), [("bert", WIDTH), ("llama", KEY_VALUE_WIDTH), ("gpt2", WIDTH)]
)
def test_prefix_without_projection_is_a_key_and_a_value_per_token_and_layer(
    method_of, backbone, width
):
    method = method_of("prefix_tuning", f"size={SIZE}", "method.prefix_projection=false")
    assert count(method, build(backbone)) == LAYERS * SIZE * 2 * width


def test_full_trains_every_parameter(method_of):
    assert count(method_of("full"), build("bert")) == build("bert").num_parameters()


def test_bitfit_trains_every_bias_and_nothing_else(method_of):
    adapted = method_of("bitfit").adapt(build("bert"))
    assert all(p.requires_grad == name.endswith(".bias") for name, p in adapted.named_parameters())


def roberta(layers: int, width: int) -> RobertaModel:
    config = RobertaConfig(
        vocab_size=50265,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        max_position_embeddings=514,
        type_vocab_size=1,
    )
    with torch.device("meta"):
        return RobertaModel(config, add_pooling_layer=False)


@pytest.mark.parametrize(("rank", "published"), [(4, 18.9), (1, 4.7)])
def test_lora_on_query_and_value_of_a_gpt_3(method_of, rank, published):
    # LoRA paper, section 4.2 and table 6: 96 layers, 12,288 wide, in millions. The model's two
    # maps are separate there, so a Llama without groups stands for it.
    backbone = llama(96, 12288, 96, 96, 4 * 12288, 50257)
    targets = "method.target_modules=[q_proj,v_proj]"
    found = count(method_of("lora", f"size={rank}", targets), backbone)
    assert found == 2 * 96 * 2 * 12288 * rank
    assert round(found / 1e6, 1) == published


QUERY_VALUE = "method.target_modules=[query,value]"


@pytest.mark.parametrize(
    ("layers", "width", "published"),
    [(12, 768, 294_912), (24, 1024, 786_432)],  # 0.3M and 0.8M, LoRA paper, table 2
)
def test_lora_of_rank_8_on_query_and_value_of_roberta(method_of, layers, width, published):
    assert count(method_of("lora", "size=8", QUERY_VALUE), roberta(layers, width)) == published


def test_houlsby_of_dimension_8_on_roberta_large_is_the_published_eight_hundred_thousand(method_of):
    # LoRA paper, table 2: 0.8M; 4·L·d·r weights and 2·L·(d + r) biases
    found = count(method_of("houlsby", "size=8"), roberta(24, 1024))
    assert found == 4 * 24 * 1024 * 8 + 2 * 24 * (1024 + 8)
    assert round(found / 1e6, 1) == 0.8


def test_bitfit_on_roberta_base_is_the_published_tenth_of_a_million(method_of):
    assert round(count(method_of("bitfit"), roberta(12, 768)) / 1e6, 1) == 0.1


def llama(layers: int, width: int, heads: int, groups: int, inner: int, words: int) -> LlamaModel:
    config = LlamaConfig(
        vocab_size=words,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
    )
    with torch.device("meta"):
        return LlamaModel(config)


@pytest.mark.parametrize(("method", "times"), [("houlsby", 4), ("pfeiffer", 2)])
def test_bottlenecks_of_64_on_a_seven_billion_llama(method_of, method, times):
    # 33.6M and 16.8M weights, biases left out
    backbone = llama(32, 4096, 32, 32, 11008, 32000)
    adapted = method_of(method, "size=64").adapt(backbone)
    weights = sum(p.numel() for p in trained(adapted) if p.ndim == 2)
    assert weights == times * 32 * 4096 * 64


# As published by peft's own comparison for Llama-3.2-3B, beside tests/plan/published_runs.csv.
THREE_BILLION = {
    # outputs of the attention's four maps, inputs of the feed-forward's three
    (
        "ia3",
        "method.target_modules=[q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj]",
        "method.feedforward_modules=[gate_proj,up_proj,down_proj]",
    ): 630_784,
    ("prefix_tuning", "size=200", "method.prefix_projection=false"): 11_468_800,
    ("prefix_tuning", "size=50", "method.prefix_projection=false"): 2_867_200,
}


@pytest.mark.parametrize("overrides", THREE_BILLION)
def test_published_counts_on_llama_3_2_3b_are_met_to_the_parameter(method_of, overrides):
    backbone = llama(28, 3072, 24, 8, 8192, 128256)
    assert count(method_of(*overrides), backbone) == THREE_BILLION[overrides]
