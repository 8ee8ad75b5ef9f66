"""What merging an adapter into the weights changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


def max_abs_difference(
    unmerged: Model, merged: Model, logits: Callable[[Model], torch.Tensor]
) -> float:
    """How far the logits of one batch are apart at most.

    Differences are taken in float64; logits that are not finite give one that is not finite either.
    """
    with torch.inference_mode():
        one, other = (logits(model.eval()).double() for model in (unmerged, merged))
    return (one - other).abs().max().item()
