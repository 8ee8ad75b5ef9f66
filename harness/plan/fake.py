"""Tensors that have a shape, a type and a size in bytes, but no numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.plan.quantised import replace_constants


def materialise(model: nn.Module) -> None:
    """Give a model on the meta device fake tensors on the CPU in place of its own.

    Call it under FakeTensorMode. Tensors that are tied stay tied; a view of a part becomes as long
    as that part, as it does when a model moves to another device. Methods also keep tensors that
    are neither parameters nor buffers, such as the places of the weights that they train, and some
    make theirs on the CPU in any case.
    """
    made: dict[int, tuple[Tensor, Tensor]] = {}

    def fake(tensor: Tensor) -> Tensor:
        # The original is kept as well: its id must not go to another one meanwhile.
        if id(tensor) not in made:
            made[id(tensor)] = tensor, _fake(tensor)
        return made[id(tensor)][1]

    for module in model.modules():
        own = vars(module)
        for held in (own, *(each for each in own.values() if type(each) is dict)):
            for name, tensor in held.items():
                if isinstance(tensor, Tensor):
                    new = fake(tensor)
                    replace_constants(tensor, new, fake)
                    held[name] = new


def _fake(tensor: Tensor) -> Tensor:
    new = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cpu")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(new, tensor.requires_grad)
    return new
