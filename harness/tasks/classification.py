"""One class for each text, or pair of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from harness.tasks.encoded import Encoded
from harness.tasks.kind import Kind, finite
from harness.tasks.texts import encode
from harness.training import Batch, inputs

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from harness.config import ModelConfig
    from harness.models import TaskModel
    from harness.task_config import TaskConfig
    from harness.tasks.data import TaskData


class Classification(Kind):
    """A linear head from pooled states [batch, width] to logits [batch, classes]."""

    def __init__(self, task: TaskConfig, data: TaskData, model: ModelConfig) -> None:
        super().__init__(task, data, model)
        self.outputs = len(data.labels)

    def encode(self, split: Dataset, tokenizer: PreTrainedTokenizerBase) -> Encoded:
        return encode(split, list(split["label"]), self.task, tokenizer)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy in nats of logits [batch, classes] on class numbers [batch]."""
        return nn.functional.cross_entropy(logits, labels)

    def answers(self, model: TaskModel, batch: Batch) -> list[int | None]:
        """The likeliest class number of each."""
        logits = model(**inputs(batch))
        numbers = logits.argmax(dim=-1).tolist()
        return [n if whole else None for n, whole in zip(numbers, finite(logits), strict=True)]

    def references(self, split: Dataset) -> list[int]:
        return list(split["label"])

    def constant(self, split: Dataset) -> list[int]:
        """The most frequent class."""
        counts = np.bincount(np.asarray(self.data.train["label"]), minlength=self.outputs)
        return [int(counts.argmax())] * len(split)
