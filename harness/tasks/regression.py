"""One number for each text, or pair of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.tasks import ridge
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


class Regression(Kind):
    """A linear head from pooled states [batch, width] to [batch, 1].

    What it gives is in standard deviations from the mean of the training labels, so that one
    learning rate serves scores of 0 to 5 and prices alike; answers are in the labels' own unit.
    """

    outputs = 1

    def __init__(self, task: TaskConfig, data: TaskData, model: ModelConfig) -> None:
        super().__init__(task, data, model)
        labels = np.asarray(data.train["label"], dtype=float)
        # Labels that are all the same are refused where the data are read.
        self.mean, self.deviation = float(labels.mean()), float(labels.std())

    def encode(self, split: Dataset, tokenizer: PreTrainedTokenizerBase) -> Encoded:
        return encode(split, self.references(split), self.task, tokenizer)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean squared error of [batch, 1] on labels [batch], in units of their variance."""
        return nn.functional.mse_loss(logits.squeeze(-1), (labels - self.mean) / self.deviation)

    def answers(self, model: TaskModel, batch: Batch) -> list[float | None]:
        found = model(**inputs(batch)).double()
        numbers = (found.squeeze(-1) * self.deviation + self.mean).tolist()
        return [n if whole else None for n, whole in zip(numbers, finite(found), strict=True)]

    def references(self, split: Dataset) -> list[float]:
        return [float(label) for label in split["label"]]

    def fit_head(self, head: nn.Module, *splits: NDArray[Any]) -> dict[str, Any]:
        """Ridge regression; the penalty that validation chose is told."""
        features, labels, validation_features, validation_labels = splits
        standardised = [(y - self.mean) / self.deviation for y in (labels, validation_labels)]
        found = ridge.fit(features, standardised[0], validation_features, standardised[1])
        weight, bias = torch.as_tensor(found.weight)[None], torch.tensor([found.bias])
        head.load_state_dict({"weight": weight, "bias": bias})
        return {"inverse_penalty": found.inverse_penalty}
