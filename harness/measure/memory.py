"""Memory peaks of loading, training and inference, each in passes of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

import torch
from torch import nn

from harness.measure.device import Device
from harness.measure.live_tensors import LiveTensors, Peak
from harness.measure.quantised import constants

T = TypeVar("T")


@dataclass(frozen=True)
class Memory:
    """Bytes of one phase at their highest; None is not known. The parts add up to allocated."""

    allocated_peak: int | None
    reserved_peak: int | None
    process_peak: int | None
    source: str
    weights: int | None = None
    gradients: int | None = None
    optimizer: int | None = None
    activations: int | None = None
    alloc_retries: int | None = None
    """Times that the device's allocator had to empty its cache: the pass nearly ran out."""


def training(
    device: Device,
    step: Callable[[], object],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int = 2,
) -> Memory:
    """Peak of `steps` calls of `step`: forward, backward, optimizer step and clearing of gradients.

    The steps are real and change the weights. It takes two for the optimizer's state, which the
    first step makes, to be there during a backward pass.
    """
    memory = _process_pass(device, lambda: [step() for _ in range(steps)])
    return _split(memory, training_peak(step, model, optimizer, steps))


def inference(device: Device, call: Callable[[], object], model: nn.Module) -> Memory:
    """Peak of one call under inference mode."""
    with torch.inference_mode():
        memory = _process_pass(device, call)
    return _split(memory, inference_peak(call, model))


def load(device: Device, make: Callable[[], T]) -> tuple[T, Memory]:
    """What `make` returns, and the peak of making it.

    On a CPU that is the process's mark alone: loaders map files and use threads of their own,
    where tensors cannot be followed.
    """
    made: list[T] = []
    memory = _process_pass(device, lambda: made.append(make()))
    if memory.allocated_peak is None:
        memory = replace(memory, source="process high-water mark")
    return made[0], memory


def training_peak(
    step: Callable[[], object],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int = 2,
) -> Peak:
    """Live tensor bytes of `steps` calls of `step` when most are alive, by parts.

    Follows the thread that calls, which on a CPU is also where backward runs.
    """
    live = LiveTensors()
    follow_training(live, step, model, optimizer, steps)
    return live.peak()


def follow_training(
    live: LiveTensors,
    step: Callable[[], object],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int = 2,
) -> None:
    """Enter `steps` calls of `step` into the ledger, and say what the tensors in it are."""
    _label_weights(live, model)
    live.label(_state(optimizer), "optimizer")
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    live.label((p.grad for p in trained if p.grad is not None), "gradients")

    def label_gradient(parameter: torch.Tensor) -> None:
        if parameter.grad is not None:
            live.label([parameter.grad], "gradients")

    hooks = [p.register_post_accumulate_grad_hook(label_gradient) for p in trained]
    try:
        with live:
            for _ in range(steps):
                step()
    finally:
        for hook in hooks:
            hook.remove()
    live.label(_state(optimizer), "optimizer")


def inference_peak(call: Callable[[], object], model: nn.Module) -> Peak:
    """Live tensor bytes of one call under inference mode when most are alive."""
    live = LiveTensors()
    follow_inference(live, call, model)
    return live.peak()


def follow_inference(live: LiveTensors, call: Callable[[], object], model: nn.Module) -> None:
    """Enter one call under inference mode into the ledger."""
    _label_weights(live, model)
    with torch.inference_mode(), live:
        call()


def _label_weights(live: LiveTensors, model: nn.Module) -> None:
    unpacking = (tensor for parameter in model.parameters() for tensor in constants(parameter))
    live.label(chain(model.parameters(), model.buffers(), unpacking), "weights")


def _state(optimizer: torch.optim.Optimizer) -> Iterator[torch.Tensor]:
    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, torch.Tensor))


def _process_pass(device: Device, call: Callable[[], object]) -> Memory:
    device.reset_peaks()
    call()
    peaks = device.peaks()
    return Memory(
        peaks.allocated,
        peaks.reserved,
        peaks.process,
        device.source,
        alloc_retries=peaks.alloc_retries,
    )


def _split(memory: Memory, live: Peak) -> Memory:
    # A device's allocator also holds what no tensor owns and rounds sizes up: the difference
    # counts with the activations, so that the parts add up to what the allocator says.
    allocated = live.total if memory.allocated_peak is None else memory.allocated_peak
    return replace(
        memory,
        allocated_peak=allocated,
        weights=live.weights,
        gradients=live.gradients,
        optimizer=live.optimizer,
        activations=allocated - live.weights - live.gradients - live.optimizer,
    )
