"""What merging an adapter into the weights changes, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

Logits = Callable[[nn.Module], torch.Tensor]


@dataclass(frozen=True)
class Merged:
    model: nn.Module
    max_abs_logit_difference: float
    seconds: float


def merge(unmerged: nn.Module, make: Callable[[], nn.Module], logits: Logits) -> Merged:
    """The merged model, how far its logits on one batch are from the unmerged ones, the time.

    The unmerged logits are taken first, so that `make` may merge in place. Differences are
    taken in float64; logits that are not finite give one that is not finite either.
    """
    before = _evaluated(unmerged, logits)
    start = time.perf_counter()
    merged = make()
    seconds = time.perf_counter() - start
    difference = (_evaluated(merged, logits) - before).abs().max().item()
    return Merged(merged, difference, seconds)


def _evaluated(model: nn.Module, logits: Logits) -> torch.Tensor:
    model.eval()
    with torch.inference_mode():
        return logits(model).double()
