"""How many parameters there are, and how many of them are trained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from harness.measure.quantised import numbers


@dataclass(frozen=True)
class Parameters:
    """Counts of single numbers. `trainable` is `adapter` plus `head`; `share` is of `total`."""

    trainable: int
    adapter: int
    head: int
    total: int
    share: float


def count(model: nn.Module, head: nn.Module) -> Parameters:
    """Parameters of `model`, those that are trained in its `head` counted apart.

    The head is a part of the model. A weight in four bits is a parameter as any other. What
    several parameters share in memory counts once. Call it after the optimizer is built: what is
    frozen is settled then.
    """
    trainable = _numbers(p for p in model.parameters() if p.requires_grad)
    in_head = _numbers(p for p in head.parameters() if p.requires_grad)
    total = _numbers(model.parameters())
    return Parameters(trainable, trainable - in_head, in_head, total, trainable / total)


def _numbers(parameters: Iterable[nn.Parameter]) -> int:
    distinct = {
        (p.untyped_storage()._cdata, p.storage_offset(), p.numel()): numbers(p) for p in parameters
    }
    return sum(distinct.values())
