"""How many bits trained parameters take up within a budget of steps: labels that are random.

A label drawn from K classes carries log2 K bits, and nothing predicts it that has not stored it.
By how much answers beat uniform ones, Σ (log2 K − cross-entropy in bits), is therefore held by
what was trained (the capacity of Morris et al. 2025, arXiv 2505.24832, within a budget).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import log, log2

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from harness.config import TrainConfig
from harness.isolation import Failure
from harness.measure.statistics import Interval, bootstrap_mean
from harness.training import schedule_for, step

# A model that knows more of the labels than this may hold more bits than there are to hold.
NEAR = 0.9

# Standard deviation of the read-out's logits. A state that moves by a tenth of its length moves a
# logit by up to 0.1·SPREAD·√width, and it takes about log K to tell a label: changes suffice that
# the recipes' rates make within few steps. With 1, full fine-tuning wanted ten times its rate.
SPREAD = 4.0


@dataclass(frozen=True)
class Targets:
    """Sequences of random tokens and a random label at every token, both [sequences, tokens]."""

    input_ids: Tensor
    labels: Tensor
    classes: int

    @property
    def ceiling(self) -> float:
        """Bits that a model holds which knows every label."""
        return self.labels.numel() * log2(self.classes)

    def to(self, device: str) -> Targets:
        return Targets(self.input_ids.to(device), self.labels.to(device), self.classes)


def draw(vocabulary: int, sequences: int, tokens: int, classes: int, seed: int) -> Targets:
    """The same targets for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    shape = (sequences, tokens)
    input_ids = torch.randint(vocabulary, shape, generator=generator)
    labels = torch.randint(classes, shape, generator=generator)
    return Targets(input_ids, labels, classes)


class ReadOut(nn.Module):
    """A random map from states to logits that is never trained: it holds nothing by itself.

    States are brought to one scale, so that logits are spread alike (SPREAD) in every model.
    """

    def __init__(self, width: int, classes: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        weight = torch.randn(classes, width, generator=generator) * SPREAD / width**0.5
        self.register_buffer("weight", weight)

    def forward(self, states: Tensor) -> Tensor:
        """Logits [..., classes] of states [..., width]."""
        scaled = functional.rms_norm(states.float(), states.shape[-1:])
        return functional.linear(scaled, self.get_buffer("weight"))


def held(logits: Tensor, labels: Tensor) -> Tensor:
    """Bits of each label [...] that logits [..., classes] know; below 0 where they mislead."""
    by_class = logits.double().movedim(-1, 1)
    nats = functional.cross_entropy(by_class, labels, reduction="none")
    return (log(logits.shape[-1]) - nats) / log(2)


def fit(
    model: nn.Module, targets: Targets, optimizer: Optimizer, recipe: TrainConfig, seed: int
) -> NDArray[np.float64]:
    """Bits that `model` holds of each sequence after the recipe's steps.

    `model` gives logits [batch, tokens, classes]. Those of before the first step are taken from
    them, so that it starts at uniform answers, at 0 bits, whatever it computed untrained (Chizat
    et al. 2019, arXiv 1812.07956). Raises Failure where the fit diverges.
    """
    before = _logits(model, targets, recipe.eval_batch_size)
    schedule = schedule_for(optimizer, recipe)
    for rows in _batches(len(targets.labels), recipe, seed):
        ids = targets.input_ids[rows]
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        batch["labels"] = targets.labels[rows]
        step(model, batch, partial(_loss, before[rows]), optimizer, recipe)
        schedule.step()
    after = _logits(model, targets, recipe.eval_batch_size)
    per_sequence = held(after - before, targets.labels).sum(dim=1).cpu().numpy()
    if not np.isfinite(per_sequence).all():
        raise Failure("diverged", "the logits are not finite after the last step")
    return per_sequence


def total(per_sequence: NDArray[np.float64], seed: int) -> Interval:
    """Bits of all sequences, bootstrapped over them; at least 0, what uniform answers hold."""
    mean = float(per_sequence.mean())
    figures = (mean, *bootstrap_mean(per_sequence, seed))
    value, low, high = (
        None if figure is None else max(0.0, figure * len(per_sequence)) for figure in figures
    )
    assert value is not None
    return Interval(value, low, high)


def at_ceiling(bits: float, targets: Targets) -> bool:
    """Whether there were too few labels to tell how many bits the model can hold."""
    return bits > NEAR * targets.ceiling


def _loss(before: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy((logits - before).flatten(0, 1), labels.flatten())


def _batches(sequences: int, recipe: TrainConfig, seed: int) -> Iterator[Tensor]:
    """Rows of every step's batch: each sequence once, in random order, before any comes again."""
    generator = torch.Generator().manual_seed(seed)
    rounds = -(-recipe.steps * recipe.batch_size // sequences)
    order = torch.cat([torch.randperm(sequences, generator=generator) for _ in range(rounds)])
    yield from order[: recipe.steps * recipe.batch_size].split(recipe.batch_size)


@torch.no_grad()
def _logits(model: nn.Module, targets: Targets, batch_size: int) -> Tensor:
    chunks = targets.input_ids.split(batch_size)
    return torch.cat([model(ids, torch.ones_like(ids)) for ids in chunks])
