"""Tensors that have a shape, a type and a size in bytes, but no numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.plan.quantised import replace_constants


def materialise(model: nn.Module) -> None:
    """Give a model on the meta device fake tensors on the CPU in place of its own.

    Call it under FakeTensorMode. Tensors that are tied stay tied, and those that share a storage
    share one. Methods also keep tensors that are neither parameters nor buffers, such as the
    places of the weights that they train, and some make theirs on the CPU in any case.
    """
    made: dict[int, tuple[Tensor, Tensor]] = {}
    storages: dict[int, Tensor] = {}

    def fake(tensor: Tensor) -> Tensor:
        # The original is kept as well: its id must not go to another one meanwhile.
        if id(tensor) not in made:
            made[id(tensor)] = tensor, _fake(tensor, storages)
        return made[id(tensor)][1]

    for module in model.modules():
        own = vars(module)
        for held in (own, *(each for each in own.values() if type(each) is dict)):
            for name, tensor in held.items():
                if isinstance(tensor, Tensor):
                    new = fake(tensor)
                    replace_constants(tensor, new, fake)
                    held[name] = new


def _fake(tensor: Tensor, storages: dict[int, Tensor]) -> Tensor:
    storage: Any = tensor.untyped_storage()
    if storage._cdata not in storages:
        length = storage.nbytes() // tensor.itemsize
        storages[storage._cdata] = torch.empty(length, dtype=tensor.dtype, device="cpu")
    whole = storages[storage._cdata].view(tensor.dtype)
    new = whole.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(new, tensor.requires_grad)
    return new
