"""Fake tensors in place of those of a model that has none."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def materialise(model: nn.Module) -> None:
    """Give a model on the meta device fake tensors on the CPU in place of its own.

    To be called under torch's FakeTensorMode. Building and adapting a model under that mode would
    be simpler, but peft moves tensors between devices in ways that the mode refuses. Parameters
    that are one stay one.
    """
    made: dict[int, Tensor] = {}

    def fake(tensor: Tensor) -> Tensor:
        if id(tensor) not in made:
            new = torch.empty_strided(
                tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cpu"
            )
            is_parameter = isinstance(tensor, nn.Parameter)
            made[id(tensor)] = nn.Parameter(new, tensor.requires_grad) if is_parameter else new
        return made[id(tensor)]

    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    tensors[name] = fake(tensor)  # type: ignore[assignment]
