"""What a fusion promises, from the adapters that it is made of to its restored form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.methods import Method, NotMergeable, load_method
from harness.methods.base import Trained
from harness.methods.fusion.layer import FusionLayer
from tests.backbones import LAYERS, WIDTH, build, disturb, states, trained

BACKBONES = ("bert", "distilbert", "llama", "gpt2")
RECIPE = TrainConfig(
    steps=10,
    batch_size=2,
    learning_rate=1e-2,
    warmup=0.0,
    weight_decay=0.5,
    clip_norm=1.0,
    eval_batch_size=2,
)
SIZES = {"topics": 4, "tone": 2}


@pytest.fixture
def source_of(trial_of: Callable[..., Any], tmp_path: Path) -> Callable[..., Trained]:
    """A disturbed adapter on a backbone, as its trial would leave it."""

    def make(name: str, size: int, backbone: nn.Module, method: str = "pfeiffer") -> Trained:
        config = trial_of(f"method={method}", f"size={size}").method
        adapted = load_method(config).adapt(backbone)
        torch.manual_seed(size)
        for parameter in trained(adapted):
            nn.init.normal_(parameter, std=0.5)
        load_method(config).save(adapted, tmp_path / name)
        return Trained(name, config, tmp_path / name)

    return make


@pytest.fixture
def fusion_on(trial_of: Callable[..., Any], source_of: Callable[..., Trained]) -> Any:
    """A fusion of two adapters that were trained on a backbone."""

    def make(backbone: str) -> Method:
        sources = [source_of(name, size, build(backbone)) for name, size in SIZES.items()]
        return load_method(trial_of("method=adapter_fusion").method, sources)

    return make


def fusions(model: nn.Module) -> list[FusionLayer]:
    return [module for module in model.modules() if isinstance(module, FusionLayer)]


def loss(model: nn.Module) -> torch.Tensor:
    output = model(input_ids=torch.arange(12).reshape(2, 6), attention_mask=torch.ones(2, 6))
    return output.last_hidden_state.pow(3).sum()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_an_adapter_alone_in_its_weight_gives_what_its_own_trial_gave(fusion_on, backbone):
    fusion = fusion_on(backbone)
    adapted = fusion.adapt(build(backbone)).eval()
    for number, source in enumerate(fusion.sources):
        alone = load_method(source.method).restore(build(backbone), source.folder).eval()
        with torch.no_grad():
            for layer in fusions(adapted):
                nn.init.eye_(layer.fusion_value["default"].weight)
                # The other's output becomes zero, and so does the share that this one lacks.
                for at, (_, up) in enumerate(layer.fused("default")):
                    up.weight.mul_(2.0 if at == number else 0.0)
                    up.bias.mul_(2.0 if at == number else 0.0)
                nn.init.zeros_(layer.fusion_query["default"].weight)
        torch.testing.assert_close(states(adapted), states(alone), rtol=0, atol=1e-5)
        adapted = fusion.adapt(build(backbone)).eval()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_it_trains_three_square_maps_and_two_biases_per_layer(fusion_on, backbone):
    adapted = fusion_on(backbone).adapt(build(backbone))
    assert sum(p.numel() for p in trained(adapted)) == LAYERS * (3 * WIDTH**2 + 2 * WIDTH)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_structure_needs_no_weights_of_the_adapters(trial_of, backbone):
    config = trial_of("method=pfeiffer", "size=4").method
    sources = [Trained(name, config, Path("absent") / name) for name in SIZES]
    with torch.device("meta"):
        outline = build(backbone)
    adapted = load_method(trial_of("method=adapter_fusion").method, sources).adapt(outline)
    assert sum(p.numel() for p in trained(adapted)) == LAYERS * (3 * WIDTH**2 + 2 * WIDTH)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_it_does_not_start_as_the_base(fusion_on, backbone):
    fusion = fusion_on(backbone)
    assert not fusion.starts_at_base
    started = states(fusion.adapt(build(backbone)).eval())
    assert not torch.allclose(started, states(build(backbone)), atol=1e-3)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_training_step_moves_query_key_and_value_and_nothing_else(fusion_on, backbone):
    fusion = fusion_on(backbone)
    adapted = fusion.adapt(build(backbone)).train()
    before = {name: tensor.clone() for name, tensor in adapted.state_dict().items()}
    optimizer = fusion.optimizer(adapted, RECIPE)
    loss(adapted).backward()
    optimizer.step()
    moved = {
        name for name, tensor in adapted.state_dict().items() if not tensor.equal(before[name])
    }
    weights = {
        name for name in before if ".fusion_" in name and "_up" not in name and "_down" not in name
    }
    # Softmax does not see the bias of the keys: it is the same for all adapters.
    free = {name for name in weights if "fusion_key" in name and name.endswith("bias")}
    assert weights - free <= moved <= weights


def test_the_recipes_optimizer_takes_it_and_pulls_each_value_to_the_identity(fusion_on):
    fusion, rate, strength = fusion_on("bert"), 0.1, 0.01
    adapted = fusion.adapt(build("bert"))
    recipe = replace(RECIPE, optimizer="sgd", learning_rate=rate)
    optimizer = fusion.optimizer(adapted, recipe)
    assert type(optimizer) is torch.optim.SGD
    values = [p for name, p in adapted.named_parameters() if "fusion_value" in name]
    torch.manual_seed(0)
    for value in values:
        nn.init.normal_(value)
        value.grad = torch.zeros_like(value)
    before = [value.detach().clone() for value in values]
    optimizer.step()
    for value, start in zip(values, before, strict=True):
        # The step along the gradient of strength times the squared distance to the identity.
        expected = start - rate * 2 * strength * (start - torch.eye(WIDTH))
        torch.testing.assert_close(value.detach(), expected)


def test_switching_and_disabling_leave_the_adapters_frozen(fusion_on):
    adapted = fusion_on("bert").adapt(build("bert"))
    marked = {name for name, p in adapted.named_parameters() if p.requires_grad}
    adapted.set_adapter("default")
    with adapted.disable_adapter():
        torch.testing.assert_close(states(adapted.eval()), states(build("bert")), rtol=0, atol=0)
    assert {name for name, p in adapted.named_parameters() if p.requires_grad} == marked
    assert all("_query." in name or "_key." in name or "_value." in name for name in marked)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_saved_fusion_is_restored_without_its_sources(
    fusion_on, trial_of, backbone, tmp_path: Path
):
    fusion = fusion_on(backbone)
    adapted = fusion.adapt(build(backbone)).eval()
    disturb(adapted)
    fusion.save(adapted, tmp_path / "fusion")
    assert {path.suffix for path in (tmp_path / "fusion").iterdir()} <= {
        ".safetensors",
        ".json",
        ".md",
    }
    alone = load_method(trial_of("method=adapter_fusion").method)
    restored = alone.restore(build(backbone), tmp_path / "fusion").eval()
    torch.testing.assert_close(states(restored), states(adapted), rtol=0, atol=1e-6)
    assert not trained(restored)


def test_fusions_switch_on_one_base(fusion_on, tmp_path: Path):
    fusion = fusion_on("bert")
    expected = []
    for number in range(2):
        adapted = fusion.adapt(build("bert")).eval()
        for layer in fusions(adapted):
            # Adapters that only this fusion has.
            layer.fused("default")[0][1].weight.data += number
        disturb(adapted)
        fusion.save(adapted, tmp_path / str(number))
        expected.append(states(adapted))
    both = fusion.restore(build("bert"), tmp_path / "0")
    both.load_adapter(tmp_path / "1", adapter_name="other")
    for name, wanted in (("default", 0), ("other", 1), ("default", 0)):
        both.set_adapter(name)
        torch.testing.assert_close(states(both.eval()), expected[wanted], rtol=0, atol=1e-6)
    both.set_adapter("other")
    both.delete_adapter("default")
    torch.testing.assert_close(states(both.eval()), expected[1], rtol=0, atol=1e-6)
    assert not torch.allclose(*expected, atol=1e-2)
    unloaded = both.unload()
    assert list(unloaded.state_dict()) == list(build("bert").state_dict())


def test_value_is_pulled_to_the_identity_and_not_decayed(fusion_on):
    fusion = fusion_on("bert")
    adapted = fusion.adapt(build("bert"))
    disturb(adapted)
    optimizer = fusion.optimizer(adapted, RECIPE)
    listed = [p for group in optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in listed} == {id(p) for p in trained(adapted)}
    assert len(listed) == len(trained(adapted))
    for parameter in listed:
        parameter.grad = torch.zeros_like(parameter)
    values = [layer.fusion_value["default"].weight for layer in fusions(adapted)]
    # d/dV 0.01·‖I - V‖² = 0.02·(V - I)
    expected = [0.02 * (value.detach() - torch.eye(WIDTH)) for value in values]
    optimizer.step()
    for value, gradient in zip(values, expected, strict=True):
        torch.testing.assert_close(value.grad, gradient)
        (group,) = (g for g in optimizer.param_groups if any(p is value for p in g["params"]))
        assert group["weight_decay"] == 0.0


def test_it_does_not_take_a_batch_of_several_adapters(fusion_on):
    adapted = fusion_on("bert").adapt(build("bert"))
    ids = torch.ones(2, 3, dtype=torch.long)
    with pytest.raises(ValueError, match="one adapter at a time"):
        adapted(input_ids=ids, adapter_names=["default", "default"])


def test_it_has_no_merged_form(fusion_on):
    fusion = fusion_on("bert")
    with pytest.raises(NotMergeable, match="differ from token to token"):
        fusion.merge(fusion.adapt(build("bert")))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_adapters_are_refused(trial_of, source_of, count):
    sources = [source_of("topics", 4, build("bert"))][:count]
    fusion = load_method(trial_of("method=adapter_fusion").method, sources)
    with pytest.raises(ConfigError, match=r"method.adapters=.*: needs the tasks of at least two"):
        fusion.adapt(build("bert"))


@pytest.mark.parametrize("strength", ["null", "-0.1", "strong"])
def test_a_pull_that_is_no_strength_is_refused(trial_of, source_of, strength):
    sources = [source_of(name, size, build("bert")) for name, size in SIZES.items()]
    config = trial_of("method=adapter_fusion", f"method.regularization={strength}").method
    with pytest.raises(ConfigError, match=r"method.regularization=.*: must be a number"):
        load_method(config, sources).adapt(build("bert"))


def test_adapters_of_another_placement_are_refused(trial_of, source_of):
    sources = [
        source_of("topics", 4, build("bert")),
        source_of("tone", 4, build("bert"), "houlsby"),
    ]
    fusion = load_method(trial_of("method=adapter_fusion").method, sources)
    with pytest.raises(ConfigError, match=r"adapters=tone: must be of pfeiffer.* it is of houlsby"):
        fusion.adapt(build("bert"))


def test_adapters_of_another_model_are_refused(trial_of, source_of):
    sources = [source_of("topics", 4, build("bert")), source_of("tone", 4, build("llama"))]
    fusion = load_method(trial_of("method=adapter_fusion").method, sources)
    with pytest.raises(ConfigError, match=r"tone: must be trained on this model: .*absent"):
        fusion.adapt(build("bert"))


def test_adapters_of_another_size_are_refused_with_both_shapes(trial_of, source_of):
    named = source_of("topics", 4, build("bert"))
    wider = trial_of("method=pfeiffer", "size=8").method
    sources = [named, Trained("tone", wider, named.folder)]
    fusion = load_method(trial_of("method=adapter_fusion").method, sources)
    with pytest.raises(ConfigError, match=r"tone: must be trained .*\(4,\) in .*\(8,\) here"):
        fusion.adapt(build("bert"))


def test_adapters_that_are_not_trained_yet_are_refused(trial_of, source_of):
    named = source_of("topics", 4, build("bert"))
    sources = [named, Trained("tone", named.method, named.folder / "absent")]
    fusion = load_method(trial_of("method=adapter_fusion").method, sources)
    with pytest.raises(ConfigError, match="adapters=tone: is not trained yet"):
        fusion.adapt(build("bert"))
