"""Where weights lie in memory, taken out of comparisons of latency."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from random import Random
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)


def anew(models: Mapping[str, Model], generator: Random) -> dict[str, Model]:
    """Copies of models, made in an order that is drawn: the same models in another place.

    Two copies of one model differ in speed by up to 1%, for as long as they live, since their
    weights and modules lie on different pages: no number of rounds averages that out, and the
    interval of these rounds does not hold it. Copied anew now and then, they differ by chance.
    Weights that were mapped from a file leave it too; a model that was merged has left it
    already, and was seen to be 2% slower or faster for that. Tables of embeddings stay where
    they are: a request reads a few rows of them, and copying them would take the longest.
    """
    names = list(models)
    generator.shuffle(names)
    copies = {name: copy.deepcopy(models[name], _tables(models[name])) for name in names}
    return {name: copies[name] for name in models}


def _tables(model: nn.Module) -> dict[int, Tensor]:
    """The weights of embeddings as `deepcopy` wants to know what it need not copy."""
    tables = (module.weight for module in model.modules() if isinstance(module, nn.Embedding))
    return {id(table): table for table in tables}


class Places(Generic[Model]):
    """Where models lie while they are timed against each other.

    On a CPU that is drawn anew whenever `models` is called. Elsewhere it matters little, and
    memory is short: the models stay where they are and share the weights that are equal.
    """

    def __init__(self, models: Mapping[str, Model], device: str, seed: int) -> None:
        """The first of the models is the base."""
        self._models = dict(models)
        self._generator = Random(seed)
        self.renew = device == "cpu"
        if not self.renew:
            base, *others = self._models.values()
            share_weights(base, others)

    def models(self) -> dict[str, Model]:
        return anew(self._models, self._generator) if self.renew else self._models


def leave_file(model: nn.Module) -> None:
    """Move the parameters from the file that they were mapped from into memory of their own."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()


def share_weights(base: nn.Module, others: Iterable[nn.Module]) -> None:
    """Let every parameter that equals one of the base's lie where the base's lies.

    For devices whose memory is short. Models that share are for reading only; a weight written
    in one changes in all.
    """
    for other in others:
        left = list(base.parameters())
        for parameter in other.parameters():
            # Models keep their parameters in order, so that the twin is nearly always the first.
            twin = next((i for i, kept in enumerate(left) if _same(kept, parameter)), None)
            if twin is not None:
                parameter.data = left.pop(twin).data


def _same(one: nn.Parameter, other: nn.Parameter) -> bool:
    return (
        one.dtype == other.dtype
        and one.device == other.device
        and one.stride() == other.stride()
        and torch.equal(one, other)
    )
