"""A fully sharded training run as one of its devices sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch.distributed
from torch import nn
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.distributed.device_mesh import init_device_mesh

from harness.sharding import cut


@contextmanager
def sharded(model: nn.Module, units: Iterable[nn.Module], devices: int) -> Iterator[None]:
    """Cut `model` into the shards of `devices` and leave it with those of the first.

    torch's own FSDP2 does it, which is ZeRO-3 (Rajbhandari et al. 2020, arXiv 1910.02054, section
    5.3): frozen weights, trained weights, gradients and the optimizer's state are cut into one
    piece per device. Each of the `units`, the layers of a transformer and the head, is gathered for
    the time of its forward and of its backward pass; all that is outside of them is one more unit,
    and stays gathered from its forward pass to its backward pass. The first device's pieces are the
    largest, where a length does not divide. Batches are those of one device.

    The group's other devices do not exist and nothing is sent, so that only sizes are right: of
    use on fake tensors. Call it under FakeTensorMode, on a model whose tensors are all made; take
    the optimizer's parameters from the model after it; and take the steps inside.

    What is gathered for a moment, weights and gradients, a ledger counts with the activations.
    """
    torch.distributed.init_process_group("fake", rank=0, world_size=devices)
    try:
        with unset_fake_temporarily():  # the mesh reads its devices' numbers
            mesh = init_device_mesh("cpu", (devices,))
        cut(model, units, mesh)
        yield
    finally:
        torch.distributed.destroy_process_group()
