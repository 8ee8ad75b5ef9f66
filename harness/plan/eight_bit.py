"""Optimizers of fake parameters, those with states of eight bits among them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.optim import Optimizer


def fake_optimizer(make: Callable[[], Optimizer]) -> Optimizer:
    """What `make` returns for fake parameters, ready to step; call it under FakeTensorMode.

    bitsandbytes computes the values that eight bits stand for as an optimizer is made, which takes
    numbers (Dettmers et al. 2022, arXiv 2110.02861). Its states and steps need none.
    """
    with unset_fake_temporarily():
        optimizer = make()
    tables: dict[str, torch.Tensor] = getattr(optimizer, "name2qmap", {})
    for name, table in tables.items():
        tables[name] = torch.empty(table.shape, dtype=table.dtype)
    return optimizer
