"""Harmonic mean of precision and recall of named entities, over those of all sentences.

An entity is right where its type and both of its ends are (Tjong Kim Sang and De Meulder 2003,
cs/0306050); 0 where there is nothing to find and nothing was found.
"""

import datasets
import evaluate

from harness.metrics.entities import matched


class EntityF1(evaluate.Metric):
    """compute(predictions, references) gives {"entity_f1": float in [0, 1]}."""

    def _info(self) -> evaluate.MetricInfo:
        tags = datasets.Sequence(datasets.Value("string"))
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description="predictions and references: for each sentence its tags (B-PER)",
            features=datasets.Features({"predictions": tags, "references": tags}),
        )

    def _compute(
        self, predictions: list[list[str]], references: list[list[str]]
    ) -> dict[str, float]:
        counted = [matched(*each) for each in zip(predictions, references, strict=True)]
        right, predicted, actual = map(sum, zip(*counted, strict=True))
        return {"entity_f1": 2 * right / max(predicted + actual, 1)}
