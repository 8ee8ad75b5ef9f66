"""Answers to programs that ask fake tensors for their numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
ANY = "_whether_any"  # marks the fake tensor that answers it


class StandIns(TorchDispatchMode):
    """Lets a pass go on where it reads what fake tensors do not have.

    A truth that is asked for is true, and whether any of several is, is not: what checks numbers
    finds them in order, and what drops a layer by chance keeps it. Any other number is 0, such as
    the one task of several that is known to be there. A mask picks all that it could, which is the
    most memory that it can take. Enter it inside FakeTensorMode, and outside of a ledger, which
    then sees of these operations what it sees of real ones.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is aten._local_scalar_dense.default:
            try:
                return func(*args)
            except DataDependentOutputException:
                return args[0].dtype is torch.bool and not hasattr(args[0], ANY)
        if func.overloadpacket is aten.any:
            found = func(*args, **(kwargs or {}))
            setattr(found, ANY, True)
            return found
        if func is aten.sparse_mask.default and isinstance(args[0], FakeTensor):
            return _sparse_mask(*args)
        if func.overloadpacket in (aten.index, aten.index_put, aten.index_put_):
            self_, indices, *others = args
            args = (self_, [place for index in indices for place in _places(index)], *others)
        return func(*args, **(kwargs or {}))


def _sparse_mask(dense: Tensor, mask: Tensor) -> Tensor:
    """The numbers of `dense` at the places of `mask`; without numbers, torch forgets how many."""
    values = dense.new_empty(mask._values().shape)
    return torch.sparse_coo_tensor(mask._indices(), values, mask.shape, is_coalesced=True)


def _places(index: Tensor | None) -> list[Tensor | None]:
    """A mask as the places that it picks, by dimension; other indices as they are."""
    if not isinstance(index, FakeTensor) or index.dtype is not torch.bool:
        return [index]
    return [index.new_empty(index.numel(), dtype=torch.long) for _ in index.shape]
