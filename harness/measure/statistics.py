"""Intervals and summaries of samples, as pure functions of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Bounds = tuple[float, float] | tuple[None, None]

# Fewest samples that carry a percentile. At these n the largest sample lies above the true
# percentile with a probability of at least 99.8%; with fewer, the figure would often be the
# largest sample under another name.
CARRIED_BY = {50: 11, 90: 64, 95: 130, 99: 662}

# Fewest samples of a bootstrap: from here on a 95% interval covers at least 93% of the time
# (by simulation, medians and means); with 7 it covers 89% and would look surer than it is.
FEWEST_RESAMPLED = 20

_BLOCK = 1 << 22  # indices drawn at a time: bounds the memory of a bootstrap over many examples


@dataclass(frozen=True)
class Interval:
    """A figure and its confidence bounds; None where the samples carry no interval."""

    value: float
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class Spread:
    """Median and interquartile range, in the unit of the samples."""

    median: float
    iqr: float
    n: int

    @property
    def relative(self) -> float:
        """IQR over median; zero where the samples do not spread."""
        return self.iqr / self.median if self.iqr else 0.0


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a proportion (Wilson, 1927, JASA 22:209-212).

    Unlike the textbook interval it stays inside [0, 1] and keeps its width at 0 and at n.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} successes of {n}: expected 0 <= successes <= n, n > 0")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the bound is 0 or 1 in exact arithmetic.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return low, high


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], ArrayLike],
    n: int,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Bounds:
    """Percentile bootstrap (Efron, 1979, Annals of Statistics 7:1-26) over n examples.

    `statistic` maps an index array of shape (k, n), one resample a row, to k values; examples
    that belong together (the same round, the same text) therefore stay together.
    Returns (None, None) below FEWEST_RESAMPLED examples.
    """
    if n < 1:
        raise ValueError("no samples: expected at least one")
    if n < FEWEST_RESAMPLED:
        return None, None
    generator = np.random.default_rng(seed)
    rows = max(1, _BLOCK // n)
    values = [
        np.asarray(statistic(generator.integers(0, n, size=(min(rows, resamples - start), n))))
        for start in range(0, resamples, rows)
    ]
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(values), [tail, 1 - tail])
    return float(low), float(high)


def bootstrap_mean(
    values: Sequence[float] | NDArray[np.floating],
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Bounds:
    """Bootstrap bounds of the mean of `values`; (None, None) below FEWEST_RESAMPLED."""
    samples = np.asarray(values, dtype=float)
    return bootstrap(
        lambda rows: samples[rows].mean(axis=1), len(samples), seed, resamples, confidence
    )


def paired_ratio(
    numerators: Sequence[float],
    denominators: Sequence[float],
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Interval:
    """How many times slower the one is, from times taken in the same rounds.

    The value is the median of the per-round ratios: whatever slows a whole round (another
    program, a clock that drops) cancels inside it, which a ratio of medians cannot use, and a
    single disturbed call moves the median by one rank only. Rounds are resampled whole.
    """
    above, below = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    if above.shape != below.shape or above.ndim != 1 or not len(above):
        raise ValueError(f"{above.shape} against {below.shape}: expected as many of each, n > 0")
    if not (above > 0).all() or not (below > 0).all():
        raise ValueError("a time that is not positive: expected times of rounds that were run")
    ratios = above / below
    low, high = bootstrap(
        lambda rows: np.median(ratios[rows], axis=1), len(ratios), seed, resamples, confidence
    )
    return Interval(float(np.median(ratios)), low, high)


def spread(samples: Sequence[float]) -> Spread:
    """Median and interquartile range of at least one sample."""
    if not len(samples):
        raise ValueError("no samples: expected at least one")
    low, middle, high = np.quantile(np.asarray(samples, dtype=float), [0.25, 0.5, 0.75])
    return Spread(float(middle), float(high - low), len(samples))


def percentiles(samples: Sequence[float]) -> dict[int, float]:
    """The percentiles that so many samples carry, by their number: {50: …, 90: …}."""
    carried = [percent for percent, n in CARRIED_BY.items() if len(samples) >= n]
    return {percent: float(np.percentile(samples, percent)) for percent in carried}
