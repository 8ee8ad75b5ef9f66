"""What every method promises, on encoders and decoders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.methods import NotMergeable
from tests.backbones import build, disturb, states, trained

IN_PLACE = ("full", "head", "bitfit")
BOTTLENECKS = ("houlsby", "pfeiffer")
PROMPTS = ("prompt_tuning", "prefix_tuning")
MERGED = ("lora", "ia3")
METHODS = (*IN_PLACE, *BOTTLENECKS, *PROMPTS, *MERGED)
BACKBONES = ("bert", "distilbert", "llama", "gpt2")
# No biases in a Llama; keys and values share one map with queries in a GPT-2; a DistilBERT takes no
# past keys and values.
UNDEFINED = {("bitfit", "llama"), ("ia3", "gpt2"), ("prefix_tuning", "distilbert")}

PAIRS = [(m, b) for m in METHODS for b in BACKBONES if (m, b) not in UNDEFINED]
on_every_pair = pytest.mark.parametrize(("method", "backbone"), PAIRS)


@on_every_pair
def test_adapted_model_starts_as_the_base_where_the_method_promises_it(method_of, method, backbone):
    expected = states(build(backbone))
    found = method_of(method, "size=4")
    adapted = found.adapt(build(backbone)).eval()
    if found.starts_at_base:
        assert torch.equal(states(adapted), expected)
    else:
        assert method in PROMPTS
        assert not torch.allclose(states(adapted), expected, atol=1e-3)


@on_every_pair
def test_saved_adapter_restores_the_same_outputs(method_of, method, backbone, tmp_path: Path):
    found = method_of(method, "size=4")
    adapted = found.adapt(build(backbone)).eval()
    disturb(adapted)
    found.save(adapted, tmp_path)
    restored = found.restore(build(backbone), tmp_path).eval()
    torch.testing.assert_close(states(restored), states(adapted), rtol=0, atol=1e-6)
    assert not trained(restored)


@on_every_pair
def test_only_safetensors_hold_weights(method_of, method, backbone, tmp_path: Path):
    found = method_of(method, "size=4")
    found.save(found.adapt(build(backbone)), tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".safetensors", ".json", ".md"}


@on_every_pair
def test_structure_without_weights_has_the_same_trained_parameters(method_of, method, backbone):
    with torch.device("meta"):
        outline = build(backbone)
    found = method_of(method, "size=4")
    counted = sum(p.numel() for p in trained(found.adapt(outline)))
    assert counted == sum(p.numel() for p in trained(found.adapt(build(backbone))))


@on_every_pair
def test_every_trained_parameter_gets_a_gradient(method_of, method, backbone):
    adapted = method_of(method, "size=4").adapt(build(backbone)).train()
    if method == "head":
        assert not trained(adapted)
        return
    output = adapted(input_ids=torch.arange(12).reshape(2, 6), attention_mask=torch.ones(2, 6))
    output.last_hidden_state.pow(2).sum().backward()
    names = [n for n, p in adapted.named_parameters() if p.requires_grad and p.grad is None]
    # Rows of an embedding that no layer reads are the only weights without a use.
    assert not names


@pytest.mark.parametrize("method", MERGED)
@pytest.mark.parametrize("backbone", ["bert", "llama"])
class TestMerging:
    def test_merged_agrees_with_unmerged(self, method_of, method, backbone):
        found = method_of(method, "size=4")
        adapted = found.adapt(build(backbone)).eval()
        disturb(adapted)
        unmerged = states(adapted)
        merged = found.merge(adapted)
        torch.testing.assert_close(states(merged), unmerged, rtol=0, atol=1e-4)
        assert not torch.allclose(unmerged, states(build(backbone)), atol=1e-2)

    def test_merged_model_has_the_base_architecture(self, method_of, method, backbone):
        found = method_of(method, "size=4")
        merged = found.merge(found.adapt(build(backbone)))
        base = build(backbone)
        assert type(merged) is type(base)
        assert list(merged.state_dict()) == list(base.state_dict())

    def test_merging_again_changes_nothing_and_unmerging_gives_the_base_back(
        self, method_of, method, backbone
    ):
        found = method_of(method, "size=4")
        adapted = found.adapt(build(backbone)).eval()
        disturb(adapted)
        adapted.merge_adapter()
        once = {name: w.clone() for name, w in adapted.state_dict().items()}
        with pytest.warns(UserWarning, match="merged"):
            adapted.merge_adapter()
        for name, weight in adapted.state_dict().items():
            torch.testing.assert_close(weight, once[name], rtol=0, atol=0)
        adapted.unmerge_adapter()
        base = adapted.unload()
        torch.testing.assert_close(states(base), states(build(backbone)), rtol=0, atol=1e-5)


def test_merged_lora_weight_is_the_base_plus_the_scaled_product(method_of):
    found = method_of("lora", "size=4", "method.lora_alpha=12")
    adapted = found.adapt(build("bert"))
    disturb(adapted)
    path = "encoder.layer.1.attention.self.query"
    layer = adapted.base_model.model.get_submodule(path)
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    expected = layer.base_layer.weight + 12 / 4 * b @ a
    expected = expected.detach().clone()
    merged = found.merge(adapted).get_submodule(path).weight
    torch.testing.assert_close(merged, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        *((method, "trained in place") for method in IN_PLACE),
        *((method, "non-linearity") for method in BOTTLENECKS),
        *((method, "input of every request") for method in PROMPTS),
    ],
)
def test_what_cannot_be_merged_says_why(method_of, method, reason):
    found = method_of(method, "size=4")
    with pytest.raises(NotMergeable, match=reason):
        found.merge(found.adapt(build("bert")))


def test_reparametrisation_of_a_prefix_is_not_stored(method_of, tmp_path: Path):
    found = method_of("prefix_tuning", "size=4")
    adapted = found.adapt(build("bert"))
    found.save(adapted, tmp_path)
    stored = load_file(tmp_path / "adapter_model.safetensors")
    # layers · tokens · (key and value) · width; the MLP is many times that
    assert sum(t.numel() for t in stored.values()) == 2 * 4 * 2 * 32
    assert sum(p.numel() for p in trained(adapted)) > 10 * 2 * 4 * 2 * 32
