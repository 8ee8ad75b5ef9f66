"""The states of bitsandbytes' AdamW, planned and real."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from harness.measure.memory import Peak, training_peak
from harness.plan.eight_bit import fake_optimizer
from harness.plan.fake import materialise
from harness.training import update

needs_bitsandbytes = pytest.mark.skipif(
    find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)

TABLES = 2 * 256 * 4  # what a byte stands for, once with a sign and once without, in float32


def layers() -> nn.Module:
    """Weights of 8192 and 4992 numbers, and biases of fewer than 4096."""
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 39))


def peak(model: nn.Module, optimizer: torch.optim.Optimizer) -> Peak:
    inputs = torch.zeros(3, 64)

    def step() -> None:
        model(inputs).sum().backward()
        update(optimizer, clip=1.0)

    return training_peak(step, model, optimizer)


def planned(kind: type[torch.optim.Optimizer]) -> tuple[Peak, torch.optim.Optimizer]:
    with torch.device("meta"):
        model = layers()
    with FakeTensorMode():
        materialise(model)
        optimizer = fake_optimizer(lambda: kind(model.parameters(), lr=1e-3))
        return peak(model, optimizer), optimizer


@needs_bitsandbytes
class TestAdamW8bit:
    def test_a_planned_step_peaks_as_a_real_one(self) -> None:
        from bitsandbytes.optim import AdamW8bit

        model = layers()
        real = peak(model, AdamW8bit(model.parameters(), lr=1e-3))
        assert planned(AdamW8bit)[0] == real

    def test_states_take_a_byte_a_number_and_a_constant_for_256(self) -> None:
        from bitsandbytes.optim import AdamW8bit

        found, optimizer = planned(AdamW8bit)
        large = 64 * 128, 128 * 39
        blocks = 64 * 128 // 256, 20  # the last of 128 * 39 / 256 = 19.5 is half full
        small = 128 + 39
        closed = 2 * (sum(large) + 4 * sum(blocks) + 4 * small) + TABLES
        assert found.optimizer == closed
        for state in optimizer.state.values():
            assert all(isinstance(v, FakeTensor) for k, v in state.items() if k != "step")


def test_states_of_plain_adamw_take_eight_bytes_a_number_and_a_counter_each() -> None:
    found, _ = planned(torch.optim.AdamW)
    numbers = 64 * 128 + 128 + 128 * 39 + 39
    assert found.optimizer == 8 * numbers + 4 * 4
