"""Intervals and summaries of samples, as pure functions of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Bounds = tuple[float, float] | tuple[None, None]

# Fewest samples that carry a percentile. At these n the largest sample lies above the true
# percentile with a probability of at least 99.8%; with fewer, the figure would often be the
# largest sample under another name.
CARRIED_BY = {50: 11, 90: 64, 95: 130, 99: 662}

# Fewest samples of a bootstrap, or fewest blocks where samples come in blocks: from here on a 95%
# interval of a median covers 93 to 97% of the time by simulation, however heavy the tails.
FEWEST_RESAMPLED = 20

# Fewest samples whose mean carries an interval: from here on it covers as often where the samples
# are skewed (exponential) or have heavy tails (Student's t with 3 degrees of freedom); with 20 of
# the former it covers 91%.
FEWEST_AVERAGED = 50

_DRAWN = 1 << 20  # indices drawn at a time: bounds the memory of a bootstrap over many examples


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
    """Expanded percentile bootstrap over n examples.

    `statistic` maps an index array of shape (k, n), one resample a row, to k values; examples
    that belong together (the same round, the same text) therefore stay together.
    Returns (None, None) below FEWEST_RESAMPLED examples.

    The percentiles (Efron, 1979, Annals of Statistics 7:1-26) are taken further out than at half
    of what the confidence leaves (Hesterberg, 2015, arXiv 1411.5279, section 4.5): resamples
    spread less than samples do, by the factor sqrt((n - 1) / n), and n samples tell their own
    spread only as well as Student's t allows.
    """
    if n < 1:
        raise ValueError("no samples: expected at least one")
    if n < FEWEST_RESAMPLED:
        return None, None
    generator = np.random.default_rng(seed)
    rows = max(1, _DRAWN // n)
    values = [
        np.asarray(statistic(generator.integers(0, n, size=(min(rows, resamples - start), n))))
        for start in range(0, resamples, rows)
    ]
    tail = _tail(n, confidence)
    low, high = np.quantile(np.concatenate(values), [tail, 1 - tail])
    return float(low), float(high)


def _tail(n: int, confidence: float) -> float:
    """The share of resamples that lies beyond either bound."""
    student = stdtrit(n - 1, (1 + confidence) / 2)
    return NormalDist().cdf(-sqrt(n / (n - 1)) * student)


def bootstrap_mean(
    values: Sequence[float] | NDArray[np.floating],
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Bounds:
    """Bootstrap bounds of the mean of `values`; (None, None) below FEWEST_AVERAGED."""
    samples = np.asarray(values, dtype=float)
    if 0 < len(samples) < FEWEST_AVERAGED:
        return None, None
    return bootstrap(
        lambda rows: samples[rows].mean(axis=1), len(samples), seed, resamples, confidence
    )


def paired_ratio(
    numerators: Sequence[float],
    denominators: Sequence[float],
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
    blocks: Sequence[int] | None = None,
) -> Interval:
    """How many times slower the one is, from times taken in the same rounds.

    The value is the median of the per-round ratios: whatever slows a whole round (another
    program, a clock that drops) cancels inside it, which a ratio of medians cannot use, and a
    single disturbed call moves the median by one rank only. Rounds are resampled whole.

    `blocks` numbers the block that each round belongs to: rounds that share something which
    moves them all alike, such as where the weights lie in memory, tell less than as many
    independent ones, so that whole blocks are resampled. No bounds below FEWEST_RESAMPLED blocks.
    """
    above, below = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    if above.shape != below.shape or above.ndim != 1 or not len(above):
        raise ValueError(f"{above.shape} against {below.shape}: expected as many of each, n > 0")
    if not (above > 0).all() or not (below > 0).all():
        raise ValueError("a time that is not positive: expected times of rounds that were run")
    if blocks is not None and len(blocks) != len(above):
        raise ValueError(f"{len(blocks)} blocks of {len(above)} rounds: expected one per round")
    names, block = np.unique(
        np.arange(len(above)) if blocks is None else np.asarray(blocks), return_inverse=True
    )
    ratios = above / below
    order = np.argsort(ratios)

    def medians(drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        return _medians(ratios[order], counts(drawn)[:, block[order]])

    low, high = bootstrap(medians, len(names), seed, resamples, confidence)
    return Interval(float(np.median(ratios)), low, high)


def counts(drawn: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each of n examples was drawn, for indices of shape (k, n); the same shape."""
    k, n = drawn.shape
    numbered = drawn + n * np.arange(k)[:, None]
    return np.bincount(numbered.ravel(), minlength=k * n).reshape(k, n)


def _medians(ordered: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The medians of ascending values of shape (n,), each there as often as a row (k, n) says."""
    twice = 2 * counts.cumsum(axis=1)
    total = twice[:, -1:] // 2
    # With an even number of values the median lies halfway between the two in the middle.
    lower, upper = (twice >= total).argmax(axis=1), (twice > total).argmax(axis=1)
    return (ordered[lower] + ordered[upper]) / 2


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
