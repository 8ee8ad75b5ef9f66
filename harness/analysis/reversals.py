"""Where the ranking changes from study to study, and where it only seems to.

A pair of configurations changes places where one is told to be better in one study and told to be
worse in another, both by the rule for ties that the studies use themselves. Another order without
that is no change that could be claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analysis.entry import Entry
from harness.analysis.overview import Across, Overview
from harness.analysis.study import Study
from harness.analysis.ties import against

FALSE = 0.025
"""How often an interval of 95% lies wholly on the wrong side of no difference, at most."""


@dataclass(frozen=True)
class Reversal:
    """`first` is told to be better than `second` in the studies at the places `better`, and told to
    be worse in those at `worse`.
    """

    first: str
    second: str
    better: tuple[int, ...]
    worse: tuple[int, ...]


@dataclass(frozen=True)
class Reversals:
    """`found`: those decided in most studies first. `open` counts pairs whose order differs between
    studies without being a reversal, `pairs` those that two studies have in common, and `by_chance`
    is how many reversals to expect at most where no order truly changes.
    """

    found: tuple[Reversal, ...]
    open: int
    pairs: int
    by_chance: float


def reversals(overview: Overview) -> Reversals:
    """Over the counted studies, of all pairs of rows."""
    counted, rows = overview.counted, overview.rows
    if len(counted) < 2:
        return Reversals((), 0, 0, 0.0)
    both = [_orders(overview.studies[n], [_entry(row, n) for row in rows]) for n in counted]
    told, seen = (np.stack(part) for part in zip(*both, strict=True))
    upper = np.triu(np.ones(told.shape[1:], dtype=bool), 1)
    met = (~np.isnan(told)).sum(axis=0)
    common = upper & (met > 1)
    better, worse = (told > 0).any(axis=0), (told < 0).any(axis=0)
    turned = common & better & worse
    moved = common & ~turned & (seen > 0).any(axis=0) & (seen < 0).any(axis=0)
    decided = common & (better | worse)
    found = [
        _reversal(rows[i].label, rows[j].label, told[:, i, j], counted)
        for i, j in np.argwhere(turned).tolist()
    ]
    found.sort(key=lambda r: (-min(len(r.better), len(r.worse)), -len(r.better) - len(r.worse)))
    # A pair that is truly in one order needs one decision on the wrong side, in one of the studies
    # beside that which shows the right one.
    by_chance = FALSE * float((met - 1)[decided].sum())
    return Reversals(tuple(found), int(moved.sum()), int(common.sum()), by_chance)


def _entry(row: Across, place: int) -> Entry | None:
    standing = row.standings[place]
    return None if standing is None else standing.entry


def _orders(
    study: Study, entries: Sequence[Entry | None]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two arrays of shape (entries, entries), 1 where the first is better, −1 where it is worse:
    as far as they are told apart (0 where tied), and as they came out. NaN where one is missing.
    """
    n = len(entries)
    told, seen = np.full((2, n, n), np.nan)
    there = [(place, entry) for place, entry in enumerate(entries) if entry is not None]
    for k, (i, first) in enumerate(there):
        others = there[k + 1 :]
        found = against(study, first, [entry for _, entry in others]) if others else []
        for (j, _), comparison in zip(others, found, strict=True):
            seen[i, j] = np.sign(comparison.difference)
            told[i, j] = 0.0 if comparison.tied else seen[i, j]
    return told, seen


def _reversal(
    first: str, second: str, told: NDArray[np.float64], counted: Sequence[int]
) -> Reversal:
    better = tuple(n for n, sign in zip(counted, told.tolist(), strict=True) if sign > 0)
    worse = tuple(n for n, sign in zip(counted, told.tolist(), strict=True) if sign < 0)
    # The one that is better more often is named first.
    if len(worse) > len(better):
        return Reversal(second, first, worse, better)
    return Reversal(first, second, better, worse)
