"""Each part of a training peak against what it must be by the model, the optimizer and autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import nn
from transformers import BertModel

from harness.measure import memory

METHODS = ["lora", "pfeiffer", "full"]
STEP_COUNT = 4  # bytes that AdamW keeps for each tensor beside its two moments


@pytest.fixture
def adapted(tiny_bert: BertModel, method_of: Callable[..., object], request) -> nn.Module:
    """The tiny BERT under a method, in the type of the test's name."""
    method, dtype = request.param
    model: nn.Module = method_of(method).adapt(tiny_bert.to(dtype))  # type: ignore[attr-defined]
    return model.train()


def under(*dtypes: torch.dtype) -> pytest.MarkDecorator:
    cases = [(method, dtype) for method in METHODS for dtype in dtypes]
    names = [f"{method}-{str(dtype).removeprefix('torch.')}" for method, dtype in cases]
    return pytest.mark.parametrize("adapted", cases, ids=names, indirect=True)


def nbytes(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes of the distinct storages."""
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tensors}
    return sum(storage.nbytes() for storage in storages.values())


def stepper(
    model: nn.Module, batch: int, tokens: int
) -> tuple[Callable[[], None], torch.optim.Optimizer]:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    ids = torch.arange(batch * tokens).reshape(batch, tokens) % 100
    mask = torch.ones_like(ids)

    def step() -> None:
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state
        states.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step, optimizer


@under(torch.float32, torch.bfloat16)
def test_what_is_kept_between_steps_has_the_bytes_of_its_tensors(adapted: nn.Module) -> None:
    # With a single token the peak lies where all gradients and both moments are alive.
    step, optimizer = stepper(adapted, batch=1, tokens=1)
    peak = memory.training_peak(step, adapted, optimizer, steps=2)
    trained = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    bytes_trained = sum(p.numel() * p.element_size() for p in trained)
    assert peak.weights == pytest.approx(
        nbytes([*adapted.parameters(), *adapted.buffers()]), rel=0.01
    )
    assert peak.gradients == pytest.approx(bytes_trained, rel=0.01)
    assert peak.optimizer == pytest.approx(2 * bytes_trained + STEP_COUNT * len(trained), rel=0.01)


@under(torch.float32, torch.bfloat16)
def test_activations_are_at_least_what_autograd_saves_for_backward(adapted: nn.Module) -> None:
    saved: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        saved.append(tensor)
        return tensor

    step, optimizer = stepper(adapted, batch=16, tokens=24)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        step()
    weights = {p.untyped_storage().data_ptr() for p in adapted.parameters()}
    needed = nbytes(t for t in saved if t.untyped_storage().data_ptr() not in weights)
    peak = memory.training_peak(step, adapted, optimizer, steps=2)
    # Backward starts with all of it and adds gradients that pass from layer to layer.
    assert needed <= peak.activations <= 1.5 * needed
