"""A decoder with its output embedding is adapted as the same decoder without."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    GPT2LMHeadModel,
    LlamaForCausalLM,
    PreTrainedModel,
    T5ForConditionalGeneration,
)

from harness.methods.anatomy import layers
from tests.backbones import VOCABULARY, WIDTH, build, trained
from tests.methods.test_catalogue import FITTED, NEEDS_WEIGHTS, PAIRS
from tests.methods.test_methods import METHODS, UNDEFINED

KINDS = {"llama": LlamaForCausalLM, "gpt2": GPT2LMHeadModel, "t5": T5ForConditionalGeneration}
OURS = [(m, b) for m in METHODS for b in KINDS if (m, b) not in UNDEFINED]
TYPES = [(f"peft/{t}", b) for t, b in PAIRS if b == "llama" and t not in NEEDS_WEIGHTS]


def both(name: str) -> tuple[PreTrainedModel, PreTrainedModel]:
    """A backbone and a language model around the same, on the meta device."""
    with torch.device("meta"):
        backbone = build(name)
        return backbone, KINDS[name](backbone.config)


def plain(path: str) -> str:
    """A name without that of the backbone within the language model."""
    return path.replace("transformer.", "").replace("model.", "")


@pytest.mark.parametrize("name", KINDS)
def test_layers_are_those_of_the_backbone_and_the_head_is_in_none(name):
    backbone, whole = both(name)
    expected = [(layer.path, layer.linears) for layer in layers(backbone)]
    found = [(plain(layer.path), tuple(map(plain, layer.linears))) for layer in layers(whole)]
    assert found == expected


@pytest.mark.parametrize(("method", "name"), [*OURS, *TYPES])
def test_the_same_is_trained_in_both(method_of, method, name):
    kind = method.removeprefix("peft/")
    own = (FITTED[kind],) if kind in FITTED else ()
    names = []
    for model in both(name):
        adapted = method_of(method, "size=4", *own).adapt(model)
        names.append({plain(n): p.shape for n, p in adapted.named_parameters() if p.requires_grad})
    if (method, name) == ("full", "llama"):  # whose head is not tied to its embeddings
        assert names[1].pop("lm_head.weight") == (VOCABULARY, WIDTH)
    assert names[0] == names[1]


def test_full_trains_a_tied_head_once(method_of):
    _, whole = both("gpt2")
    counted = sum(p.numel() for p in trained(method_of("full").adapt(whole)))
    assert counted == sum(p.numel() for p in build("gpt2").parameters())
