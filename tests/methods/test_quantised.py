"""QLoRA on bitsandbytes' CPU backend: four bits, training, and the merge."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from harness.config import ModelConfig, Source
from harness.errors import ConfigError
from harness.measure.parameters import count
from harness.measure.quantised import constants, numbers
from harness.models import load_backbone
from tests import backbones
from tests.backbones import build, disturb, read, states, trained

needs_bitsandbytes = pytest.mark.skipif(
    find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)


@pytest.fixture(params=["bert", "llama", "t5"])
def saved(request, tmp_path: Path, monkeypatch) -> ModelConfig:
    # Weights are quantised in blocks of 64, and the CPU's kernel wants whole ones.
    monkeypatch.setattr(backbones, "WIDTH", 128)
    monkeypatch.setattr(backbones, "INNER", 256)
    build(request.param).save_pretrained(tmp_path)
    return ModelConfig("own", Source(kind="path", path=str(tmp_path)), pooling="mean")


def disturbed(method, saved: ModelConfig) -> torch.nn.Module:
    torch.manual_seed(0)
    adapted = method.adapt(load_backbone(saved, method.quantization)).eval()
    disturb(adapted)
    return adapted


@needs_bitsandbytes
class TestQLoRA:
    def test_maps_of_the_base_take_half_a_byte_per_weight(self, method_of, saved):
        base = load_backbone(saved, method_of("qlora", "size=4").quantization)
        packed = [p for p in base.parameters() if hasattr(p, "quant_state")]
        plain = load_backbone(saved)
        # transformers leaves the end of T5's feed-forward in full precision, which it needs.
        maps = [
            m
            for name, m in plain.named_modules()
            if isinstance(m, torch.nn.Linear) and not name.endswith(".wo")
        ]
        assert len(packed) == len(maps)
        weights = sum(m.weight.numel() for m in maps)
        assert sum(p.numel() * p.element_size() for p in packed) == weights / 2
        assert sum(numbers(p) for p in packed) == weights

    def test_parameters_are_counted_as_those_of_the_plain_model(self, method_of, saved):
        found = method_of("qlora", "size=4")
        base = load_backbone(saved, found.quantization)
        head = torch.nn.Linear(1, 1)
        assert count(base, head).total == load_backbone(saved).num_parameters()

    def test_quantised_constants_are_smaller_than_plain_ones(self, method_of, saved):
        sizes = []
        for twice in ("true", "false"):
            option = f"method.bnb_4bit_use_double_quant={twice}"
            base = load_backbone(saved, method_of("qlora", "size=4", option).quantization)
            held = [t for p in base.parameters() for t in constants(p)]
            # The 16 or 256 values of a type are the same for all weights.
            own = [t for t in held if t.numel() not in (16, 256)]
            sizes.append(sum(t.numel() * t.element_size() for t in own))
        assert 0 < sizes[0] < sizes[1] / 2

    def test_update_alone_is_trained_and_learns(self, method_of, saved):
        found = method_of("qlora", "size=4")
        adapted = found.adapt(load_backbone(saved, found.quantization)).train()
        names = [name for name, p in adapted.named_parameters() if p.requires_grad]
        assert names
        assert all("lora_" in name for name in names)
        packed = [p.clone() for p in adapted.parameters() if hasattr(p, "quant_state")]
        optimizer = torch.optim.AdamW(trained(adapted), lr=1e-3)
        goal = torch.randn(2, 9, 128, generator=torch.Generator().manual_seed(0))
        losses = []
        for _ in range(20):
            loss = (read(adapted) - goal).pow(2).mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        assert sum(losses[-5:]) < sum(losses[:5])
        still = [p for p in adapted.parameters() if hasattr(p, "quant_state")]
        assert all(map(torch.equal, packed, still))

    def test_merge_is_the_dequantised_base_plus_the_update(self, method_of, saved):
        found = method_of("qlora", "size=4")
        adapted = disturbed(found, saved)
        path, layer = next(
            (path, layer)
            for path, layer in adapted.get_base_model().named_modules()
            if hasattr(layer, "lora_A")
        )
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        update = layer.scaling["default"] * (b @ a).detach()
        merged = found.merge(adapted)
        plain = load_backbone(saved, found.quantization).dequantize()
        assert type(merged) is type(plain)
        expected = plain.get_submodule(path).weight + update
        torch.testing.assert_close(merged.get_submodule(path).weight, expected, rtol=0, atol=1e-6)
        assert not any(hasattr(p, "quant_state") for p in merged.parameters())

    @pytest.mark.parametrize("used", [False, True])
    def test_merged_agrees_with_unmerged_as_far_as_the_kernel_is_exact(
        self, method_of, saved, used
    ):
        found = method_of("qlora", "size=4")
        unmerged = states(disturbed(found, saved))
        adapted = disturbed(found, saved)
        if used:  # then the CPU's kernel has repacked the weights
            states(adapted)
        # That kernel works in bfloat16, of 8 bits.
        error = (states(found.merge(adapted)) - unmerged).abs().mean()
        assert error < 0.02 * unmerged.abs().max()

    def test_four_bits_cost_some_precision_and_no_more(self, method_of, saved):
        found = method_of("qlora", "size=4", "method.bnb_4bit_use_double_quant=false")
        plain = load_backbone(saved)
        restored = load_backbone(saved, found.quantization).dequantize()
        twins = dict(restored.named_parameters())
        for name, module in plain.named_modules():
            if isinstance(module, torch.nn.Linear):
                weight, twin = module.weight, twins[f"{name}.weight"]
                # NF4's widest gap between neighbours is 0.304 of a block's largest weight.
                error = (weight - twin).abs().max() / weight.abs().max()
                assert (0 if name.endswith(".wo") else 1e-3) <= error < 0.153


@pytest.mark.parametrize(
    ("option", "value"), [("bnb_4bit_quant_type", "nf5"), ("bnb_4bit_compute_dtype", "int8")]
)
def test_unknown_type_is_refused(method_of, option, value):
    with pytest.raises(ConfigError, match=f"method.{option}={value}: "):
        method_of("qlora", "size=4", f"method.{option}={value}").adapt(build("bert"))


def test_missing_library_says_what_to_install(method_of, monkeypatch):
    monkeypatch.setattr("harness.extras.find_spec", lambda name: None)
    expected = r"method=qlora: needs bitsandbytes, .* pip install 'peft-harness\[quant\]'"
    with pytest.raises(ConfigError, match=expected):
        method_of("qlora", "size=4").adapt(build("bert"))
