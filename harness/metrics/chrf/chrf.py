"""Character n-grams that answers share with the right ones, as an F that weighs recall twice.

Over all answers together, not a mean over them (Popović 2015, ACL W15-3049).
"""

import datasets
import evaluate
import numpy as np

from harness.metrics.answers import chrf_counts
from harness.metrics.resampled import chrf


class ChrF(evaluate.Metric):
    """compute(predictions, references) gives {"chrf": float in [0, 1]}."""

    def _info(self) -> evaluate.MetricInfo:
        answer = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description="predictions and references: answers, as many of each",
            features=datasets.Features({"predictions": answer, "references": answer}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        counted = np.array([chrf_counts(*p) for p in zip(predictions, references, strict=True)])
        return {"chrf": float(chrf(counted, np.ones((1, len(counted))))[0])}
