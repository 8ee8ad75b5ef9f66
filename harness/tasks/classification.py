"""One class for each text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.tasks.quality import Quality, quality_of

if TYPE_CHECKING:
    from harness.config import TaskConfig
    from harness.tasks.data import TaskData

Classes = NDArray[np.int64]
"""Class numbers, one for each example."""


class Classification:
    """The head, the loss and the score of a classification task."""

    def __init__(self, task: TaskConfig, data: TaskData) -> None:
        self.metric = task.metric
        self.classes = len(data.labels)
        counts = np.bincount(np.asarray(data.train["label"]), minlength=self.classes)
        self.majority = int(counts.argmax())

    def head(self, width: int, seed: int) -> nn.Linear:
        """A linear head from pooled states [batch, width] to logits [batch, classes].

        Its weights are drawn from N(0, 0.02), as BERT's are, by a generator of their own: at a
        seed they are the same for every method, whatever the method drew before.
        """
        head = nn.Linear(width, self.classes)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            head.weight.normal_(0.0, 0.02, generator=generator)
            head.bias.zero_()
        return head

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy in nats of logits [batch, classes] on class numbers [batch]."""
        return nn.functional.cross_entropy(logits, labels)

    def predict(self, logits: Tensor) -> Classes:
        """The class numbers [batch] of logits [batch, classes]."""
        found: Classes = logits.argmax(dim=-1).cpu().numpy()
        return found

    def score(self, predictions: Classes, labels: Classes) -> Quality:
        """The task's metric of predicted class numbers against the right ones."""
        constant = np.full_like(labels, self.majority)
        return quality_of(self.metric, predictions, labels, constant)
