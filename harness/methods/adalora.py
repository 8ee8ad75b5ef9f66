"""LoRA whose ranks are allocated while it trains."""

from __future__ import annotations

from itertools import count
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import PreTrainedModel

from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.methods.catalogue import AnyPeft

# Shares of the steps before and after the ranks shrink: 200 and 500 of 5000 in peft's comparison.
BEFORE, AFTER = 0.04, 0.1
# The initial rank over the final one: 12 over 8 in peft.
INITIAL = 1.5


class AdaLoRA(AnyPeft):
    """W + P·E·Q with singular values E pruned by importance. Zhang et al. 2023, arXiv 2303.10512.

    The recipe gives the schedule. Importance needs the gradients of a step and is asked for after
    it, so that the optimizer carries both that and the orthogonality of P and Q.
    """

    @property
    def kept_whole(self) -> str | None:
        return "compares the importance of all ranks of the model"

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        adapted = super().adapt(backbone)
        for name, parameter in adapted.named_parameters():
            if "ranknum" in name:  # a constant, which peft forgets on the meta device
                parameter.requires_grad_(False)
        return adapted

    def places(self, backbone: PreTrainedModel) -> dict[str, Any]:
        own = super().places(backbone)
        if self.config.options.get("total_step") is not None:
            given = self.config.options["total_step"]
            raise ConfigError("method.total_step", given, "is train.steps; leave it out")
        # Any total that peft takes beside the options: `optimizer` knows the real one.
        before, after = (self.config.options.get(name) or 0 for name in ("tinit", "tfinal"))
        return own | {
            "init_r": round(INITIAL * own["target_r"]),
            "total_step": before + after + 1,
        }

    def optimizer(self, model: nn.Module, recipe: TrainConfig) -> Optimizer:
        optimizer = super().optimizer(model, recipe)
        adapted = model.backbone
        assert isinstance(adapted, PeftModel)
        tuner: Any = adapted.base_model
        schedule = adapted.active_peft_config
        schedule.total_step = recipe.steps
        for name, share in (("tinit", BEFORE), ("tfinal", AFTER)):
            given = self.config.options.get(name)
            setattr(schedule, name, round(share * recipe.steps) if given is None else given)
        if schedule.tinit + schedule.tfinal >= recipe.steps:
            raise ConfigError(
                "train.steps",
                recipe.steps,
                f"must exceed method.tinit + method.tfinal = {schedule.tinit + schedule.tfinal}",
            )
        steps = count(1)
        optimizer.register_step_pre_hook(
            lambda *_: (schedule.orth_reg_weight * skewness(tuner)).backward()
        )
        optimizer.register_step_post_hook(lambda *_: tuner.update_and_allocate(next(steps)))
        return optimizer


def skewness(tuner: nn.Module) -> Tensor:
    """How far the sides of all updates are from orthonormal: the mean of ‖P·Pᵀ − I‖.

    peft adds it to a loss that the model returns, and a backbone returns none.
    """
    found = []
    for name, side in tuner.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            gram = side @ side.T if "lora_A" in name else side.T @ side
            found.append(torch.linalg.norm(gram - torch.eye(len(gram), device=gram.device)))
    return torch.stack(found).mean()
