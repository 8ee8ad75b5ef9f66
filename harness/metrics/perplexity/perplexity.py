"""The exponential of the mean negative log-likelihood of a token of the right answers.

Over all tokens together, so that long answers weigh more (Jelinek et al. 1977).
"""

import datasets
import evaluate
import numpy as np


class Perplexity(evaluate.Metric):
    """compute(predictions, references) gives {"perplexity": float from 1 on}."""

    def _info(self) -> evaluate.MetricInfo:
        nats = datasets.Value("float64")
        tokens = datasets.Value("int64")
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description="predictions: nats of each answer, references: its number of tokens",
            features=datasets.Features({"predictions": nats, "references": tokens}),
        )

    def _compute(self, predictions: list[float], references: list[int]) -> dict[str, float]:
        # Infinite rather than an error where a model diverged.
        with np.errstate(over="ignore"):
            return {"perplexity": float(np.exp(sum(predictions) / sum(references)))}
