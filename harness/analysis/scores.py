"""What an entry's trials scored, example by example, averaged over its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analysis.estimate import seed_half_width
from harness.analysis.evidence import Outcomes


@dataclass(frozen=True)
class Scores:
    """`per_example` has shape (examples,), in the order of `ids`; `width` is Student's half-width
    between seeds, 0 for one seed.
    """

    ids: tuple[str, ...]
    per_example: NDArray[np.float64]
    width: float

    @classmethod
    def of(cls, outcomes: NDArray[np.float64], ids: tuple[str, ...] = ()) -> Scores:
        """Of outcomes in [0, 1] of shape (seeds, examples)."""
        by_seed = outcomes.mean(axis=1).tolist()
        width = seed_half_width(by_seed) if len(by_seed) > 1 else 0.0
        return cls(ids, outcomes.mean(axis=0), width)


def pooled_scores(outcomes: Sequence[Outcomes | None]) -> Scores | None:
    """Of the outcomes of each seed, by a metric that is a mean; None where some seed has none, or
    on other examples.
    """
    first = outcomes[0] if outcomes else None
    if first is None or not first.ids:
        return None
    known = [on[:, 0] for o in outcomes if o is not None and (on := o.on(first.ids)) is not None]
    return Scores.of(np.stack(known), first.ids) if len(known) == len(outcomes) else None
