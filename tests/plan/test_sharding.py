"""Shards against the sizes that ZeRO-3 and torch's description of FSDP2 give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from harness.measure.live_tensors import LiveTensors, Peak
from harness.measure.memory import follow_training
from harness.methods.anatomy import layers
from harness.plan.fake import materialise
from harness.plan.sharding import sharded
from harness.training import update
from tests import backbones

WIDTH = 64
LAYER = WIDTH * WIDTH * 4  # bytes of a layer's weights
COUNTER = 4  # bytes of AdamW's count of steps, which each device keeps for each parameter


def stack(depth: int, trained: int, outside: bool) -> nn.Sequential:
    """Linear layers without biases, of which the last `trained` are; one more is no unit."""
    with torch.device("meta"):
        maps = [nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(depth)]
        if outside:
            maps.append(nn.Linear(WIDTH, WIDTH, bias=False))
    for each in maps[: depth - trained]:
        each.requires_grad_(False)
    return nn.Sequential(*maps)


def parts(
    model: nn.Module, units: Sequence[nn.Module], devices: int, call: Callable[[], torch.Tensor]
) -> dict[str, Peak]:
    """The peaks of a second step's forward pass, backward pass and update."""
    live = LiveTensors()

    def step() -> None:
        live.mark("forward")
        loss = call()
        live.mark("backward")
        loss.backward()
        live.mark("update")
        update(optimizer, clip=1.0)

    with FakeTensorMode():
        materialise(model)
        with sharded(model, units, devices):
            trained = [p for p in model.parameters() if p.requires_grad]
            optimizer = torch.optim.AdamW(trained, foreach=True)
            follow_training(live, step, model, optimizer)
    return dict(live.sections())  # those of the second step replace those of the first


def of_stack(
    depth: int, devices: int, trained: int | None = None, outside: bool = False
) -> dict[str, Peak]:
    model = stack(depth, depth if trained is None else trained, outside)
    return parts(model, list(model)[:depth], devices, lambda: model(torch.zeros(1, WIDTH)).sum())


@pytest.mark.parametrize("devices", [2, 8])
def test_weights_gradients_and_state_are_cut_into_as_many_pieces_as_devices(devices: int) -> None:
    found = of_stack(16, devices)["update"]
    assert found.weights == found.gradients == 16 * LAYER // devices
    assert found.optimizer == 2 * 16 * LAYER // devices + 16 * COUNTER


def test_frozen_weights_are_cut_as_well() -> None:
    found = of_stack(16, 4, trained=1)["update"]
    assert found.weights == 16 * LAYER // 4
    assert found.gradients == LAYER // 4


def test_what_is_gathered_at_once_depends_neither_on_the_depth_nor_on_the_devices() -> None:
    # Never more than the layer at work, the one before or after it, their copies in transit and
    # a gradient on its way out.
    small, deep, wide = of_stack(6, 4), of_stack(16, 4), of_stack(6, 8)
    for section, bound in (("forward", 3), ("backward", 4)):
        gathered = [found[section].activations / LAYER for found in (small, deep, wide)]
        assert gathered == pytest.approx([bound] * 3, abs=0.5)


def test_what_is_in_no_unit_stays_gathered() -> None:
    with_head = of_stack(8, 4, outside=True)["forward"]
    without = of_stack(8, 4)["forward"]
    assert with_head.activations - without.activations == pytest.approx(LAYER, rel=0.05)


def test_one_device_holds_the_whole_and_a_copy_of_the_layer_at_work() -> None:
    found = of_stack(16, 1)
    assert found["update"].weights == found["update"].gradients == 16 * LAYER
    forward = found["forward"]
    held = forward.weights + forward.optimizer
    assert held == 3 * 16 * LAYER + 16 * COUNTER
    assert forward.total - held == pytest.approx(LAYER, rel=0.3)  # and the states of one text


@pytest.mark.parametrize("method", ["lora", "ia3", "full"])
def test_tensors_are_cut_by_their_first_dimension(
    method: str, method_of: Callable[..., Any]
) -> None:
    backbone = backbones.build("llama").to("meta")
    units = [backbone.get_submodule(layer.path) for layer in layers(backbone)]
    model = method_of(method).adapt(backbone)

    def piece(parameter: nn.Parameter, devices: int) -> int:
        rows = -(-len(parameter) // devices)  # one row, as IA3 has, stays whole with the first
        return rows * parameter[0].numel() * parameter.element_size()

    pieces = {p: piece(p, 3) for p in model.parameters()}

    def call() -> torch.Tensor:
        ids = torch.zeros(2, 9, dtype=torch.long)
        states: torch.Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids))[0]
        return states.square().mean()

    buffers = sum(buffer.nbytes for buffer in model.buffers())
    trained = sum(size for p, size in pieces.items() if p.requires_grad)
    found = parts(model, units, 3, call)["update"]
    assert found.weights == sum(pieces.values()) + buffers
    assert found.gradients == trained
