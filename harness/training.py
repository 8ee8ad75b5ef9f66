"""The training loop that every method goes through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adafactor, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from harness.config import TrainConfig
from harness.extras import require_bitsandbytes
from harness.isolation import Failure
from harness.tasks.encoded import IGNORED

Batch = dict[str, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class TrainingLog:
    """What the loop saw; `losses` holds one value per step."""

    losses: list[float]
    seconds: float
    examples: int
    tokens: int


def decay_groups(model: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """The trainable parameters in groups for an optimizer: biases and norms are not decayed."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.ndim > 1]
    kept = [parameter for parameter in trained if parameter.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def optimizer_for(model: nn.Module, config: TrainConfig) -> Optimizer:
    """The recipe's optimizer, which updates every method that does not bring its own."""
    return optimizer_class(config)(decay_groups(model, config), lr=config.learning_rate)


def optimizer_class(config: TrainConfig) -> Callable[..., Optimizer]:
    """What builds the recipe's optimizer from groups of parameters and `lr`.

    `sgd` has no momentum, so that it keeps no state, and decays by the gradient. `adamw_8bit`
    holds AdamW's state in 8 bits (Dettmers et al. 2021, arXiv 2110.02861), that of tensors below
    4096 numbers in 32. Raises ConfigError where its library is not installed.
    """
    if config.optimizer == "adamw_8bit":
        require_bitsandbytes("train.optimizer", config.optimizer)
        from bitsandbytes.optim import AdamW8bit

        return AdamW8bit
    return {"adamw": AdamW, "sgd": SGD, "adafactor": Adafactor}[config.optimizer]


def schedule_for(optimizer: Optimizer, config: TrainConfig) -> LambdaLR:
    """A linear rise over the warm-up's share of the steps, then a linear fall to zero."""
    rising = round(config.warmup * config.steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return (config.steps - step) / max(1, config.steps - rising)

    return LambdaLR(optimizer, factor)


def step(
    model: nn.Module, batch: Batch, loss_of: Loss, optimizer: Optimizer, config: TrainConfig
) -> float:
    """One update; returns the loss before it. Raises Failure where the loss is not finite."""
    value = backward(model, batch, loss_of, config).item()
    if value != value or value in (float("inf"), float("-inf")):
        raise Failure("diverged", f"the loss is {value}")
    update(optimizer, config.clip_norm)
    return value


def backward(model: nn.Module, batch: Batch, loss_of: Loss, config: TrainConfig) -> Tensor:
    """Leave the gradients of a batch at the trained parameters; returns its loss, one number.

    `loss_of` is a mean over labels, so a part of the batch weighs as much as it has of them.
    """
    labels = _labels(batch)
    total = torch.zeros((), device=batch["labels"].device)
    for part in _parts(batch, config.accumulation):
        with torch.autocast(total.device.type, torch.bfloat16, enabled=config.autocast):
            logits = model(**inputs(part))
        loss = loss_of(logits.float(), part["labels"]) * (_labels(part) / labels)
        del logits  # of a language model they are larger than all else, and backward needs none
        loss.backward()
        total += loss.detach()
    return total


def inputs(batch: Batch) -> Batch:
    """What a model is called with."""
    return {name: tensor for name, tensor in batch.items() if name != "labels"}


def _labels(batch: Batch) -> int | Tensor:
    """How many: one of each example, or those of its tokens that are asked for."""
    labels = batch["labels"]
    return len(labels) if labels.ndim == 1 else (labels != IGNORED).sum()


def _parts(batch: Batch, count: int) -> Iterator[Batch]:
    """A batch in at most so many parts, of like numbers of examples."""
    rows = zip(*(tensor.chunk(count) for tensor in batch.values()), strict=True)
    yield from (dict(zip(batch, part, strict=True)) for part in rows)


def update(optimizer: Optimizer, clip: float) -> None:
    """Clip the gradients, move the parameters by them, and let go of them."""
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    nn.utils.clip_grad_norm_(trained, clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def fit(
    model: nn.Module,
    batches: Iterator[Batch],
    loss_of: Loss,
    optimizer: Optimizer,
    config: TrainConfig,
    pauses: Mapping[int, Callable[[], None]] | None = None,
) -> TrainingLog:
    """Train for the recipe's number of steps.

    After the steps that `pauses` names it calls what stands there, in evaluation mode and with
    the clock stopped. Raises Failure with the step at which the loss or, after the
    last one, the weights stopped being finite.
    """
    schedule = schedule_for(optimizer, config)
    losses: list[float] = []
    examples = tokens = 0
    paused = 0.0
    model.train()
    started = time.perf_counter()
    for number in range(1, config.steps + 1):
        batch = next(batches)
        try:
            losses.append(step(model, batch, loss_of, optimizer, config))
        except Failure as failure:
            raise Failure(failure.status, f"{failure} at step {number}") from failure
        schedule.step()
        examples += len(batch["labels"])
        tokens += int(batch["attention_mask"].sum())
        if number % 10 == 0 or number == config.steps:
            print(f"step {number}/{config.steps} loss {losses[-1]:.4f}", flush=True)
        if pauses and number in pauses:
            stopped = time.perf_counter()
            model.eval()
            pauses[number]()
            model.train()
            paused += time.perf_counter() - stopped
    seconds = time.perf_counter() - started - paused
    # No further loss would show what the last update has done.
    if not all(p.isfinite().all() for p in model.parameters() if p.requires_grad):
        raise Failure("diverged", f"the weights are not finite after step {config.steps}")
    model.eval()
    return TrainingLog(losses, seconds, examples, tokens)
