"""Where weights lie in memory, taken out of comparisons of latency."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def leave_file(model: nn.Module) -> None:
    """Move the parameters from the file that they were mapped from into memory of their own.

    A model that was merged has left the file already, and the same model was seen to be 2%
    slower or faster for where its weights lie.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()


def share_weights(base: nn.Module, others: Iterable[nn.Module]) -> None:
    """Let every parameter that equals one of the base's lie where the base's lies.

    Two copies of one model differ in speed by up to 1%, for as long as the process lives, since
    their weights lie on different pages: no number of rounds averages that out. Sharing leaves
    up to 0.5%, which the interval of one process does not hold. Models that share are for
    reading only; a weight written in one changes in all.
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
