"""The real training step and the real forward pass, on tensors that take no memory."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.optim import Optimizer
from transformers import PreTrainedConfig

from harness.language_model import LanguageTaskModel
from harness.measure.live_tensors import LiveTensors
from harness.measure.memory import follow_inference, follow_training
from harness.models import TaskModel
from harness.plan.depth import mark_layers
from harness.plan.eight_bit import fake_optimizer
from harness.plan.fake import materialise
from harness.plan.request import Request
from harness.plan.sharding import sharded
from harness.plan.stand_ins import StandIns
from harness.plan.subject import LanguageModel, Subject, subject
from harness.training import Batch, backward, update

# What a GPU's allocator rounds up to (kMinBlockSize in c10/cuda/CUDACachingAllocator.h).
BLOCKS = {"cpu": 1, "cuda": 512}


def trace_training(
    request: Request, config: PreTrainedConfig, from_the_first: bool = False
) -> LiveTensors:
    """One training step of an architecture, to which the optimizer comes with its state.

    `from_the_first` is two, of which the first one makes that state: slower, and it matters to an
    allocator where in memory the state lies.
    """
    found = subject(request, config)
    with _followed(request, found) as live, _shard(request, found):
        found.model.train()
        optimizer = fake_optimizer(partial(found.method.optimizer, found.model, request.train))
        if request.device == "cuda":
            _at_once(optimizer)
        batch = batch_of(request, found.model)
        unused = False

        def step() -> None:
            nonlocal unused
            live.mark("step")
            backward(found.model, batch, found.loss, request.train)
            unused = any(p.requires_grad and p.grad is None for p in found.model.parameters())
            live.mark("update")
            update(optimizer, request.train.clip_norm)

        first = step if from_the_first else partial(_give_state, optimizer)
        calls = iter((first, step))
        follow_training(live, lambda: next(calls)(), found.model, optimizer, steps=2)
    if unused and not from_the_first:  # it gets no state, as only a step of the model tells
        return trace_training(request, config, from_the_first=True)
    return live


def trace_inference(request: Request, config: PreTrainedConfig) -> LiveTensors:
    """A forward pass; of a model that says tokens, the one that begins an answer."""
    found = subject(request, config, inference=True)
    with _followed(request, found) as live:
        found.model.eval()
        batch = batch_of(request, found.model)
        follow_inference(live, first_call(found.model, batch), found.model)
    return live


@contextmanager
def _followed(request: Request, found: Subject) -> Iterator[LiveTensors]:
    """A ledger whose sections are the model's layers, over fake tensors."""
    live = LiveTensors(block=BLOCKS[request.device])
    mark_layers(live, found.backbone, found.layers)
    if not request.padded:
        found.backbone.register_forward_pre_hook(_without_mask, with_kwargs=True)
    with FakeTensorMode(allow_non_fake_inputs=True), StandIns():
        materialise(found.model)
        yield live


def _shard(request: Request, found: Subject) -> AbstractContextManager[None]:
    """One device's share of the model, where there are several."""
    if request.devices == 1:
        return nullcontext()
    layers = [found.backbone.get_submodule(path) for path in found.layers]
    return sharded(found.model, [*layers, found.model.head], request.devices)


def _without_mask(
    module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Leave a mask of ones out, as transformers does once it has looked into it.

    It cannot look into a fake one.
    """
    return given, {**named, "attention_mask": None}


def batch_of(request: Request, model: TaskModel | LanguageModel) -> Batch:
    """Texts of the request's shape, with a class, or tokens, each as labels."""
    shape = (request.train.batch_size, request.seq_len)
    tokens = torch.zeros(shape, dtype=torch.long)
    batch = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    if isinstance(model, LanguageTaskModel):
        answers = torch.zeros(shape[0], request.answer_len, dtype=torch.long)
        config: Any = model.backbone.config
        places = "decoder_input_ids" if config.is_encoder_decoder else "asked"
        return {**batch, places: answers, "labels": answers}
    each = isinstance(model, LanguageModel) or model.pooling is None
    return {**batch, "labels": tokens if each else tokens[:, 0]}


def _at_once(optimizer: Optimizer) -> None:
    """Update all parameters in one call, as torch does by itself where it sees a GPU."""
    for group in optimizer.param_groups:
        if "foreach" in group:
            group["foreach"] = True


def _give_state(optimizer: Optimizer) -> None:
    """Let the optimizer make its state, as its first step does, without a pass before it."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.requires_grad:  # some optimizers are given what is frozen, too
                parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def first_call(model: TaskModel | LanguageModel, batch: Batch) -> partial[Any]:
    """The forward pass with which a model begins to answer."""
    tokens, mask = batch["input_ids"], batch["attention_mask"]
    call = partial(model, tokens, mask)
    if isinstance(model, TaskModel):
        return call
    config: Any = model.backbone.config
    if config.is_encoder_decoder:
        return partial(call, decoder_input_ids=tokens[:, :1])
    # Generation reads the text once and keeps its keys and values; only the last token says
    # something.
    base = getattr(model.backbone, "get_base_model", lambda: model.backbone)()
    last = "logits_to_keep" in inspect.signature(base.forward).parameters
    return partial(call, use_cache=True, **({"logits_to_keep": 1} if last else {}))
