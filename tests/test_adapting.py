"""What a recipe asks of an adapted base: layers computed anew, and how numbers are held."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from harness.adapting import for_inference, for_training
from harness.config import TrainConfig
from harness.errors import ConfigError
from tests.backbones import LAYERS, build, disturb, read, states, trained

RECIPE = TrainConfig(
    steps=1, batch_size=1, learning_rate=1e-3, warmup=0.0, weight_decay=0.0, clip_norm=1.0,
    eval_batch_size=1,
)  # fmt: skip
METHODS = ("lora size=4", "houlsby size=4", "pfeiffer size=4", "parallel size=4", "ia3", "full",
           "prompt_tuning size=4", "p_tuning size=4")  # fmt: skip


def gradients(method: Any, backbone: str, anew: bool) -> dict[str, Tensor]:
    """Of a fixed combination of the states, dropout drawn by one seed."""
    torch.manual_seed(0)
    model = for_training(method, build(backbone), replace(RECIPE, gradient_checkpointing=anew))
    disturb(model)
    torch.manual_seed(2)
    output = read(model.train())
    direction = torch.randn(output.shape, generator=torch.Generator().manual_seed(3))
    (output * direction).sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("backbone", ["bert", "llama"])
@pytest.mark.parametrize("method", METHODS)
def test_layers_computed_anew_give_the_same_gradients(method_of, method, backbone, monkeypatch):
    name, *overrides = method.split()
    expected = gradients(method_of(name, *overrides), backbone, anew=False)
    counted = []
    monkeypatch.setattr(
        "transformers.modeling_utils.checkpoint",
        lambda *given, **named: counted.append(1) or checkpoint(*given, **named),
    )
    found = gradients(method_of(name, *overrides), backbone, anew=True)
    assert len(counted) == LAYERS
    assert found.keys() == expected.keys()
    assert len(found) > 0
    for key, gradient in expected.items():
        torch.testing.assert_close(found[key], gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["prefix_tuning", "p_tuning_v2", "peft/cartridge"])
def test_prefixes_are_refused_where_layers_are_computed_anew(method_of, method):
    # transformers would drop them: a model trained so would be another one.
    recipe = replace(RECIPE, gradient_checkpointing=True)
    with pytest.raises(ConfigError, match=r"train.gradient_checkpointing=True: .* puts keys and"):
        for_training(method_of(method, "size=4"), build("llama"), recipe)


def test_type_that_asks_for_the_task_is_refused_where_layers_are_computed_anew(method_of):
    recipe = replace(RECIPE, gradient_checkpointing=True)
    with pytest.raises(ConfigError, match=r"train.gradient_checkpointing=True: peft/poly reads"):
        for_training(method_of("peft/poly", "size=4"), build("bert"), recipe)


def test_model_whose_layers_cannot_be_computed_anew_is_refused(method_of, monkeypatch):
    backbone = build("bert")
    monkeypatch.setattr(type(backbone), "supports_gradient_checkpointing", False)
    recipe = replace(RECIPE, gradient_checkpointing=True)
    with pytest.raises(ConfigError, match="cannot compute layers of BertModel anew"):
        for_training(method_of("lora"), backbone, recipe)


def types(model: nn.Module) -> set[torch.dtype]:
    return {parameter.dtype for parameter in trained(model)}


@pytest.mark.parametrize(
    "method",
    ["lora size=4", "lora_fa size=4", "houlsby size=4", "ia3", "prompt_tuning size=4",
     "prefix_tuning size=4", "peft/vera size=4"],
)  # fmt: skip
@pytest.mark.parametrize("in_float32", [True, False])
def test_what_is_added_to_a_base_in_bfloat16_is_held_as_the_recipe_says(
    method_of, tmp_path, method, in_float32
):
    name, *overrides = method.split()
    recipe = replace(RECIPE, adapters_in_float32=in_float32)
    own, base = method_of(name, *overrides), build("bert").to(torch.bfloat16)
    of_base = list(base.parameters())
    model = for_training(own, base, recipe)
    assert types(model) == {torch.float32 if in_float32 else torch.bfloat16}
    assert {parameter.dtype for parameter in of_base} == {torch.bfloat16}
    read(model.train()).float().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in trained(model))
    disturb(model)
    own.save(model, tmp_path)
    restored = for_inference(own, build("bert").to(torch.bfloat16), tmp_path, recipe)
    torch.testing.assert_close(states(restored.eval()), states(model.eval()), rtol=0, atol=0)


@pytest.mark.parametrize("method", ["full", "bitfit", "peft/ln_tuning"])
@pytest.mark.parametrize("in_float32", [True, False])
def test_what_is_the_bases_own_stays_as_the_base_is_held(method_of, method, in_float32):
    recipe = replace(RECIPE, adapters_in_float32=in_float32)
    model = for_training(method_of(method), build("bert").to(torch.bfloat16), recipe)
    assert types(model) == {torch.bfloat16}


@pytest.mark.parametrize("method", ["lora", "houlsby", "prefix_tuning", "lora_plus"])
def test_outputs_of_a_base_in_bfloat16_are_near_those_of_float32(method_of, method):
    def outputs(dtype: torch.dtype) -> Tensor:
        torch.manual_seed(0)
        model = for_training(method_of(method, "size=4"), build("llama").to(dtype), RECIPE)
        return states(model.eval()).float()

    exact, rounded = outputs(torch.float32), outputs(torch.bfloat16)
    # 8 bits of precision, rounded a few times in each of two layers.
    assert 0 < (rounded - exact).norm() / exact.norm() < 2**-6


def test_structure_without_weights_is_held_alike(method_of):
    recipe = replace(RECIPE, adapters_in_float32=False, gradient_checkpointing=True)
    with torch.device("meta"):
        backbone = build("llama").to(torch.bfloat16)
    assert types(for_training(method_of("lora", "size=4"), backbone, recipe)) == {torch.bfloat16}
