"""Parameters that are packed, several numbers to a byte, as bitsandbytes stores them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn


def numbers(parameter: nn.Parameter) -> int:
    """How many weights a parameter stands for: more than its elements where it is packed."""
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else state.shape.numel()


def constants(parameter: nn.Parameter) -> Iterator[Tensor]:
    """The tensors that a packed parameter is unpacked with, themselves quantised or not."""
    yield from _tensors(getattr(parameter, "quant_state", None))


def _tensors(state: Any) -> Iterator[Tensor]:
    if state is not None:
        # Which of them there are depends on nesting, and on how a CPU has packed the weight.
        held = (getattr(state, name, None) for name in ("absmax", "code", "offset"))
        yield from (tensor for tensor in held if isinstance(tensor, Tensor))
        yield from _tensors(getattr(state, "state2", None))
