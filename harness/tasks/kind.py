"""What every kind of task says of itself: how it is read, answered and learned from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.models import TaskModel
from harness.tasks import probe
from harness.tasks.encoded import IGNORED, Encoded

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from harness.config import ModelConfig
    from harness.task_config import TaskConfig
    from harness.tasks.data import TaskData
    from harness.training import Batch

Answer = Any
"""To one example: a class number, a number, tags or a text, as its kind has it."""


class Kind(ABC):
    """A task of one kind, for one model."""

    outputs: int
    """Numbers that the head gives for each state that it reads."""

    def __init__(self, task: TaskConfig, data: TaskData, model: ModelConfig) -> None:
        """Raises ConfigError for a model that cannot answer tasks of this kind."""
        self.task = task
        self.data = data
        self.model = model

    @abstractmethod
    def encode(self, split: Dataset, tokenizer: PreTrainedTokenizerBase) -> Encoded:
        """The split as tokens; raises ConfigError for a length that the model does not take."""

    def batch(self, encoded: Encoded, indices: Sequence[int]) -> Batch:
        """What the model is called with for these examples, and their `labels`; rows first."""
        return encoded.batch(indices)

    def lengths(self, encoded: Encoded) -> list[int]:
        """Tokens of each example that a training step computes with."""
        return encoded.lengths

    def head(self, backbone: nn.Module, seed: int) -> nn.Module:
        """What reads the states of an adapted backbone: untrained, and drawn by the seed alone.

        Weights come from N(0, 0.02), as BERT's do, by a generator of their own: at a seed they are
        the same for every method, whatever the method drew before.
        """
        width: int = backbone.config.hidden_size  # type: ignore[assignment, union-attr]
        head = nn.Linear(width, self.outputs)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            head.weight.normal_(0.0, 0.02, generator=generator)
            head.bias.zero_()
        return head

    def under(self, head: nn.Module, backbone: nn.Module) -> TaskModel:
        """The task model of a backbone under this head."""
        return TaskModel(backbone, head, self.model.pooling)

    @abstractmethod
    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over all that is asked, of what the model gives for a batch."""

    @abstractmethod
    def answers(self, model: TaskModel, batch: Batch) -> list[Answer | None]:
        """One for each example of the batch; None where what the model gives is not finite."""

    def whole(self, answers: Sequence[Answer], split: Dataset) -> list[Answer]:
        """The answers to a split, with what the model was not shown of its examples."""
        return list(answers)

    @abstractmethod
    def references(self, split: Dataset) -> list[Answer]:
        """The right answers to the examples of a split, in their order."""

    def constant(self, split: Dataset) -> list[Answer] | None:
        """The best answer that is the same for all examples, as the training split tells it.

        Once for each example of a split; None where there is none.
        """
        return None

    def read(self, model: TaskModel, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        """What the head reads and the labels of it, for each example: [k, width] and [k]."""
        states = model.features(batch["input_ids"], batch["attention_mask"])
        rows = zip(states.cpu(), batch["labels"].cpu(), strict=True)
        return [(state[None], label[None]) for state, label in rows]

    def fit_head(self, head: nn.Module, *splits: NDArray[Any]) -> dict[str, Any]:
        """Fit the head to convergence; what there is to tell of it.

        `splits` are features [n, width] and labels [n], to fit and to validate on. By multinomial
        logistic regression, whose penalty validation chooses.
        """
        found = probe.fit(*splits)
        weight, bias = torch.as_tensor(found.weight), torch.as_tensor(found.bias)
        head.load_state_dict({"weight": weight, "bias": bias})
        return {"inverse_penalty": found.inverse_penalty}


def finite(logits: Tensor) -> list[bool]:
    """Whether all that there is for an example is finite, for each row of logits [batch, …]."""
    found: list[bool] = logits.isfinite().flatten(1).all(1).tolist()
    return found


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean in nats over the labels [batch, places] that are asked of [batch, places, classes]."""
    rows = logits.flatten(0, 1)
    return nn.functional.cross_entropy(rows, labels.flatten(), ignore_index=IGNORED)
