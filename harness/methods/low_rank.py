"""Low-rank updates of linear weights, and ways to train them."""

from __future__ import annotations

from peft import LoraConfig, PeftConfig, PeftModel
from peft.optimizers import create_lorafa_optimizer, create_loraplus_optimizer
from torch import nn
from torch.optim import Optimizer
from transformers import PreTrainedModel

from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.methods.anatomy import layers
from harness.methods.peft_method import PeftMethod
from harness.training import decay_groups, optimizer_class


class LoRA(PeftMethod):
    """W + (alpha / r)·B·A with B zero at the start. Hu et al. 2021, arXiv 2106.09685.

    With `use_dora` the update turns the columns of W, and their lengths are trained apart: DoRA,
    Liu et al. 2024, arXiv 2402.09353.
    """

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        rank = self.config.options["rank"]
        targets = self.config.options.get("target_modules")
        if targets is None:
            targets = [path for layer in layers(backbone) for path in layer.linears]
        if not isinstance(targets, str):
            self.check_rank(backbone, rank, targets)
        return LoraConfig(**self.options(LoraConfig, r=rank, target_modules=targets))


class LoRAPlus(LoRA):
    """LoRA whose B learns `loraplus_lr_ratio` times as fast as A. Hayou 2024, arXiv 2402.12354.

    The recipe's learning rate is A's.
    """

    own_options = frozenset({"loraplus_lr_ratio"})

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        ratio = self.config.options["loraplus_lr_ratio"]
        if not isinstance(ratio, int | float) or ratio < 1:
            raise ConfigError("method.loraplus_lr_ratio", ratio, "must be a number of at least 1")
        return super().peft_config(backbone)

    def optimizer(self, model: nn.Module, recipe: TrainConfig) -> Optimizer:
        # The head keeps the recipe's rate: peft would speed up its bias, as any vector, too.
        optimizer = create_loraplus_optimizer(
            _backbone(model),
            optimizer_class(recipe),  # type: ignore[arg-type]  # all of them are classes
            lr=recipe.learning_rate,
            loraplus_lr_ratio=self.config.options["loraplus_lr_ratio"],
            loraplus_weight_decay=recipe.weight_decay,
        )
        for group in decay_groups(_head(model), recipe):
            optimizer.add_param_group({**group, "lr": recipe.learning_rate})
        return optimizer


class LoRAFA(LoRA):
    """LoRA with A frozen as it was drawn. Zhang et al. 2023, arXiv 2308.03303.

    peft's optimizer also turns B's gradient by (A·Aᵀ)⁻¹, so that the step is the one of the full
    gradient's projection.
    """

    @property
    def kept_whole(self) -> str | None:
        return "turns the gradient of each B by the whole of its A"

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        adapted = super().adapt(backbone)
        for name, parameter in adapted.named_parameters():
            if "lora_A" in name:
                parameter.requires_grad_(False)
        return adapted

    def optimizer(self, model: nn.Module, recipe: TrainConfig) -> Optimizer:
        if recipe.optimizer != "adamw":
            expected = f"must be adamw: {self.config.name} brings an AdamW of its own"
            raise ConfigError("train.optimizer", recipe.optimizer, expected)
        backbone = _backbone(model)
        config = backbone.active_peft_config
        assert isinstance(config, LoraConfig)
        optimizer = create_lorafa_optimizer(
            backbone,
            r=config.r,
            lora_alpha=config.lora_alpha,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
        )
        # It keeps its state by name, and takes what is not called lora for an ordinary parameter.
        names = {parameter: f"head.{name}" for name, parameter in _head(model).named_parameters()}
        for group in decay_groups(_head(model), recipe):
            given = group["params"]
            named = {"names": [names[p] for p in given], "scaling_factors": [None] * len(given)}
            optimizer.add_param_group({**group, **named})
        return optimizer


def _backbone(model: nn.Module) -> PeftModel:
    assert isinstance(model.backbone, PeftModel)
    return model.backbone


def _head(model: nn.Module) -> nn.Module:
    assert isinstance(model.head, nn.Module)
    return model.head
