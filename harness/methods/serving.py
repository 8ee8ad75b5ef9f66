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
    """An adapted backbone as adapter 0, and others beside it that `add` makes."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.count = 1

    @abstractmethod
    def own(self, number: int) -> list[Tensor]:
        """The tensors that belong to one adapter alone, in an order that all adapters share."""

    @abstractmethod
    def switch(self, number: int) -> None:
        """Let this adapter answer from now on."""

    @abstractmethod
    def mixed(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Arguments of a batch whose i-th request is for adapter `numbers[i]`.

        Raises NotServable where the weights of one adapter at a time are in place.
        """

    @abstractmethod
    def kept(self) -> Iterator[Tensor]:
        """What is held for adapters outside of the model."""

    @abstractmethod
    def _make(self) -> None:
        """Make room for the tensors of one more."""

    def add(self) -> None:
        """One more adapter, with tensors of its own and numbers near those of adapter 0."""
        self._make()
        self.count += 1
        _write(self.own(self.count - 1), self.own(0), self.count - 1)

    def become(self, number: int) -> None:
        """Give adapter 0 the numbers that `add` gives to the adapter of this number."""
        _write(self.own(0), self.own(0), number)
        self.switch(0)


class PeftAdapters(Adapters):
    """Adapters under names of their own in one model of peft's."""

    def __init__(self, model: PeftModel) -> None:
        super().__init__(model)
        self.peft = model
        self.first = str(model.active_adapter)
        if not self.own(0):
            raise NotServable("peft keeps no parameters of it under an adapter's name")

    def own(self, number: int) -> list[Tensor]:
        name = self.name(number)
        return [p for path, p in self.peft.named_parameters() if name in path.split(".")]

    def switch(self, number: int) -> None:
        self.peft.set_adapter(self.name(number), inference_mode=True)

    def mixed(self, numbers: Sequence[int]) -> dict[str, Any]:
        return {"adapter_names": [self.name(number) for number in numbers]}

    def kept(self) -> Iterator[Tensor]:
        return iter(())

    def name(self, number: int) -> str:
        return f"task{number}" if number else self.first

    def _make(self) -> None:
        # The tensors are written after it; load_adapter would read the same file every time.
        config = deepcopy(self.peft.peft_config[self.first])
        try:
            self.peft.add_adapter(self.name(self.count), config)
        except REFUSALS as error:
            raise NotServable(f"peft adds no second adapter: {told(error)}") from error
        self.peft.eval()


class StoredTensors(Adapters):
    """Versions of some of the model's own parameters: a switch points them at another's numbers."""

    def __init__(self, model: nn.Module, names: Collection[str]) -> None:
        super().__init__(model)
        self.live = [p for name, p in model.named_parameters() if name in names]
        if not self.live:
            raise NotServable("it leaves the whole backbone as it was: there is nothing to switch")
        self.versions: list[list[Tensor]] = [[parameter.data for parameter in self.live]]

    def own(self, number: int) -> list[Tensor]:
        return self.versions[number]

    def switch(self, number: int) -> None:
        for parameter, tensor in zip(self.live, self.versions[number], strict=True):
            parameter.data = tensor

    def mixed(self, numbers: Sequence[int]) -> dict[str, Any]:
        raise NotServable("trained in place: the weights of one adapter at a time are in the model")

    def kept(self) -> Iterator[Tensor]:
        return (tensor for version in self.versions for tensor in version)

    def _make(self) -> None:
        self.versions.append([torch.empty_like(tensor) for tensor in self.versions[0]])


def _write(to: Sequence[Tensor], start: Sequence[Tensor], number: int) -> None:
    """Give `to` the numbers of `start`, disturbed in a way that depends on `number` alone."""
    generator = torch.Generator().manual_seed(number)
    for target, source in zip(to, start, strict=True):
        moved = source.data.clone()
        if moved.is_floating_point():
            moved += STEP * torch.randn(moved.shape, generator=generator).to(moved)
        target.data = moved
