"""What every method promises, on encoders and decoders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.errors import ConfigError
from harness.methods import NotMergeable
from tests.backbones import build, disturb, read, states, trained

IN_PLACE = ("full", "head", "bitfit")
BOTTLENECKS = ("houlsby", "pfeiffer", "parallel")
PREFIXES = ("prefix_tuning", "p_tuning_v2")
PROMPTS = ("prompt_tuning", "p_tuning", *PREFIXES)
MERGED = ("lora", "lora_plus", "lora_fa", "dora", "ia3")
METHODS = (*IN_PLACE, *BOTTLENECKS, *PROMPTS, *MERGED)
BACKBONES = ("bert", "distilbert", "llama", "gpt2", "t5", "bart")
UNDEFINED = {
    ("bitfit", "llama"): "needs a model with bias terms; LlamaModel has none",
    ("bitfit", "t5"): "needs a model with bias terms; T5Model has none",
    # A GPT-2 makes keys and values with queries in one map.
    ("ia3", "gpt2"): "needs key and value projections of their own",
    ("prefix_tuning", "distilbert"): "needs a model that takes past_key_values",
    ("p_tuning_v2", "distilbert"): "needs a model that takes past_key_values",
}

PAIRS = [(m, b) for m in METHODS for b in BACKBONES if (m, b) not in UNDEFINED]


@pytest.mark.parametrize(("method", "backbone"), UNDEFINED)
def test_method_that_is_not_defined_for_a_model_says_why(method_of, method, backbone):
    with pytest.raises(ConfigError, match=f"method={method}: {UNDEFINED[method, backbone]}"):
        method_of(method, "size=4").adapt(build(backbone))


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
    read(adapted).pow(2).sum().backward()
    names = [n for n, p in adapted.named_parameters() if p.requires_grad and p.grad is None]
    # Rows of an embedding that no layer reads are the only weights without a use.
    assert not names


@pytest.mark.parametrize("method", MERGED)
@pytest.mark.parametrize("backbone", ["bert", "llama", "t5"])
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


@pytest.mark.parametrize(
    ("method", "stored"),
    [
        # layers · tokens · (key and value) · width, and tokens · width
        ("prefix_tuning", 2 * 4 * 2 * 32),
        ("p_tuning_v2", 2 * 4 * 2 * 32),
        ("prompt_tuning", 4 * 32),
        ("p_tuning", 4 * 32),
    ],
)
def test_prompt_is_stored_without_what_made_it(method_of, tmp_path: Path, method, stored):
    found = method_of(method, "size=4")
    adapted = found.adapt(build("bert"))
    found.save(adapted, tmp_path)
    file = load_file(tmp_path / "adapter_model.safetensors")
    assert {name: tensor.numel() for name, tensor in file.items()} == {"prompt_embeddings": stored}
    counted = sum(p.numel() for p in trained(adapted))
    if method in ("prefix_tuning", "p_tuning"):
        assert counted > 5 * stored, "the reparametrisation is trained"
    else:
        assert counted == stored


def test_lstm_makes_a_prompt_too(method_of):
    given = ("size=4", "method.encoder_reparameterization_type=LSTM")
    adapted = method_of("p_tuning", *given).adapt(build("bert"))
    assert any("lstm_head" in name for name, _ in adapted.named_parameters())
    unknown = method_of("p_tuning", "size=4", "method.encoder_reparameterization_type=GRU")
    with pytest.raises(ConfigError, match="must be one of MLP, LSTM"):
        unknown.adapt(build("bert"))


def test_prefix_of_an_encoder_decoder_is_seen_by_its_decoder_alone(method_of):
    adapted = method_of("p_tuning_v2", "size=4").adapt(build("bart")).eval()
    before = states(adapted)
    encoder = adapted.get_base_model().get_encoder()
    seen = []
    encoder.register_forward_hook(lambda *a: seen.append(a[2].last_hidden_state))
    disturb(adapted)
    after = states(adapted)
    base = build("bart")
    base.get_encoder().register_forward_hook(lambda *a: seen.append(a[2].last_hidden_state))
    states(base)
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=0)
    assert not torch.allclose(before, after, atol=1e-3)
