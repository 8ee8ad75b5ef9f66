from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from transformers import BertModel

from harness.measure import memory
from harness.measure.device import Cpu, Device, Peaks
from harness.measure.live_tensors import Peak

FLOAT = 4


def nbytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


def step_of(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss_of: Callable[[], torch.Tensor]
) -> Callable[[], None]:
    def step() -> None:
        loss_of().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def bert_step(bert: BertModel, optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    tokens = torch.arange(16 * 24).reshape(16, 24) % 100
    mask = torch.ones_like(tokens)
    return step_of(
        bert,
        optimizer,
        lambda: bert(tokens, attention_mask=mask).last_hidden_state.square().mean(),
    )


def allocator_peak(call: Callable[[], object]) -> int:
    """Bytes that PyTorch's own allocator hands out during the call, more than before, at most."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()
    events = profiler.profiler.kineto_results.events()  # type: ignore[union-attr]
    changes = [(e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"]
    alive = highest = 0
    for _, change in sorted(changes, key=lambda pair: pair[0]):
        alive += change
        highest = max(highest, alive)
    return highest


def test_adam_on_a_linear_layer_peaks_at_the_closed_form() -> None:
    inputs, outputs, batch = 96, 64, 8
    layer, x = nn.Linear(inputs, outputs), torch.ones(batch, inputs)
    optimizer = torch.optim.Adam(layer.parameters())
    peak = memory.training_peak(step_of(layer, optimizer, lambda: layer(x).sum()), layer, optimizer)
    matrix, bias = FLOAT * inputs * outputs, FLOAT * outputs
    assert peak.weights == matrix + bias
    assert peak.gradients == matrix + bias
    # Two moments of every parameter, and a step count of one number for each of the two.
    assert peak.optimizer == 2 * (matrix + bias) + 2 * FLOAT
    # The peak lies in the optimizer's step, which needs the root of the second moment and that
    # root divided; the input is still there, the loss no longer.
    assert peak.activations == FLOAT * batch * inputs + 2 * matrix
    assert peak.total == peak.weights + peak.gradients + peak.optimizer + peak.activations


def test_the_activations_of_a_wide_batch_peak_at_the_closed_form() -> None:
    inputs, hidden, batch = 8, 16, 512
    first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, 1)
    model, x = nn.Sequential(first, nn.ReLU(), second), torch.ones(batch, inputs)
    optimizer = torch.optim.SGD(model.parameters())
    peak = memory.training_peak(step_of(model, optimizer, lambda: model(x).sum()), model, optimizer)
    # Backward through the ReLU: input, the hidden layer, its gradient on both sides, and two
    # numbers, the sum and its gradient. The second layer has its gradients by then.
    assert peak.activations == FLOAT * (batch * inputs + 3 * batch * hidden + 2)
    assert peak.gradients == FLOAT * (hidden + 1)
    assert peak.optimizer == 0
    assert peak.weights == FLOAT * (inputs * hidden + hidden + hidden + 1)


@pytest.mark.parametrize("trained", ["all", "query"])
def test_the_training_peak_of_a_bert_agrees_with_the_allocator(
    tiny_bert: BertModel, trained: str
) -> None:
    for name, parameter in tiny_bert.named_parameters():
        parameter.requires_grad = trained == "all" or trained in name
    updated = [p for p in tiny_bert.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(updated)
    step = bert_step(tiny_bert, optimizer)
    step()
    state = [value for entry in optimizer.state.values() for value in entry.values()]
    before = nbytes([*tiny_bert.parameters(), *tiny_bert.buffers(), *state])
    more = allocator_peak(step)
    peak = memory.training_peak(step, tiny_bert, optimizer)
    tokens = 2 * 16 * 24 * 8  # ids and mask were there before too
    # Kernels take some single numbers of their own, which belong to no tensor.
    assert peak.total == pytest.approx(before + tokens + more, abs=1024)
    assert peak.total > before + tokens
    assert peak.weights == nbytes([*tiny_bert.parameters(), *tiny_bert.buffers()])
    assert peak.optimizer == nbytes(state)
    assert peak.total == peak.weights + peak.gradients + peak.optimizer + peak.activations


def test_the_inference_peak_of_a_bert_agrees_with_the_allocator(tiny_bert: BertModel) -> None:
    tokens = torch.arange(16 * 24).reshape(16, 24) % 100
    mask = torch.ones_like(tokens)
    tiny_bert.eval()

    def call() -> None:
        tiny_bert(tokens, attention_mask=mask)

    with torch.inference_mode():
        more = allocator_peak(call)
    peak = memory.inference_peak(call, tiny_bert)
    before = nbytes([*tiny_bert.parameters(), *tiny_bert.buffers(), tokens, mask])
    assert peak.total == pytest.approx(before + more, abs=1024)
    assert (peak.gradients, peak.optimizer) == (0, 0)


def test_the_same_training_peaks_at_the_same_byte(tiny_bert: BertModel) -> None:
    optimizer = torch.optim.AdamW(tiny_bert.parameters())
    step = bert_step(tiny_bert, optimizer)
    first = memory.training_peak(step, tiny_bert, optimizer)
    assert memory.training_peak(step, tiny_bert, optimizer) == first
    assert all(not p._post_accumulate_grad_hooks for p in tiny_bert.parameters())  # type: ignore[attr-defined]


def test_gradients_kept_from_before_count_from_the_start() -> None:
    layer = nn.Linear(256, 1, bias=False)
    layer(torch.ones(1, 256)).sum().backward()
    optimizer = torch.optim.SGD(layer.parameters())
    peak = memory.training_peak(lambda: torch.zeros(256), layer, optimizer, steps=1)
    assert peak == Peak(3 * 1024, 1024, 1024, 0, 1024)


def test_a_shared_weight_counts_once() -> None:
    layer = nn.Linear(256, 1, bias=False)
    twice = nn.ModuleList([layer, nn.Linear(256, 1, bias=False)])
    twice[1].weight = nn.Parameter(layer.weight.data)  # another parameter, the same storage
    assert memory.inference_peak(lambda: None, twice).weights == 1024


class FakeGpu:
    """An allocator whose figures are given, with a diary of what it was asked."""

    name, identity, gpu, source = "fake:0", "GPU-fake", "a fake", "fake allocator"

    def __init__(self, peaks: Peaks) -> None:
        self._peaks, self.diary = peaks, list[str]()

    def synchronize(self) -> None:
        self.diary.append("synchronize")

    def reset_peaks(self) -> None:
        self.diary.append("reset")

    def peaks(self) -> Peaks:
        self.diary.append("peaks")
        return self._peaks


def test_the_parts_add_up_to_what_the_allocator_says() -> None:
    layer = nn.Linear(256, 1, bias=False)
    optimizer = torch.optim.SGD(layer.parameters())
    gpu = FakeGpu(Peaks(allocated=10_000, reserved=20_000, process=30_000, alloc_retries=3))
    step = step_of(layer, optimizer, lambda: layer(torch.ones(1, 256)).sum())
    device: Device = gpu
    found = memory.training(device, step, layer, optimizer)
    assert (found.allocated_peak, found.reserved_peak, found.process_peak) == (
        10_000,
        20_000,
        30_000,
    )
    assert (found.weights, found.gradients, found.optimizer) == (1024, 1024, 0)
    assert found.activations == 10_000 - 2048
    assert (found.source, found.alloc_retries) == ("fake allocator", 3)


def test_the_peaks_are_reset_before_a_pass_and_no_tracker_is_on_in_it() -> None:
    gpu = FakeGpu(Peaks(None, None, None))
    layer = nn.Linear(2, 2)

    def call() -> None:
        tracked = torch.utils._python_dispatch._get_current_dispatch_mode() is not None
        gpu.diary.append("tracked call" if tracked else "call")
        assert torch.is_inference_mode_enabled()

    memory.inference(gpu, call, layer)
    assert gpu.diary == ["reset", "call", "peaks", "tracked call"]


def test_on_a_cpu_the_live_tensors_are_the_allocated_bytes() -> None:
    layer = nn.Linear(256, 1, bias=False)
    found = memory.inference(Cpu(), lambda: layer(torch.ones(256, 256)), layer)
    assert (
        found.allocated_peak
        == memory.inference_peak(lambda: layer(torch.ones(256, 256)), layer).total
    )
    assert (found.reserved_peak, found.alloc_retries) == (None, None)
    assert found.source == "cpu live tensors"


def test_loading_returns_what_was_made_with_its_peak() -> None:
    made, found = memory.load(Cpu(), lambda: torch.ones(64 << 18))
    assert made.numel() == 64 << 18
    assert found.allocated_peak is None
    assert found.process_peak is None or found.process_peak > 64 << 20


def test_what_passes_inside_a_composed_operation_is_seen_without_autograd() -> None:
    thin = torch.ones(1, 256)

    def call() -> None:
        # The first product is large and ends before the second is returned.
        torch.einsum("ab,ac,cd->bd", thin, thin, thin.T)

    with torch.inference_mode():
        more = allocator_peak(call)
    peak = memory.inference_peak(call, nn.Identity())
    assert peak.total == pytest.approx(nbytes([thin]) + more, abs=128)
    assert peak.total > FLOAT * 256 * 256
