"""Several studies side by side: how each method does on each, at its best size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.entry import Entry
from harness.analysis.matched import best_of_each
from harness.analysis.study import Study
from harness.analysis.ties import ranking


@dataclass(frozen=True)
class Standing:
    """A method's best configuration in a study; `rank` is among the best of all methods there, and
    `tied` when others share it.
    """

    entry: Entry
    rank: int
    tied: bool


@dataclass(frozen=True)
class Across:
    """A method over the studies, a standing for each in which it has a quality."""

    method: str
    family: str
    standings: tuple[Standing | None, ...]

    @property
    def known(self) -> tuple[Standing, ...]:
        return tuple(standing for standing in self.standings if standing is not None)

    @property
    def led(self) -> int:
        """Studies in which nothing is told to be better."""
        return sum(standing.rank == 1 for standing in self.known)

    @property
    def mean_rank(self) -> float:
        return sum(standing.rank for standing in self.known) / len(self.known)


def across(studies: Sequence[Study]) -> tuple[Across, ...]:
    """Every method with a quality anywhere: first those that lead most often, then by mean rank.

    Ranks, not qualities, are averaged, since studies may have different metrics.
    """
    standings = [_standings(study) for study in studies]
    families = {method: s.entry.family for by in standings for method, s in by.items()}
    found = [
        Across(method, family, tuple(by.get(method) for by in standings))
        for method, family in families.items()
    ]
    return tuple(sorted(found, key=lambda a: (-a.led, a.mean_rank, a.method)))


def _standings(study: Study) -> dict[str, Standing]:
    best = best_of_each(study, study.entries)
    places = ranking(study, best)
    ranks = [place.rank for place in places.values()]
    return {
        entry.method: Standing(
            entry, places[entry.label].rank, ranks.count(places[entry.label].rank) > 1
        )
        for entry in best
    }
