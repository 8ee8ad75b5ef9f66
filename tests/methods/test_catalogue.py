"""What every type of peft promises through the generic method, on an encoder and a decoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils import cpp_extension

from harness import peft_types
from harness.errors import ConfigError
from harness.methods import NotMergeable
from harness.methods.catalogue import STARTS_ELSEWHERE
from tests.backbones import build, disturb, states, trained

# Their defaults are for wider models than these.
FITTED = {"vblora": "method.vector_length=8", "adamss": "method.num_subspaces=2"}
PROMPTS = ("cartridge", "multitask_prompt_tuning", "p_tuning", "prefix_tuning", "prompt_tuning")
UNDEFINED = {
    *(("cpt", backbone) for backbone in ("bert", "llama")),  # a task type of its own
    *(("xlora", backbone) for backbone in ("bert", "llama")),  # needs trained adapters
    ("adaption_prompt", "bert"),  # written for Llama, Mistral and GPT-2
}
UNMERGEABLE = {
    *((name, backbone) for name in PROMPTS for backbone in ("bert", "llama")),
    *((name, backbone) for name in ("lily", "poly", "shadow") for backbone in ("bert", "llama")),
    ("adaption_prompt", "llama"),
    ("beft", "llama"),  # no bias to merge into
}
# A small copy of the model learns beside it, and some of what it copies is never read.
PARTLY_USED = ("shadow",)
# They start from an SVD of the weights.
NEEDS_WEIGHTS = ("adamss", "frod")

PAIRS = [
    (name, backbone)
    for name in peft_types.names()
    for backbone in ("bert", "llama")
    if (name, backbone) not in UNDEFINED
]
on_every_pair = pytest.mark.parametrize(("name", "backbone"), PAIRS)


@pytest.fixture
def type_of(method_of):
    def make(name: str):
        own = (FITTED[name],) if name in FITTED else ()
        return method_of(f"peft/{name}", "size=4", *own)

    return make


@on_every_pair
def test_type_starts_as_the_base_unless_it_is_known_not_to(type_of, name, backbone):
    adapted = type_of(name).adapt(build(backbone)).eval()
    difference = (states(adapted) - states(build(backbone))).abs().max()
    if name in (*PROMPTS, *STARTS_ELSEWHERE):
        assert difference > 1e-5
        assert not type_of(name).starts_at_base
    else:
        assert difference < 1e-6
        assert type_of(name).starts_at_base


@on_every_pair
def test_saved_adapter_restores_the_same_outputs_from_safe_files(
    type_of, name, backbone, tmp_path: Path
):
    method = type_of(name)
    adapted = method.adapt(build(backbone)).eval()
    disturb(adapted)
    method.save(adapted, tmp_path)
    restored = method.restore(build(backbone), tmp_path).eval()
    torch.testing.assert_close(states(restored), states(adapted), rtol=0, atol=1e-6)
    assert not trained(restored)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".safetensors", ".json", ".md"}


@on_every_pair
def test_trained_parameters_get_gradients(type_of, name, backbone):
    adapted = type_of(name).adapt(build(backbone)).train()
    output = adapted(input_ids=torch.arange(12).reshape(2, 6), attention_mask=torch.ones(2, 6))
    output.last_hidden_state.pow(2).sum().backward()
    without = [n for n, p in adapted.named_parameters() if p.requires_grad and p.grad is None]
    assert bool(without) == (name in PARTLY_USED)
    assert len(without) < len(trained(adapted))


@on_every_pair
def test_merged_agrees_with_unmerged_or_says_why_not(type_of, name, backbone):
    method = type_of(name)
    adapted = method.adapt(build(backbone)).eval()
    disturb(adapted)
    unmerged = states(adapted)
    if (name, backbone) in UNMERGEABLE:
        with pytest.raises(NotMergeable, match=r"has no merge|input of every request"):
            method.merge(adapted)
        return
    merged = method.merge(adapted)
    torch.testing.assert_close(states(merged), unmerged, rtol=0, atol=1e-4)
    assert not torch.allclose(unmerged, states(build(backbone)), atol=1e-4)
    assert list(merged.state_dict()) == list(build(backbone).state_dict())


@pytest.mark.parametrize(("name", "backbone"), [p for p in PAIRS if p[0] not in PROMPTS])
def test_disabled_type_leaves_the_base_as_it_is(type_of, name, backbone):
    adapted = type_of(name).adapt(build(backbone)).eval()
    disturb(adapted)
    with adapted.disable_adapter():
        torch.testing.assert_close(states(adapted), states(build(backbone)), rtol=0, atol=0)


@on_every_pair
def test_structure_without_weights_has_the_same_trained_parameters(type_of, name, backbone):
    with torch.device("meta"):
        outline = build(backbone)
    if name in NEEDS_WEIGHTS:
        with pytest.raises(NotImplementedError):
            type_of(name).adapt(outline)
        return
    counted = sum(p.numel() for p in trained(type_of(name).adapt(outline)))
    assert counted == sum(p.numel() for p in trained(type_of(name).adapt(build(backbone))))


def test_no_type_compiles_anything(type_of, monkeypatch):
    asked = []
    monkeypatch.setattr(cpp_extension, "load", lambda **_: asked.append("load"))
    states(type_of("boft").adapt(build("bert")))
    assert not asked


def test_tokens_to_train_are_all_or_those_given(method_of):
    every = method_of("peft/trainable_tokens").adapt(build("bert"))
    some = method_of("peft/trainable_tokens", "method.token_indices=[1,2]").adapt(build("bert"))
    counts = [sum(p.numel() for p in trained(adapted)) for adapted in (every, some)]
    assert counts == [101 * 32, 2 * 32]


def test_given_targets_replace_the_places_found(method_of):
    adapted = method_of("peft/hra", "size=4", "method.target_modules=[query]").adapt(build("bert"))
    assert all(".query." in n for n, p in adapted.named_parameters() if p.requires_grad)


@pytest.mark.parametrize("name", ["lily", "peanut"])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_refused_map_is_told_without_weights_too(type_of, name, device):
    with torch.device(device):
        model = build("gpt2")
    with pytest.raises(ConfigError, match="does not take the Conv1D maps of GPT2Model"):
        type_of(name).adapt(model)
