"""Metrics of many resamples of the same examples at once.

Each takes what the metric knows of every example, `columns` of shape (examples, …), and how often
each example was drawn, `times` of shape (resamples, examples); it gives the metric of each
resample, of shape (resamples,). With a single row of ones that is the metric itself. What is a
function of sums over examples is a matrix product, however many resamples there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.metrics.answers import CHRF_ORDERS

Floats = NDArray[np.float64]
Levels = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
BLOCK = 2**14
"""Numbers that are ranked at a time: 128 KiB, several of which a processor's cache holds."""


def mean(columns: Floats, times: Floats) -> Floats:
    found: Floats = (times @ columns)[:, 0] / times.sum(axis=1)
    return found


def macro_f1(columns: Floats, times: Floats) -> Floats:
    """Columns: the class that was predicted and the right one; over those that were drawn."""
    classes = np.unique(columns)
    predicted, actual = ((column[:, None] == classes).astype(float) for column in columns.T)
    right, occurring = times @ (predicted * actual), times @ (predicted + actual)
    found: Floats = np.nanmean(_ratio(2 * right, occurring, np.nan), axis=1)
    return found


def pooled_f1(columns: Floats, times: Floats) -> Floats:
    """Columns: right, predicted and actual ones. 0 where there is nothing to find and nothing was
    found, as conlleval has it.
    """
    right, predicted, actual = (times @ columns).T
    return _ratio(2 * right, predicted + actual)


def perplexity(columns: Floats, times: Floats) -> Floats:
    """Columns: nats and tokens."""
    nats, tokens = (times @ columns).T
    # A model that diverged has an infinite one, which is for the caller to tell.
    with np.errstate(over="ignore"):
        found: Floats = np.exp(_ratio(nats, tokens, np.inf))
    return found


def chrf(columns: Floats, times: Floats) -> Floats:
    """Columns: for each order the n-grams of the answer, of the reference, and in both.

    F with a recall that weighs twice (beta = 2), of precisions and recalls averaged over the orders
    that both sides have.
    """
    answer, reference, both = (times @ columns).reshape(-1, CHRF_ORDERS, 3).transpose(2, 0, 1)
    orders = ((answer > 0) & (reference > 0)).sum(axis=1)
    precision = _ratio(_ratio(both, answer).sum(axis=1), orders)
    recall = _ratio(_ratio(both, reference).sum(axis=1), orders)
    return _ratio(5 * precision * recall, 4 * precision + recall)


def pearson(columns: Floats, times: Floats) -> Floats:
    """Columns: what was predicted and what is right."""
    predicted, actual = (np.broadcast_to(column, times.shape) for column in columns.T)
    return _correlation(predicted, actual, times)


def spearman(columns: Floats, times: Floats) -> Floats:
    """Columns: what was predicted and what is right. Each resample is ranked anew: ranks kept from
    all examples would leave out what ranks themselves vary by.
    """
    sides = [_levels(column) for column in columns.T]
    rows = max(1, BLOCK // len(columns))
    blocks = (times[first : first + rows] for first in range(0, len(times), rows))
    return np.concatenate([_rank_correlation(sides, block) for block in blocks])


def _levels(values: Floats) -> Levels:
    """The places of the values in rising order; where in that order each level, which equal values
    share, ends; and the level of each value.
    """
    _, level, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.argsort(level, kind="stable"), counts.cumsum() - 1, level


def _rank_correlation(sides: Sequence[Levels], times: Floats) -> Floats:
    first, second = (_ranks(side, times) for side in sides)
    covariance, one, other = (
        np.einsum("ij,ij,ij->i", times, left, right)
        for left, right in ((first, second), (first, first), (second, second))
    )
    return _ratio(covariance, np.sqrt(one * other))


def _ranks(side: Levels, times: Floats) -> Floats:
    """Of shape (resamples, examples): equal values share the mean of the ranks that they take.

    Twice the ranks less twice their mean: whole numbers, of which sums are exact.
    """
    order, ends, level = side
    drawn = np.take(times, order, axis=1).astype(np.int64)  # fractions add up far slower
    up_to = np.take(drawn.cumsum(axis=1), ends, axis=1)
    ranks = up_to - drawn.sum(axis=1, keepdims=True)
    ranks[:, 1:] += up_to[:, :-1]
    return np.take(ranks.astype(float), level, axis=1)


def _correlation(first: Floats, second: Floats, times: Floats) -> Floats:
    """Pearson's, each example there as often as it was drawn; 0 where either side is constant."""
    first, second = _centred(first, times), _centred(second, times)
    drawn, others = times * first, times * second
    covariance = np.einsum("ij,ij->i", drawn, second)
    squares = np.einsum("ij,ij->i", drawn, first) * np.einsum("ij,ij->i", others, second)
    return _ratio(covariance, np.sqrt(squares))


def _centred(side: Floats, times: Floats) -> Floats:
    mean = np.einsum("ij,ij->i", times, side) / times.sum(axis=1)
    found = side - mean[:, None]
    # What is left of a constant is rounding, and would correlate with anything.
    found[np.abs(found) <= 1e-12 * np.abs(side)] = 0.0
    return found


def _ratio(above: Floats, below: Floats, otherwise: float = 0.0) -> Floats:
    return np.divide(above, below, out=np.full_like(above, otherwise), where=below > 0)
