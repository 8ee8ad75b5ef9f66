"""Several adapters of one method on one base, which take turns or share a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

from harness.errors import HarnessError

# What sets further adapters apart from the trained one: enough to tell whose answer is whose.
STEP = 0.02


class NotServable(HarnessError):
    """A method, or a batch, that adapters on one base do not serve; the message is the reason."""


# How libraries refuse a second adapter, or a batch for several.
REFUSALS = (
    NotServable, AttributeError, KeyError, NotImplementedError, TypeError, ValueError,
)  # fmt: skip


def told(error: Exception) -> str:
    """A refusal in one line."""
    text = str(error).partition("\n")[0]
    return text if isinstance(error, NotServable) else f"{type(error).__name__}: {text}"


class Adapters(ABC):
    """An adapted backbone as adapter 0, and others beside it that `add` makes.

    `versions` are the tensors that belong to each adapter alone, in an order that all share.
    """

    def __init__(self, model: nn.Module, first: list[Tensor]) -> None:
        self.model = model
        self.versions = [first]

    @property
    def count(self) -> int:
        return len(self.versions)

    @abstractmethod
    def switch(self, number: int) -> None:
        """Let this adapter answer from now on."""

    @abstractmethod
    def mixed(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Arguments of a batch whose i-th request is for adapter `numbers[i]`.

        Raises NotServable where the weights of one adapter at a time are in place.
        """

    @abstractmethod
    def make(self) -> list[Tensor]:
        """The tensors of one more adapter, whatever their numbers; raises NotServable."""

    def add(self) -> None:
        """One more adapter, with tensors of its own and numbers near those of adapter 0."""
        made = self.make()
        _write(made, self.versions[0], self.count)
        self.versions.append(made)

    def become(self, number: int) -> None:
        """Give adapter 0 the numbers that `add` gives to the adapter of this number."""
        _write(self.versions[0], self.versions[0], number)
        self.switch(0)

    def tensors(self) -> Iterator[Tensor]:
        """What is held for the adapters, be it in the model or beside it."""
        return (tensor for version in self.versions for tensor in version)


class PeftAdapters(Adapters):
    """Adapters under names of their own in one model of peft's."""

    def __init__(self, model: PeftModel) -> None:
        self.peft = model
        self.names = [str(model.active_adapter)]
        super().__init__(model, self._under(self.names[0]))

    def switch(self, number: int) -> None:
        self.peft.set_adapter(self.names[number], inference_mode=True)

    def mixed(self, numbers: Sequence[int]) -> dict[str, Any]:
        return {"adapter_names": [self.names[number] for number in numbers]}

    def make(self) -> list[Tensor]:
        name = f"task{self.count}"
        config = deepcopy(self.peft.peft_config[self.names[0]])
        try:
            # The numbers are written later; load_adapter would read the same file every time.
            self.peft.add_adapter(name, config)
        except REFUSALS as error:
            raise NotServable(f"peft adds no second adapter: {told(error)}") from error
        self.peft.eval()
        self.names.append(name)
        return self._under(name)

    def _under(self, name: str) -> list[Tensor]:
        own = [p for path, p in self.peft.named_parameters() if name in path.split(".")]
        if not own:
            raise NotServable("peft keeps no parameters of it under an adapter's name")
        return list(own)


class StoredTensors(Adapters):
    """Versions of some of the model's own parameters: a switch points them at another's numbers."""

    def __init__(self, model: nn.Module, names: Collection[str]) -> None:
        self.live = [p for name, p in model.named_parameters() if name in names]
        if not self.live:
            raise NotServable("it leaves the whole backbone as it was: there is nothing to switch")
        super().__init__(model, [parameter.data for parameter in self.live])

    def switch(self, number: int) -> None:
        for parameter, tensor in zip(self.live, self.versions[number], strict=True):
            parameter.data = tensor

    def mixed(self, numbers: Sequence[int]) -> dict[str, Any]:
        raise NotServable("trained in place: the weights of one adapter at a time are in the model")

    def make(self) -> list[Tensor]:
        return [torch.empty_like(tensor) for tensor in self.versions[0]]


def _write(to: Sequence[Tensor], start: Sequence[Tensor], number: int) -> None:
    """Give `to` the numbers of `start`, disturbed in a way that depends on `number` alone."""
    generator = torch.Generator().manual_seed(number)
    for target, source in zip(to, start, strict=True):
        moved = source.data.clone()
        if moved.is_floating_point():
            moved += STEP * torch.randn(moved.shape, generator=generator).to(moved)
        target.data = moved
