"""A linear regression on the features of a frozen model, as `probe` is for classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from harness.tasks.probe import scale_of

INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""One over scikit-learn's alpha, on standardised features. The best lies inside on stsb."""


@dataclass(frozen=True)
class Line:
    """Answers to features [n, d] are `features @ weight + bias`."""

    weight: NDArray[np.float64]
    """[d]"""
    bias: float
    inverse_penalty: float
    """The one of INVERSE_PENALTIES with the lowest squared error on validation."""

    def answers(self, features: ArrayLike) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.asarray(features, dtype=float) @ self.weight + self.bias
        return found


def fit(
    features: ArrayLike,
    labels: ArrayLike,
    validation_features: ArrayLike,
    validation_labels: ArrayLike,
) -> Line:
    """Ridge regression of numbers [n] on features [n, d].

    Features are standardised for the fit, and the line takes them as they come.
    """
    x, y = np.asarray(features, dtype=float), np.asarray(labels, dtype=float)
    mean, scale = x.mean(axis=0), scale_of(x)
    validation, wanted = np.asarray(validation_features, dtype=float), np.asarray(validation_labels)
    lines = []
    with threadpool_limits(1):
        for strength in INVERSE_PENALTIES:
            model = Ridge(alpha=1 / strength).fit((x - mean) / scale, y)
            weight = model.coef_ / scale
            lines.append(Line(weight, float(model.intercept_ - weight @ mean), strength))
    return min(lines, key=lambda line: float(((line.answers(validation) - wanted) ** 2).mean()))
