"""Ranks that are allocated while training, on the recipe's schedule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.errors import ConfigError
from harness.methods.adalora import skewness
from harness.models import TaskModel
from harness.training import fit
from tests.backbones import LAYERS, build, states

MAPS = 6 * LAYERS
STEPS = 20


@pytest.fixture
def recipe(trial_of):
    return replace(trial_of("method=peft/adalora").train, steps=STEPS)


def task_model(method) -> TaskModel:
    torch.manual_seed(0)
    return TaskModel(method.adapt(build("bert")), nn.Linear(32, 2), "mean")


def train(method, recipe) -> TaskModel:
    model = task_model(method)
    generator = torch.Generator().manual_seed(0)

    def batches():
        while True:
            tokens = torch.randint(101, (8, 6), generator=generator)
            yield {
                "input_ids": tokens,
                "attention_mask": torch.ones_like(tokens),
                "labels": (tokens[:, 0] > 50).long(),
            }

    loss = nn.functional.cross_entropy
    fit(model, batches(), loss, method.optimizer(model, recipe), recipe)
    return model


def kept(model: TaskModel) -> int:
    """Singular values that are not pruned."""
    return sum(
        int((values != 0).sum())
        for name, values in model.backbone.named_parameters()
        if "lora_E" in name
    )


def test_training_ends_with_the_budget_of_the_target_rank(method_of, recipe):
    method = method_of("peft/adalora", "size=2")
    before = [v for n, v in task_model(method).backbone.named_parameters() if "lora_E" in n]
    assert sum(v.numel() for v in before) == 3 * MAPS  # half as many again, as in the paper
    model = train(method, recipe)
    assert kept(model) == 2 * MAPS
    pattern = model.backbone.active_peft_config.rank_pattern
    assert sum(map(sum, pattern.values())) == 2 * MAPS
    assert len({sum(ranks) for ranks in pattern.values()}) > 1, "ranks differ from map to map"


def test_pruned_adapter_restores_the_same_outputs(method_of, recipe, tmp_path: Path):
    method = method_of("peft/adalora", "size=2")
    adapted = train(method, recipe).backbone.eval()
    method.save(adapted, tmp_path)
    restored = method.restore(build("bert"), tmp_path).eval()
    torch.testing.assert_close(states(restored), states(adapted), rtol=0, atol=1e-6)


def test_schedule_is_the_recipes_unless_an_option_says_otherwise(method_of, recipe):
    for overrides, expected in (((), (1, 2)), (("method.tinit=3", "method.tfinal=7"), (3, 7))):
        method = method_of("peft/adalora", *overrides)
        model = task_model(method)
        method.optimizer(model, recipe)
        schedule = model.backbone.active_peft_config
        assert (schedule.tinit, schedule.tfinal, schedule.total_step) == (*expected, STEPS)


def test_schedule_that_leaves_no_step_is_refused(method_of, recipe):
    method = method_of("peft/adalora", "method.tinit=15", "method.tfinal=5")
    with pytest.raises(ConfigError, match=r"train.steps=20: must exceed .* = 20"):
        method.optimizer(task_model(method), recipe)


def test_skewness_is_zero_for_orthonormal_sides_and_falls_in_training(method_of, recipe):
    method = method_of("peft/adalora", "size=2", "method.orth_reg_weight=5")
    model = task_model(method)
    started = skewness(model.backbone).item()
    assert skewness(train(method, recipe).backbone).item() < started
    with torch.no_grad():
        for name, side in model.backbone.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                side.copy_(torch.eye(*side.shape))
    assert skewness(model.backbone).item() == pytest.approx(0, abs=1e-6)
