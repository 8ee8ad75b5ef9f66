"""Mean over the classes of the harmonic mean of precision and recall.

The classes are those that occur among predictions or references; one that is never predicted
rightly counts as zero.
"""

import datasets
import evaluate
from sklearn.metrics import f1_score


class MacroF1(evaluate.Metric):
    """compute(predictions, references) gives {"macro_f1": float in [0, 1]}."""

    def _info(self) -> evaluate.MetricInfo:
        whole = datasets.Value("int64")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description="predictions and references: class numbers, as many of each",
            features=datasets.Features({"predictions": whole, "references": whole}),
        )

    def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
        score = f1_score(references, predictions, average="macro", zero_division=0.0)
        return {"macro_f1": float(score)}
