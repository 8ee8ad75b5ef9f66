"""Correlation: how far predictions are a straight line in what is right;
0 where either is constant."""

import datasets
import evaluate
from scipy.stats import pearsonr


class Pearson(evaluate.Metric):
    """compute(predictions, references) gives {"pearson": float in [-1, 1]}."""

    def _info(self) -> evaluate.MetricInfo:
        number = datasets.Value("float64")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description="predictions and references: numbers, as many of each",
            features=datasets.Features({"predictions": number, "references": number}),
        )

    def _compute(self, predictions: list[float], references: list[float]) -> dict[str, float]:
        # Undefined, strictly; but what does not vary tells nothing of what does.
        if len(set(predictions)) < 2 or len(set(references)) < 2:
            return {"pearson": 0.0}
        return {"pearson": float(pearsonr(predictions, references).statistic)}
