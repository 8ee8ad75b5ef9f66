"""What every method can do, whatever library does it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import PreTrainedModel
from transformers.utils.quantization_config import QuantizationConfigMixin

from harness.config import MethodConfig, TrainConfig
from harness.errors import ConfigError, HarnessError
from harness.methods.file_size import file_size
from harness.methods.serving import Adapters, NotServable
from harness.training import optimizer_for

# As peft and transformers write it into every file.
METADATA = {"format": "pt"}


class NotMergeable(HarnessError):
    """The method has no merged form; the message is the reason."""


class NotSwitchable(HarnessError):
    """What the method trained cannot be switched off; the message is the reason."""


@dataclass(frozen=True)
class Trained:
    """What another trial trained on the same model: its method, and the folder of its weights."""

    name: str
    method: MethodConfig
    folder: Path


class Method(ABC):
    """One way to adapt a backbone.

    A subclass is named in `conf/method/NAME.yaml` as `implementation: module:Class`; its options
    are the file's other keys.
    """

    starts_at_base: bool = True
    """Before the first step the adapted model computes what the base computes."""

    trains_by_steps: ClassVar[bool] = True
    """False for the head alone, which is fitted to convergence on cached features."""

    def __init__(self, config: MethodConfig, sources: Sequence[Trained] = ()) -> None:
        self.config = config
        self.sources = sources

    @property
    def quantization(self) -> QuantizationConfigMixin | None:
        """How the backbone that `adapt` and `restore` get is quantised when it is loaded."""
        return None

    @property
    def kept_whole(self) -> str | None:
        """Why it is not trained over several devices, in pieces and in rows; None where it is."""
        return None

    @property
    def computed_once(self) -> str | None:
        """Why layers cannot be computed anew in the backward pass; None where they can."""
        return None

    @abstractmethod
    def adapt(self, backbone: PreTrainedModel) -> nn.Module:
        """The backbone with what the method adds, its trainable parameters and no others marked.

        Works on the meta device too. Raises ConfigError where the method is not defined for the
        model or an option does not fit it.
        """

    def optimizer(self, model: nn.Module, recipe: TrainConfig) -> Optimizer:
        """What updates the trainable parameters of a task model: `backbone` adapted, and `head`."""
        return optimizer_for(model, recipe)

    @abstractmethod
    def stored(self, adapted: nn.Module) -> dict[str, Tensor]:
        """What `save` writes, by name: the tensors of its one safetensors file; none, no file.

        Works on the meta device too.
        """

    def file_bytes(self, adapted: nn.Module) -> int:
        """The length of the file that `save` would write; works on the meta device too."""
        stored = self.stored(adapted)
        return file_size(stored, METADATA) if stored else 0

    @abstractmethod
    def save(self, adapted: nn.Module, folder: Path) -> None:
        """Write what `restore` needs beside the base, and no more, into `folder` as safetensors."""

    @abstractmethod
    def restore(self, backbone: PreTrainedModel, folder: Path) -> nn.Module:
        """The adapted model for inference from a fresh backbone and what `save` wrote."""

    def outline_for_inference(self, backbone: PreTrainedModel) -> nn.Module:
        """The structure that `restore` gives, from a backbone without weights."""
        return self.adapt(backbone).requires_grad_(False)

    @abstractmethod
    def merge(self, adapted: nn.Module) -> nn.Module:
        """The base architecture with the update in its weights; consumes `adapted`.

        Raises NotMergeable with the reason.
        """

    def switched_off(self, adapted: nn.Module) -> AbstractContextManager[None]:
        """Inside of it `adapted` computes what the base does; raises NotSwitchable."""
        raise NotSwitchable("the method has no switch")

    def after_prompt(self, adapted: nn.Module) -> nn.Module:
        """What reads tokens that follow those in the cache, nothing put before them again."""
        return adapted

    def serve(self, adapted: nn.Module) -> Adapters:
        """`adapted` as the first of several adapters on its base; raises NotServable."""
        raise NotServable(f"{self.config.name} says of no tensors that an adapter is made of them")


def load_method(config: MethodConfig, sources: Sequence[Trained] = ()) -> Method:
    """The method that a config names; raises ConfigError if there is no such class."""
    module, _, name = config.implementation.partition(":")
    expected = "must be module:Class of a harness.methods.Method"
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            "method.implementation", config.implementation, f"{expected} ({error})"
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Method)):
        raise ConfigError("method.implementation", config.implementation, expected)
    return kind(config, sources)
