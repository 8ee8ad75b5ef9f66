"""One class for each text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness import metrics
from harness.measure.statistics import Bounds, bootstrap, counts, wilson

if TYPE_CHECKING:
    from harness.config import TaskConfig
    from harness.tasks.data import TaskData

Classes = NDArray[np.int64]
"""Class numbers, one for each example."""


@dataclass(frozen=True)
class Quality:
    """A metric on n examples, with its 95% interval over examples.

    Bounds are None where n carries no interval. `majority` is what the metric gives to the most
    frequent class of the training split, predicted always.
    """

    metric: str
    higher_is_better: bool
    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    majority: float


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
        module = metrics.load(self.metric)

        def value(predicted: Classes) -> float:
            return float(module.compute(predictions=predicted, references=labels)[self.metric])

        low, high = _INTERVALS[self.metric](predictions, labels)
        return Quality(
            metric=self.metric,
            higher_is_better=True,
            value=value(predictions),
            ci_low=low,
            ci_high=high,
            n=len(labels),
            majority=value(np.full_like(labels, self.majority)),
        )


def _accuracy_interval(predictions: Classes, labels: Classes) -> Bounds:
    return wilson(int((predictions == labels).sum()), len(labels))


def _macro_f1_interval(predictions: Classes, labels: Classes) -> Bounds:
    n = len(labels)
    classes = np.arange(max(predictions.max(), labels.max()) + 1)
    predicted = (predictions[:, None] == classes).astype(float)
    actual = (labels[:, None] == classes).astype(float)

    def macro_f1(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        # How often each example was drawn turns all resamples into three matrix products.
        drawn = counts(rows)
        right, occurring = drawn @ (predicted * actual), drawn @ (predicted + actual)
        f1 = np.divide(2 * right, occurring, out=np.full_like(right, np.nan), where=occurring > 0)
        mean: NDArray[np.float64] = np.nanmean(f1, axis=1)
        return mean

    return bootstrap(macro_f1, n, seed=0)


_INTERVALS = {"accuracy": _accuracy_interval, "macro_f1": _macro_f1_interval}
