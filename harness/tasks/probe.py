"""A linear classifier on the features of a frozen model: what no trained method may fall below."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

INVERSE_PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""C of scikit-learn, on standardised features. The best lies inside on the shipped tasks."""

ITERATIONS = 5000


@dataclass(frozen=True)
class Probe:
    """Logits of features [n, d] are `features @ weight.T + bias`."""

    weight: NDArray[np.float64]
    """[classes, d]"""
    bias: NDArray[np.float64]
    """[classes]"""
    inverse_penalty: float
    """The one of INVERSE_PENALTIES with the lowest cross-entropy on validation."""

    def logits(self, features: ArrayLike) -> NDArray[np.float64]:
        """Logits [n, classes] of features [n, d]."""
        found: NDArray[np.float64] = np.asarray(features, dtype=float) @ self.weight.T + self.bias
        return found


def fit(
    features: ArrayLike,
    labels: ArrayLike,
    validation_features: ArrayLike,
    validation_labels: ArrayLike,
) -> Probe:
    """Multinomial logistic regression of class numbers [n] on features [n, d], to convergence.

    Features are standardised for the fit, and the probe takes them as they come. Raises
    RuntimeError when the fit does not converge.
    """
    x, y = np.asarray(features, dtype=float), np.asarray(labels)
    mean, scale = x.mean(axis=0), scale_of(x)
    validation = np.asarray(validation_features, dtype=float), np.asarray(validation_labels)
    probes = [_fit((x - mean) / scale, y, mean, scale, strength) for strength in INVERSE_PENALTIES]
    return min(probes, key=lambda probe: _cross_entropy(probe, *validation))


def scale_of(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """By what features [n, d] are divided to be standardised: [d]."""
    scale: NDArray[np.float64] = features.std(axis=0)
    # A feature that is constant up to rounding would be blown up into noise.
    scale[scale <= 1e-6 * scale.max()] = 1.0
    return scale


def _fit(
    standardised: NDArray[np.float64],
    labels: NDArray[np.int64],
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    inverse_penalty: float,
) -> Probe:
    model = LogisticRegression(C=inverse_penalty, tol=1e-6, max_iter=ITERATIONS)
    # One thread: products this small gain nothing from two, and on a busy machine the waiting of
    # the threads for each other made the fit ten to a hundred times slower.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(standardised, labels)
        except ConvergenceWarning as warning:
            problem = (
                f"the probe did not converge in {ITERATIONS} iterations at C={inverse_penalty}"
            )
            raise RuntimeError(problem) from warning
    weight, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        # One logit for the second class is the same as half of it for and half of it against.
        weight, bias = np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    weight = weight / scale
    return Probe(weight, bias - weight @ mean, inverse_penalty)


def _cross_entropy(probe: Probe, features: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    logits = probe.logits(features)
    top = logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return float((total - logits[np.arange(len(labels)), labels]).mean())
