"""The linear probe: a minimum of its objective, in the units of the raw features."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.tasks import probe


def features(classes: int, n: int = 400) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Noisy features of very different scales, one of them constant."""
    generator = np.random.default_rng(classes)
    labels = np.arange(n) % classes
    centres = generator.normal(size=(classes, 6))
    x = centres[labels] + generator.normal(scale=1.5, size=(n, 6))
    return np.column_stack([x * [1, 10, 0.1, 3, 1, 100] + 5, np.ones(n)]), labels


@pytest.mark.parametrize("classes", [2, 4])
def test_the_fit_is_a_minimum(classes: int) -> None:
    x, y = features(classes)
    found = probe.fit(x, y, x, y)
    assert found.weight.shape == (classes, 7)
    assert found.bias.shape == (classes,)

    # Gradient of C * cross-entropy + |w|²/2 on standardised features, by hand.
    logits = x @ found.weight.T + found.bias
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    error = shares - np.eye(classes)[y]
    mean, scale = x.mean(axis=0), np.where(x.std(axis=0) > 1e-9, x.std(axis=0), 1)
    loss_gradient = found.inverse_penalty * error.T @ ((x - mean) / scale)
    weight = found.weight * scale
    # With two classes one weight vector is penalised: the difference of the two.
    penalty_gradient = weight * 2 if classes == 2 else weight
    assert np.abs(loss_gradient).max() > 0.1
    np.testing.assert_allclose(loss_gradient, -penalty_gradient, atol=2e-3)
    np.testing.assert_allclose(error.sum(axis=0), 0, atol=2e-2)


def test_the_penalty_is_chosen_on_validation() -> None:
    x, y = features(3)
    assert probe.fit(x, y, x, y).inverse_penalty == max(probe.INVERSE_PENALTIES)
    noise = np.random.default_rng(0).permutation(y)
    assert probe.fit(x, y, x, noise).inverse_penalty == min(probe.INVERSE_PENALTIES)


def test_a_constant_feature_has_no_weight() -> None:
    x, y = features(2)
    # Constant up to rounding, as a dead unit of a network is.
    x[:, 6] += np.random.default_rng(0).normal(scale=1e-9, size=len(x))
    assert np.abs(probe.fit(x, y, x, y).weight[:, 6]).max() < 1e-6


def test_a_fit_that_does_not_converge_is_no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "ITERATIONS", 2)
    x, y = features(2)
    with pytest.raises(RuntimeError, match=r"did not converge in 2 iterations at C=0\.001"):
        probe.fit(x, y, x, y)
