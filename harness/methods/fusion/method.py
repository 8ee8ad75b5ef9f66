"""AdapterFusion over adapters that other trials trained."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from peft import PeftConfig
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import PreTrainedModel

import harness.methods.fusion.tuner  # noqa: F401  registers the method with peft
from harness.config import TrainConfig
from harness.errors import ConfigError
from harness.methods.base import Trained, load_method
from harness.methods.bottleneck import Pfeiffer
from harness.methods.bottleneck.config import BottleneckConfig
from harness.methods.fusion.config import FusionConfig
from harness.methods.fusion.layer import FusionLayer
from harness.methods.peft_method import PeftMethod
from harness.training import decay_groups, optimizer_class

NEEDED = (
    "needs the tasks of at least two trained adapters,"
    " e.g. method.adapters=[bbc_news,rotten_tomatoes]"
)


class AdapterFusion(PeftMethod):
    """Attention over trained, frozen `pfeiffer` adapters of other tasks.

    Pfeiffer et al. 2021, arXiv 2005.00247: with the "dynamic" defaults of the `adapters` package.
    What is saved holds the frozen adapters too, so that it can be restored without them.
    """

    own_options: ClassVar[frozenset[str]] = frozenset(
        {"adapters", "bottleneck_dim", "regularization"}
    )

    # Its adapters are trained already: it starts near their average, as Q and K start near zero and
    # V near the identity.
    starts_at_base = False

    @property
    def kept_whole(self) -> str | None:
        return "pulls each V to the identity as a whole"

    def peft_config(self, backbone: PreTrainedModel) -> PeftConfig:
        if len(self.sources) < 2:
            given = self.config.options["adapters"]
            raise ConfigError("method.adapters", given, NEEDED)
        strength = self.config.options["regularization"]
        if not isinstance(strength, int | float) or strength < 0:
            raise ConfigError("method.regularization", strength, "must be a number, zero or more")
        configs = [_bottleneck(source, backbone) for source in self.sources]
        return FusionConfig(
            **self.options(
                FusionConfig,
                target_modules=configs[0].target_modules,
                hidden_size=configs[0].hidden_size,
                bottlenecks=[
                    {
                        "name": source.name,
                        "bottleneck_dim": config.bottleneck_dim,
                        "non_linearity": config.non_linearity,
                        "scaling": config.scaling,
                    }
                    for source, config in zip(self.sources, configs, strict=True)
                ],
            )
        )

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        adapted = super().adapt(backbone)
        # A model without weights shows the structure alone: its adapters may be yet to be trained.
        if backbone.device.type != "meta":
            for number, source in enumerate(self.sources):
                _load(adapted, number, source)
        return adapted

    def optimizer(self, model: nn.Module, recipe: TrainConfig) -> Optimizer:
        """The recipe's, which pulls each V to the identity, where others are pulled to zero.

        The gradient of `regularization`·‖I - V‖² per layer is added to the loss's after that was
        clipped; the strength of the `adapters` package is 0.01.
        """
        values = [
            parameter
            for layer in model.modules()
            if isinstance(layer, FusionLayer)
            for parameter in layer.fusion_value.parameters()
            if parameter.requires_grad
        ]
        own = {id(value) for value in values}
        groups: list[dict[str, Any]] = [
            group | {"params": [p for p in group["params"] if id(p) not in own]}
            for group in decay_groups(model, recipe)
        ]
        groups.append({"params": values, "weight_decay": 0.0})
        optimizer = optimizer_class(recipe)(groups, lr=recipe.learning_rate)
        strength = self.config.options["regularization"]

        @torch.no_grad()
        def pull(*step: object) -> None:
            for value in values:
                assert value.grad is not None
                value.grad += 2 * strength * value
                value.grad.diagonal().sub_(2 * strength)

        optimizer.register_step_pre_hook(pull)
        return optimizer


def _bottleneck(source: Trained, backbone: PreTrainedModel) -> BottleneckConfig:
    method = load_method(source.method)
    if not isinstance(method, Pfeiffer):
        raise ConfigError(
            "method.adapters",
            source.name,
            f"must be of pfeiffer, one bottleneck per layer; it is of {source.method.name}",
        )
    return method.peft_config(backbone)


def _load(adapted: nn.Module, number: int, source: Trained) -> None:
    """Copy the stored weights of one adapter into its frozen bottlenecks."""
    path = source.folder / SAFETENSORS_WEIGHTS_NAME
    if not path.is_file():
        raise ConfigError("method.adapters", source.name, f"is not trained yet: there is no {path}")
    stored = load_file(path)
    wanted = dict(_frozen(adapted, number))
    found = {name: tuple(tensor.shape) for name, tensor in stored.items()}
    expected = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            raise ConfigError(
                "method.adapters",
                source.name,
                f"must be trained on this model: {name} is {found.get(name, 'absent')} in"
                f" {path}, and {expected.get(name, 'absent')} here",
            )
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(stored[name])


def _frozen(adapted: nn.Module, number: int) -> list[tuple[str, Tensor]]:
    """The frozen weights of one adapter under the names that `pfeiffer` stores them by."""
    return [
        (f"{path}.bottleneck_{way}.{end}", parameter)
        for path, layer in adapted.named_modules()
        if isinstance(layer, FusionLayer)
        for way, linear in zip(("down", "up"), layer.fused("default")[number], strict=True)
        for end, parameter in linear.named_parameters()
    ]
