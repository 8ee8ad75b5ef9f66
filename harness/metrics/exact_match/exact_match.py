"""Share of the answers that are the right one, after SQuAD's normalisation of both."""

import datasets
import evaluate

from harness.metrics.answers import normalised


class ExactMatch(evaluate.Metric):
    """compute(predictions, references) gives {"exact_match": float in [0, 1]}."""

    def _info(self) -> evaluate.MetricInfo:
        answer = datasets.Value("string")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description="predictions and references: answers, as many of each",
            features=datasets.Features({"predictions": answer, "references": answer}),
        )

    def _compute(self, predictions: list[str], references: list[str]) -> dict[str, float]:
        pairs = zip(predictions, references, strict=True)
        right = sum(normalised(said) == normalised(meant) for said, meant in pairs)
        return {"exact_match": right / len(references)}
