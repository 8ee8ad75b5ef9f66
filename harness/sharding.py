"""One model over several devices: its weights in shards, its batches in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, Partial, Shard

from harness.errors import ConfigError
from harness.models import TaskModel
from harness.own_head import OwnHead


class SpreadTaskModel(TaskModel):
    """A task model over the ranks of a group: called by all with the same batch, it gives all of
    them the logits of the whole of it.

    Each computes rows of its own, so that what calls the model needs not know of the others: the
    loss, the order of the batches and what is counted are those of one device. Where rows do not
    divide, the last one is computed more than once, and what it gave is dropped.
    """

    def __init__(self, model: TaskModel, mesh: DeviceMesh) -> None:
        super().__init__(model.backbone, model.head, model.pooling)
        if isinstance(model.head, OwnHead):
            expected = "must be 1 where texts are said: not yet known to work in pieces"
            raise ConfigError("train.devices", mesh.size(), expected)
        self._mesh = mesh

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **named: Any) -> Tensor:
        assert not named, "what else a backbone takes may be no rows"
        texts, ranks = len(input_ids), self._mesh.size()
        each = -(-texts // ranks)
        rows = torch.arange(each, device=input_ids.device) + each * self._mesh.get_local_rank()
        rows = rows.clamp(max=texts - 1)
        own = super().forward(input_ids[rows], attention_mask[rows])
        # Of the gradients of all ranks the mean is taken, so that each one's counts as a summand.
        spread = DTensor.from_local(own, self._mesh, [Shard(0)])
        # A view may not carry what calls the backward pass: FSDP warns of one.
        return spread.full_tensor(grad_placements=[Partial()])[:texts].clone()

    def trained(self) -> dict[str, Tensor]:
        """The whole of every trained parameter by name, on the CPU; all ranks ask for it."""
        for module in self.modules():
            if isinstance(module, FSDPModule):
                module.reshard()  # a pass without gradients leaves the outermost pieces gathered
        trained = {n: p for n, p in self.named_parameters() if p.requires_grad}
        return {name: _whole(parameter).cpu() for name, parameter in trained.items()}


def spread(
    build: Callable[[], TaskModel], layers: Sequence[str], device: str, seed: int
) -> SpreadTaskModel:
    """This rank's share of the model that `build` gives on the CPU; `layers` are paths in its base.

    The ranks build it one after the other, so that the host holds it whole but once. What is
    dropped by chance is drawn by each rank for its own rows.
    """
    mesh = init_device_mesh(device, (distributed.get_world_size(),))
    rank = distributed.get_rank()
    for turn in range(mesh.size()):
        if turn == rank:
            model = SpreadTaskModel(build(), mesh)
            # What is trained and gathered together has to be of one dtype: the head is in float32.
            cut(model, [*apart(model.backbone, layers, mesh.size()), model.head], mesh)
        distributed.barrier()
    torch.manual_seed(seed * mesh.size() + rank)
    return model


def apart(adapted: nn.Module, layers: Sequence[str], devices: int) -> list[nn.Module]:
    """The layers of an adapted base, by their paths in the base.

    Raises ConfigError where two have a weight in common, of which each would train a copy.
    """
    base = getattr(adapted, "get_base_model", lambda: adapted)()
    found = [base.get_submodule(path) for path in layers]
    held: dict[int, str] = {}
    for path, layer in zip(layers, found, strict=True):
        for name, parameter in layer.named_parameters():
            other = held.setdefault(id(parameter), path)
            if other != path:
                expected = f"must be 1: {other} and {path} have one weight in common, {name}"
                raise ConfigError("train.devices", devices, expected)
    return found


def cut(model: nn.Module, units: Iterable[nn.Module], mesh: DeviceMesh) -> None:
    """Leave of every parameter this rank's piece in its place.

    Each of the `units` is gathered by itself for a pass, and all that is outside of them together.
    """
    for unit in (*units, model):
        fully_shard(unit, mesh=mesh)


def _whole(parameter: nn.Parameter) -> Tensor:
    assert isinstance(parameter, DTensor)
    return parameter.full_tensor()
