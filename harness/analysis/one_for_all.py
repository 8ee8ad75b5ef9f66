"""Which configuration to take if one has to serve all studies, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from harness.analysis.overview import Across, Overview
from harness.analysis.resampling import resampled

BOUNDS = ("head", "full")
"""Families that methods are held against, and which are no pick."""


@dataclass(frozen=True)
class Candidate:
    """`share`: of the resamples of test examples and seeds, in how many it has the best mean rank;
    what shares the best shares the resample.
    """

    row: Across
    share: float


def one_for_all(overview: Overview) -> tuple[Candidate, ...]:
    """Methods ranked in every counted study, best first: by studies led, then by mean rank, then by
    their share.

    Empty where fewer than two studies count, since nothing then has to serve several. Shares hold
    for these studies alone: another task or model is no resample of them.
    """
    rows = [row for row in overview.complete if row.family not in BOUNDS]
    if len(overview.counted) < 2 or not rows:
        return ()
    means = np.mean([_ranks(overview, rows, place) for place in overview.counted], axis=0)
    best = means == means.min(axis=1, keepdims=True)
    shares = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    found = [Candidate(*pair) for pair in zip(rows, shares.tolist(), strict=True)]
    return tuple(sorted(found, key=lambda c: (-c.row.led, c.row.mean_rank, -c.share)))


def _ranks(overview: Overview, rows: list[Across], place: int) -> np.ndarray:
    """Ranks among these rows in each resample of a study, of shape (resamples, rows)."""
    study = overview.studies[place]
    index = {entry.label: n for n, entry in enumerate(study.entries)}
    qualities = resampled(study)[:, [index[row.label] for row in rows]]
    signed = -qualities if study.higher_is_better else qualities
    ranks: np.ndarray = rankdata(signed, axis=1)
    return ranks
