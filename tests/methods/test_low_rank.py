"""How the low-rank methods are trained: rates, what is frozen, and the first step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.models import TaskModel
from harness.training import step
from tests.backbones import LAYERS, VOCABULARY, WIDTH, build

RATE = 1e-3


@pytest.fixture
def recipe(trial_of) -> TrainConfig:
    return trial_of("method=lora", f"train.learning_rate={RATE}", "train.weight_decay=0").train


def task_model(method) -> TaskModel:
    torch.manual_seed(0)
    return TaskModel(method.adapt(build("bert")), nn.Linear(WIDTH, 2), "mean").train()


def one_step(method, model: TaskModel, recipe: TrainConfig, steps: int = 1) -> None:
    generator = torch.Generator().manual_seed(0)
    batch = {
        "input_ids": torch.randint(VOCABULARY, (4, 7), generator=generator),
        "attention_mask": torch.ones(4, 7, dtype=torch.long),
        "labels": torch.tensor([0, 1, 1, 0]),
    }
    optimizer = method.optimizer(model, recipe)
    for _ in range(steps):
        step(model, batch, nn.functional.cross_entropy, optimizer, recipe)


def rates(method, model: TaskModel, recipe: TrainConfig) -> dict[str, float]:
    """The learning rate of every trained parameter, by name."""
    groups = method.optimizer(model, recipe).param_groups
    by_parameter = {p: group["lr"] for group in groups for p in group["params"]}
    return {n: by_parameter[p] for n, p in model.named_parameters() if p.requires_grad}


def moved(method, recipe: TrainConfig, steps: int = 1) -> dict[str, torch.Tensor]:
    """How far every parameter moved, by name."""
    model = task_model(method)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    one_step(method, model, recipe, steps)
    return {name: (p - before[name]).abs().detach() for name, p in model.named_parameters()}


class TestLoRAPlus:
    @pytest.mark.parametrize("kind", ["AdamW", "SGD", "Adafactor"])
    def test_its_rates_are_those_of_the_recipes_optimizer(self, method_of, recipe, kind):
        method = method_of("lora_plus", "size=4")
        own = replace(recipe, optimizer=kind.lower())
        optimizer = method.optimizer(task_model(method), own)
        assert type(optimizer).__name__ == kind
        ratio = method.config.options["loraplus_lr_ratio"]
        given = {group["lr"] for group in optimizer.param_groups if group["params"]}
        assert sorted(given) == pytest.approx([RATE, ratio * RATE])

    def test_b_learns_at_the_ratio_times_the_rate_of_a_and_of_the_head(self, method_of, recipe):
        method = method_of("lora_plus", "size=4")
        found = rates(method, task_model(method), recipe)
        assert len(found) == LAYERS * 6 * 2 + 2, "A and B of each map, weight and bias of the head"
        for name, rate in found.items():
            assert rate == pytest.approx(16 * RATE if "lora_B" in name else RATE), name

    def test_ratio_of_one_is_lora(self, method_of, recipe):
        plain = moved(method_of("lora", "size=4"), recipe, steps=3)
        even = moved(method_of("lora_plus", "size=4", "method.loraplus_lr_ratio=1"), recipe, 3)
        for name, distance in plain.items():
            torch.testing.assert_close(even[name], distance, rtol=0, atol=1e-7)

    def test_first_step_moves_b_sixteen_times_as_far(self, method_of, recipe):
        # The first step of Adam is as long as its rate, whatever the gradient.
        found = moved(method_of("lora_plus", "size=4"), recipe)
        for name, distance in found.items():
            if "lora_B" in name:
                assert distance.max().item() == pytest.approx(16 * RATE, rel=0.01)

    @pytest.mark.parametrize("ratio", ["0.5", "fast"])
    def test_ratio_below_one_is_refused(self, method_of, ratio):
        method = method_of("lora_plus", "size=4", f"method.loraplus_lr_ratio={ratio}")
        with pytest.raises(ConfigError, match=f"method.loraplus_lr_ratio={ratio}: must be a"):
            method.adapt(build("bert"))


class TestLoRAFA:
    def test_a_is_frozen_and_not_counted(self, method_of):
        model = task_model(method_of("lora_fa", "size=4")).backbone
        trained = [name for name, p in model.named_parameters() if p.requires_grad]
        assert len(trained) == LAYERS * 6
        assert all("lora_B" in name for name in trained)

    def test_training_moves_b_and_the_head_alone(self, method_of, recipe):
        found = moved(method_of("lora_fa", "size=4"), recipe, steps=2)
        for name, distance in found.items():
            assert bool(distance.any()) == ("lora_B" in name or name.startswith("head")), name

    def test_first_step_follows_the_gradient_projected_by_a(self, method_of, recipe):
        """Adam's first step is the rate along the sign of g·(A·Aᵀ)⁻¹. arXiv 2308.03303."""
        method = method_of("lora_fa", "size=4")
        model = task_model(method).eval()  # without dropout both see the same gradient
        plain = task_model(method_of("lora", "size=4")).eval()
        tokens = torch.arange(14).reshape(2, 7)
        loss = plain(tokens, torch.ones_like(tokens)).pow(2).sum()
        loss.backward()
        optimizer = method.optimizer(model, recipe)
        model(tokens, torch.ones_like(tokens)).pow(2).sum().backward()
        optimizer.step()
        gradients = {name: p.grad for name, p in plain.named_parameters()}
        moved = dict(model.named_parameters())
        for name in gradients:
            if "lora_B" not in name:
                continue
            a = moved[name.replace("lora_B", "lora_A")]
            torch.testing.assert_close(a, dict(plain.named_parameters())[name.replace("_B", "_A")])
            projected = gradients[name] @ torch.linalg.inv(a @ a.T)
            clear = projected.abs() > 0.05 * projected.abs().max()
            assert clear.any()
            assert torch.equal(moved[name][clear].sign(), -projected[clear].sign())
            assert 0.5 * RATE < moved[name].abs().max() < 1.001 * RATE


class TestDoRA:
    def test_magnitudes_are_the_lengths_of_the_columns(self, method_of):
        # Section 4.1: m starts as ‖W‖ over each output's weights.
        adapted = method_of("dora", "size=4").adapt(build("bert"))
        path = "encoder.layer.0.attention.self.query"
        layer = adapted.get_base_model().get_submodule(path)
        magnitude = layer.lora_magnitude_vector["default"].weight
        expected = build("bert").get_submodule(path).weight.norm(dim=1)
        torch.testing.assert_close(magnitude, expected)

    def test_magnitude_alone_scales_outputs(self, method_of):
        adapted = method_of("dora", "size=4").adapt(build("bert")).eval()
        layer = adapted.get_base_model().get_submodule("encoder.layer.0.intermediate.dense")
        x = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            bias = layer.base_layer.bias
            before = layer(x) - bias
            layer.lora_magnitude_vector["default"].weight *= 2
            torch.testing.assert_close(layer(x) - bias, 2 * before)
