"""How good predictions are: a metric, its interval, and what it rests on example by example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import metrics
from harness.measure.statistics import Bounds, bootstrap, counts, wilson
from harness.metrics.table import METRICS, PROPORTIONS, Answers


@dataclass(frozen=True)
class Quality:
    """A metric on n examples, with its 95% interval over examples.

    Bounds are None where n carries no interval. `majority` is what the metric gives to the best
    constant answer of the training split, and None where there is no such answer.
    """

    metric: str
    higher_is_better: bool
    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    majority: float | None


def quality_of(
    metric: str,
    predictions: Answers,
    references: Answers,
    constant: Answers | None = None,
) -> Quality:
    """The metric of predictions against references, in the types that its module names.

    `constant` holds, for each example, the answer that is the same for all of them. The interval is
    Wilson's where examples are right or wrong, and else a bootstrap over examples.
    """
    module = metrics.load(metric)

    def value(predicted: Answers) -> float:
        return float(module.compute(predictions=predicted, references=references)[metric])

    low, high = _interval(metric, METRICS[metric].examples(predictions, references))
    return Quality(
        metric=metric,
        higher_is_better=METRICS[metric].higher_is_better,
        value=value(predictions),
        ci_low=low,
        ci_high=high,
        n=len(references),
        majority=None if constant is None else value(constant),
    )


def outcomes(
    metric: str,
    ids: Sequence[str],
    predictions: Answers,
    references: Answers,
) -> dict[str, Any]:
    """What a trial keeps of its test examples: the columns of the metric, each a list in the order
    of `ids`, from which the metric of any resample of the examples can be computed.
    """
    found = METRICS[metric]
    examples = found.examples(predictions, references)
    columns = {name: _plain(each) for name, each in zip(found.columns, examples.T, strict=True)}
    return {"metric": metric, "ids": list(ids), **columns}


def _plain(column: NDArray[np.float64]) -> list[float]:
    """Whole numbers as such, which halves the file of most metrics."""
    whole = column.astype(int)
    found: list[float] = (whole if (whole == column).all() else column).tolist()
    return found


def _interval(metric: str, examples: NDArray[np.float64]) -> Bounds:
    found, n = METRICS[metric], len(examples)
    if metric in PROPORTIONS:
        return wilson(round(examples.sum()), n)
    if n < found.fewest:
        return None, None
    return bootstrap(lambda rows: found.resampled(examples, counts(rows).astype(float)), n, seed=0)
