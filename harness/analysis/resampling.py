"""How qualities would have come out on other test examples and other seeds: a bootstrap.

Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 6 and 8. Test examples are
drawn once for all entries, so that entries that are right on the same examples move together and
comparisons stay paired; each entry's seeds are drawn for itself. Three seeds drawn from three vary
less than three new ones would, and one seed does not vary at all: shares are then too sure, which
is why whoever shows them says how many seeds there were.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from harness.analysis.entry import Entry
from harness.analysis.replicates import RESAMPLES, SEED, draws
from harness.analysis.study import Study
from harness.analysis.ties import Z
from harness.metrics.table import METRICS

# Trials whose outcomes are multiplied at once, so that memory stays that of a block.
BLOCK = 1024

_made: dict[int, NDArray[np.float64]] = {}


def resampled(study: Study) -> NDArray[np.float64]:
    """Qualities of shape (RESAMPLES, entries), in the order of `study.entries`; NaN where unknown.

    Where an entry has no outcomes on the examples that most entries were scored on, its qualities
    are drawn from a normal distribution of the width of its interval, apart from those of others.
    The same study gives the same numbers, and they are
    worked out once while it lives.
    """
    key = id(study)
    if key not in _made:
        _made[key] = _resampled(study)
        weakref.finalize(study, _made.pop, key)
    return _made[key]


def bootstrap(
    outcomes: Sequence[NDArray[np.float64]], keys: Sequence[str], resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """Mean outcomes of shape (resamples, entries).

    `outcomes` holds an array of shape (seeds, examples) of scores in [0, 1] for each entry, all on
    the same examples. `keys` seed the draws of the entries' seeds, so that those of one entry do
    not hang on which others there are.
    """
    n = outcomes[0].shape[1]
    # Products of times with 0 or 1 are whole numbers, exact below 2**24 examples.
    times = draws(n, resamples).astype(np.float32)
    found = np.empty((resamples, len(outcomes)))
    for start, stop in _blocks([len(each) for each in outcomes]):
        right = times @ np.concatenate(outcomes[start:stop]).astype(np.float32).T
        first = 0
        for place in range(start, stop):
            seeds = len(outcomes[place])
            own = right[:, first : first + seeds].astype(float)
            found[:, place] = _over_seeds(own, keys[place]) / (n * seeds)
            first += seeds
    return found


def win_shares(
    qualities: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    higher_is_better: bool = True,
    min_quality: float | None = None,
    cost: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """The share of resamples in which each entry wins, of shape (entries,).

    In each resample the entries that are `allowed` and whose resampled quality keeps to
    `min_quality` compete: the lowest `cost` wins, and among equal costs, or without any, the best
    quality. Entries that are equal in both share the resample in equal parts. Where nobody
    competes nobody wins, so shares add up to the share of resamples with a winner.
    """
    signed = qualities if higher_is_better else -qualities
    playing = allowed & ~np.isnan(signed)
    if min_quality is not None:
        playing = playing & (signed >= (min_quality if higher_is_better else -min_quality))
    if cost is not None:
        playing = _leading(np.broadcast_to(-cost, signed.shape), playing)
    winners = _leading(signed, playing).astype(float)
    sharing = winners.sum(axis=1, keepdims=True)
    return np.divide(winners, sharing, out=np.zeros_like(winners), where=sharing > 0).mean(axis=0)


def _leading(score: NDArray[np.float64], playing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """In each row, those that play and have the highest score of those that play."""
    held = np.where(playing, score, -np.inf)
    leading: NDArray[np.bool_] = playing & (
        held == held.max(axis=1, keepdims=True, initial=-np.inf)
    )
    return leading


def _resampled(study: Study) -> NDArray[np.float64]:
    found = np.full((RESAMPLES, len(study.entries)), np.nan)
    metric = METRICS.get(study.metric)
    if metric is not None and metric.is_mean:
        scored = _scored(study)
        keys = [_key(study.entries[place]) for place in scored]
        if scored:
            found[:, list(scored)] = bootstrap(list(scored.values()), keys)
    elif metric is not None:
        for place, values in _replicated(study).items():
            key = _key(study.entries[place])
            found[:, place] = _over_seeds(values, key) / values.shape[1]
    for place, entry in enumerate(study.entries):
        if np.isnan(found[0, place]) and entry["quality"].known:
            found[:, place] = _from_interval(entry)
    return found


def _replicated(study: Study) -> dict[int, NDArray[np.float64]]:
    """Metrics of resamples, of shape (RESAMPLES, seeds), by the place of the entry."""
    by_place = {
        place: made
        for place, entry in enumerate(study.entries)
        if entry["quality"].known and (made := study.replicates(entry)) is not None
    }
    counts = Counter(made.ids for made in by_place.values())
    ids = counts.most_common(1)[0][0] if counts else ()
    return {place: made.resampled.T for place, made in by_place.items() if made.ids == ids}


def _scored(study: Study) -> dict[int, NDArray[np.float64]]:
    """Outcomes of shape (seeds, examples) by the place of the entry, all on the same examples."""
    by_place = {
        place: [o for o in study.outcomes(entry) if o is not None]
        for place, entry in enumerate(study.entries)
        if entry["quality"].known
    }
    counts = Counter(o.ids for known in by_place.values() for o in known if o.ids)
    if not counts:
        return {}
    (ids, _), *_ = counts.most_common(1)
    scored = {}
    for place, known in by_place.items():
        arrays = [array[:, 0] for o in known if (array := o.on(ids)) is not None]
        if arrays and len(arrays) == len(study.entries[place].trials):
            scored[place] = np.stack(arrays)
    return scored


def _over_seeds(right: NDArray[np.float64], key: str) -> NDArray[np.float64]:
    """Sums over seeds drawn anew in each resample, of shape (resamples,)."""
    resamples, seeds = right.shape
    if seeds == 1:
        return right[:, 0]
    chosen = _generator(key).integers(0, seeds, size=(resamples, seeds))
    return np.take_along_axis(right, chosen, axis=1).sum(axis=1)


def _from_interval(entry: Entry) -> NDArray[np.float64]:
    """The interval holds what seeds add, too."""
    quality = entry["quality"]
    assert quality.value is not None
    half = (
        (quality.high - quality.low) / 2
        if quality.high is not None and quality.low is not None
        else 0.0
    )
    return _generator(_key(entry)).normal(quality.value, half / Z, RESAMPLES)


def _key(entry: Entry) -> str:
    return " ".join(entry.trials)


def _generator(key: str) -> np.random.Generator:
    return np.random.default_rng([SEED, crc32(key.encode())])


def _blocks(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of entries that together have about BLOCK trials: first place, and the one after."""
    blocks, start, total = [], 0, 0
    for place, length in enumerate(lengths):
        if total and total + length > BLOCK:
            blocks.append((start, place))
            start, total = place, 0
        total += length
    return [*blocks, (start, len(lengths))]
