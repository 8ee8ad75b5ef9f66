"""Mean over the answers of ROUGE-L: what their longest common subsequence with the right one is of
either.
"""

import datasets
import evaluate

from harness.metrics.answers import rouge_l


class RougeL(evaluate.Metric):
    """compute(predictions, references) gives {"rouge_l": float in [0, 1]}."""

    def _info(self) -> evaluate.MetricInfo:
        answer = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description="predictions and references: answers, as many of each",
            features=datasets.Features({"predictions": answer, "references": answer}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        scores = [rouge_l(*each) for each in zip(predictions, references, strict=True)]
        return {"rouge_l": sum(scores) / len(scores)}
