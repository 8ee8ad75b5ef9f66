"""Every metric: what it is made of, example by example, and what it is a function of.

Without `evaluate`, so that who compares trials need not import it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.statistics import FEWEST_AVERAGED, FEWEST_RESAMPLED
from harness.metrics import resampled
from harness.metrics.answers import CHRF_ORDERS, chrf_counts, normalised, rouge_l
from harness.metrics.entities import matched

Floats = NDArray[np.float64]
Answers = Sequence[Any] | NDArray[Any]
"""Predictions or references, one for each example."""
SCORES = ("scores",)
"""The column of a metric that is the mean of a score in [0, 1] for each example."""


@dataclass(frozen=True)
class Metric:
    """A metric as a function of a few columns of numbers that each example has.

    `of_example` gives an example's columns from its prediction and reference, `resampled` the
    metric of resamples (harness.metrics.resampled).
    """

    of_example: Callable[[Any, Any], Sequence[float]]
    resampled: Callable[[Floats, Floats], Floats]
    columns: tuple[str, ...] = SCORES
    higher_is_better: bool = True
    share: bool = True
    """Whether it lies in [0, 1]."""
    fewest: int = FEWEST_RESAMPLED
    """Fewest examples that carry an interval of it, or of a difference in it."""

    @property
    def is_mean(self) -> bool:
        return self.columns == SCORES

    def examples(self, predictions: Answers, references: Answers) -> Floats:
        """The columns, of shape (examples, columns)."""
        pairs = zip(predictions, references, strict=True)
        return np.array([self.of_example(*pair) for pair in pairs], dtype=float)


def _pair(predicted: float, actual: float) -> tuple[float, float]:
    return predicted, actual


def _equal(predicted: int, actual: int) -> tuple[float]:
    return (float(predicted == actual),)


def _same_answer(predicted: str, actual: str) -> tuple[float]:
    return (float(normalised(predicted) == normalised(actual)),)


def _rouge_l(predicted: str, actual: str) -> tuple[float]:
    return (rouge_l(predicted, actual),)


_PAIR = ("predicted", "actual")

METRICS = {
    "accuracy": Metric(_equal, resampled.mean),
    "macro_f1": Metric(_pair, resampled.macro_f1, _PAIR),
    "spearman": Metric(_pair, resampled.spearman, _PAIR, share=False),
    "pearson": Metric(_pair, resampled.pearson, _PAIR, share=False),
    "entity_f1": Metric(matched, resampled.pooled_f1, ("right", *_PAIR)),
    "exact_match": Metric(_same_answer, resampled.mean),
    "rouge_l": Metric(_rouge_l, resampled.mean, fewest=FEWEST_AVERAGED),
    "chrf": Metric(
        chrf_counts,
        resampled.chrf,
        tuple(
            f"{side}_{order}"
            for order in range(1, CHRF_ORDERS + 1)
            for side in ("predicted", "actual", "right")
        ),
    ),
    "perplexity": Metric(
        _pair,
        resampled.perplexity,
        ("nats", "tokens"),
        higher_is_better=False,
        share=False,
        fewest=FEWEST_AVERAGED,
    ),
}
PROPORTIONS = ("accuracy", "exact_match")
"""Metrics whose scores are 0 or 1."""


SHARES = tuple(name for name, metric in METRICS.items() if metric.share)
"""Metrics in [0, 1], which are told in points and can be held against a margin in points."""
