"""The ways of merging adapters, and the values that are tried for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Annotated

from pydantic import Field

from harness.checked import Checked
from harness.errors import ConfigError, nearest

SUMS = ("cat", "linear", "svd")
"""What takes no density: sums of all entries."""

PRUNED = (
    "ties", "ties_svd",
    "dare_linear", "dare_linear_svd", "dare_ties", "dare_ties_svd",
    "magnitude_prune", "magnitude_prune_svd",
)  # fmt: skip

Weight = Annotated[float, Field(gt=0)]
Density = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True)
class Candidate:
    """One merge, under the names of peft's `add_weighted_adapter`."""

    combination_type: str
    weight: float
    """The same for every adapter."""
    density: float | None
    """Share of the entries that is kept; None where nothing is pruned."""


@dataclass(frozen=True)
class Merging(Checked):
    """What `merge` of conf/compose.yaml holds."""

    combination_types: Annotated[tuple[str, ...], Field(min_length=1)]
    weights: Annotated[tuple[Weight, ...], Field(min_length=1)]
    densities: Annotated[tuple[Density, ...], Field(min_length=1)]

    def __post_init__(self) -> None:
        known = {*SUMS, *PRUNED}
        for name in self.combination_types:
            if name not in known:
                raise ConfigError("combination_types", name, nearest(name, known))

    def candidates(self, combination_type: str) -> list[Candidate]:
        """Every merge of this type that is tried, in the order of the config."""
        densities = self.densities if combination_type in PRUNED else (None,)
        return [Candidate(combination_type, *pair) for pair in product(self.weights, densities)]


def best(scores: Sequence[Sequence[float]]) -> int:
    """The row with the highest mean over its columns [candidates, tasks]; of equals the first."""
    return max(range(len(scores)), key=lambda row: fmean(scores[row]))


def relative(scores: dict[str, float], own: dict[str, float]) -> float | None:
    """Mean over tasks of a score over that of the task's own adapter; None where that is zero.

    The normalised score of Ilharco et al. 2022, arXiv 2212.04089.
    """
    if not all(own.values()):
        return None
    return fmean(score / own[task] for task, score in scores.items())
