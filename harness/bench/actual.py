"""What a plan foresees, done with numbers: the same model with random weights, on a CPU."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedModel

from harness.adapting import for_inference, for_training
from harness.measure.live_tensors import Peak
from harness.measure.memory import inference_peak, training_peak
from harness.methods import Method, Trained, load_method
from harness.models import TaskModel, architecture, without_pooler
from harness.plan.request import Request
from harness.plan.subject import LanguageModel, auto_class, headed
from harness.plan.trace import batch_of, first_call
from harness.training import Batch, backward, update

BASE, ADAPTER = "base", "adapter"


def save_base(request: Request, folder: Path) -> None:
    """Random weights of the request's model, from which the peaks below start."""
    config = architecture(request.model)
    torch.manual_seed(0)
    kind = auto_class(request, config)
    kind.from_config(config, dtype=torch.float32).save_pretrained(folder / BASE)


def actual_training(request: Request, folder: Path) -> Peak:
    """Bytes of tensors at their highest, over two real steps."""
    method = _method(request, folder)
    adapted = for_training(method, _backbone(request, folder, method), request.train)
    model, loss = headed(request, architecture(request.model), adapted)
    optimizer = method.optimizer(model.train(), request.train)
    batch = _batch(request, model)

    def step() -> None:
        backward(model, batch, loss, request.train)
        update(optimizer, request.train.clip_norm)

    return training_peak(step, model, optimizer)


def actual_inference(request: Request, folder: Path) -> Peak:
    """Bytes of tensors at their highest, over one forward pass of what was stored."""
    method = _method(request, folder)
    stored = folder / ADAPTER
    method.save(for_training(method, _backbone(request, folder, method), request.train), stored)
    adapted = for_inference(method, _backbone(request, folder, method), stored, request.train)
    model, _ = headed(request, architecture(request.model), adapted.requires_grad_(False))
    return inference_peak(first_call(model.eval(), _batch(request, model)), model)


def _method(request: Request, folder: Path) -> Method:
    """The method, the adapters that it builds on stored as they start."""
    sources = [Trained(name, own, folder / name) for name, own in request.sources.items()]
    for source in sources:
        method = load_method(source.method)
        method.save(method.adapt(_backbone(request, folder, method)), source.folder)
    return load_method(request.method, sources)


def _backbone(request: Request, folder: Path, method: Method) -> PreTrainedModel:
    loaded = auto_class(request, architecture(request.model)).from_pretrained(
        folder / BASE,
        dtype=getattr(torch, request.model.dtype),
        use_safetensors=True,
        local_files_only=True,
        quantization_config=method.quantization,
    )
    for module in loaded.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False  # some CPUs repack four bits, no GPU does
    return without_pooler(loaded)


def _batch(request: Request, model: TaskModel | LanguageModel) -> Batch:
    batch = batch_of(request, model)
    if request.padded:
        batch["attention_mask"][:, -1] = 0  # in every part of a batch
    return batch
