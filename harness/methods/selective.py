"""Methods that train some of the model's own weights in place: all, the biases, none."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from harness.errors import ConfigError
from harness.methods.base import METADATA, Method, NotMergeable, NotSwitchable
from harness.methods.serving import Adapters, StoredTensors

WEIGHTS = "trained.safetensors"


class Selective(Method):
    """Trains the parameters that `selects` names and leaves the architecture as it is."""

    @abstractmethod
    def selects(self, name: str) -> bool:
        """Whether the parameter of this name is trained."""

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        if self.config.options:
            option, value = next(iter(self.config.options.items()))
            raise ConfigError(f"method.{option}", value, f"{self.config.name} has no options")
        for name, parameter in backbone.named_parameters():
            parameter.requires_grad_(self.selects(name))
        return backbone

    def stored(self, adapted: nn.Module) -> dict[str, Tensor]:
        return {n: p.detach() for n, p in adapted.named_parameters() if p.requires_grad}

    def save(self, adapted: nn.Module, folder: Path) -> None:
        if trained := self.stored(adapted):
            folder.mkdir(parents=True, exist_ok=True)
            save_file(trained, folder / WEIGHTS, METADATA)

    def restore(self, backbone: PreTrainedModel, folder: Path) -> nn.Module:
        adapted = self.adapt(backbone)
        expected = {name for name, p in adapted.named_parameters() if p.requires_grad}
        trained = load_file(folder / WEIGHTS) if expected else {}
        if set(trained) != expected:
            raise ValueError(f"{folder / WEIGHTS} does not hold the weights of this method")
        adapted.load_state_dict(trained, strict=False)
        return adapted.requires_grad_(False)

    def merge(self, adapted: nn.Module) -> nn.Module:
        raise NotMergeable("trained in place: the model already has the base architecture")

    def switched_off(self, adapted: nn.Module) -> AbstractContextManager[None]:
        raise NotSwitchable("no weights beside the base's own that could be switched off")

    def serve(self, adapted: nn.Module) -> Adapters:
        names = {name for name, _ in adapted.named_parameters() if self.selects(name)}
        return StoredTensors(adapted, names)


class Full(Selective):
    """Full fine-tuning."""

    def selects(self, name: str) -> bool:
        return True


class Head(Selective):
    """The task head alone on the frozen backbone: the floor."""

    trains_by_steps = False

    def selects(self, name: str) -> bool:
        return False


class BitFit(Selective):
    """Bias terms only. Ben Zaken et al. 2021, arXiv 2106.10199."""

    def selects(self, name: str) -> bool:
        return name.endswith("bias")

    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        if not any(self.selects(name) for name, _ in backbone.named_parameters()):
            kind = type(backbone).__name__
            raise ConfigError(
                "method", self.config.name, f"needs a model with bias terms; {kind} has none"
            )
        return super().adapt(backbone)
