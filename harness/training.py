"""The training loop that every method goes through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from harness.config import TrainConfig
from harness.isolation import Failure

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


def adamw(model: nn.Module, config: TrainConfig) -> Optimizer:
    """The optimizer of every method that does not bring its own."""
    return AdamW(decay_groups(model, config), lr=config.learning_rate)


def schedule_for(optimizer: Optimizer, config: TrainConfig) -> LambdaLR:
    """A linear rise over the warm-up's share of the steps, then a linear fall to zero."""
    rising = round(config.warmup * config.steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return (config.steps - step) / max(1, config.steps - rising)

    return LambdaLR(optimizer, factor)


def step(model: nn.Module, batch: Batch, loss_of: Loss, optimizer: Optimizer, clip: float) -> float:
    """One update; returns the loss before it. Raises Failure where the loss is not finite."""
    value = backward(model, batch, loss_of).item()
    if value != value or value in (float("inf"), float("-inf")):
        raise Failure("diverged", f"the loss is {value}")
    update(optimizer, clip)
    return value


def backward(model: nn.Module, batch: Batch, loss_of: Loss) -> Tensor:
    """Leave the gradients of a batch at the trained parameters; returns its loss, one number."""
    loss = loss_of(model(batch["input_ids"], batch["attention_mask"]), batch["labels"])
    loss.backward()
    return loss.detach()


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
    the clock stopped. Raises Failure with the step at which the loss stopped being finite.
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
            losses.append(step(model, batch, loss_of, optimizer, config.clip_norm))
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
    model.eval()
    return TrainingLog(losses, seconds, examples, tokens)
