"""Several studies side by side: how each configuration stands in each of them.

Studies may have different metrics, so that qualities of two of them have no common unit. What can
be compared, and is all that is averaged here, are ranks within a study, with ties.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.analysis.entry import Entry
from harness.analysis.study import Failure, Study
from harness.analysis.ties import compare, ranking

MOST = 40
"""Most configurations that are held side by side."""
NOT_RUN = "not run in this study"


@dataclass(frozen=True)
class Standing:
    """A configuration in one study. `rank` is among those held side by side there, and `tied` when
    others share it; None where it stands alone, so that there is nothing to rank. `closed` is the
    share of the way from the floor to the study's best, None where the best is not told from the
    floor.
    """

    entry: Entry
    rank: int | None
    tied: bool
    closed: float | None


@dataclass(frozen=True)
class Across:
    """A configuration, the same method and size, over the studies. Where it has no standing,
    `reasons` says why.
    """

    label: str
    method: str
    family: str
    standings: tuple[Standing | None, ...]
    reasons: tuple[str, ...]

    @cached_property
    def ranks(self) -> tuple[int | None, ...]:
        return tuple(None if standing is None else standing.rank for standing in self.standings)

    @cached_property
    def known(self) -> tuple[int, ...]:
        """Its ranks in the studies in which it has one."""
        return tuple(rank for rank in self.ranks if rank is not None)

    @property
    def led(self) -> int:
        """Studies in which nothing is told to be better."""
        return self.known.count(1)

    @property
    def mean_rank(self) -> float:
        return sum(self.known) / len(self.known) if self.known else float("inf")

    @property
    def least_closed(self) -> float | None:
        """In the study in which it closes least, of those in which there is a gap to close."""
        ranked = [s for s in self.standings if s is not None and s.rank is not None]
        return min((s.closed for s in ranked if s.closed is not None), default=None)


@dataclass(frozen=True)
class Overview:
    """`rows`: first those that are ranked in every counted study, of these those that lead most
    often, then by mean rank. `labels` is how many configurations there are to be held side by side,
    and `nowhere` what has no quality, with its reason.
    """

    studies: tuple[Study, ...]
    rows: tuple[Across, ...]
    labels: int
    nowhere: tuple[tuple[str, str], ...]

    @cached_property
    def counted(self) -> tuple[int, ...]:
        """Places of the studies that rank anything."""
        places = range(len(self.studies))
        return tuple(n for n in places if any(row.ranks[n] is not None for row in self.rows))

    def everywhere(self, row: Across) -> bool:
        """Whether it is ranked in every counted study: only of these can mean ranks be compared,
        since each then has met the same others on the same tests.
        """
        return len(row.known) == len(self.counted) > 0

    @cached_property
    def complete(self) -> tuple[Across, ...]:
        return tuple(row for row in self.rows if self.everywhere(row))


def across(studies: Sequence[Study]) -> Overview:
    """Every configuration with a quality anywhere or, where these are more than MOST, each method
    at the one size that does best over all studies.

    What stands alone in its studies, as do adapters that others are built on, is left out.
    """
    entries = [{entry.label: entry for entry in study.entries} for study in studies]
    known = [{label: e for label, e in by.items() if e["quality"].known} for by in entries]
    ranked = [by for by in known if len(by) > 1] or known
    labels = {label: e for by in reversed(ranked) for label, e in by.items()}
    shown = list(labels)
    if len(labels) > MOST:
        shown = _fewer(studies, labels)
    standings = [_standings(s, by, shown) for s, by in zip(studies, entries, strict=True)]
    ended = [_ended(study) for study in studies]
    found = [
        Across(
            label,
            labels[label].method,
            labels[label].family,
            tuple(by.get(label) for by in standings),
            tuple(
                "" if label in by else _why(held.get(label), ends, labels[label])
                for by, held, ends in zip(standings, entries, ended, strict=True)
            ),
        )
        for label in shown
    ]
    there = [entry for by in known for entry in by.values()]
    overview = Overview(tuple(studies), tuple(found), len(labels), _nowhere(ended, there))
    found.sort(key=lambda row: (not overview.everywhere(row), -row.led, row.mean_rank, row.label))
    return replace(overview, rows=tuple(found))


def _fewer(studies: Sequence[Study], labels: dict[str, Entry]) -> list[str]:
    """One configuration of each method, in most studies and of the best mean order there."""
    orders: dict[str, list[float]] = defaultdict(list)
    for study in studies:
        known = study.by_quality(study.entries)
        for place, entry in enumerate(known):
            orders[entry.label].append(place / len(known))

    def key(label: str) -> tuple[int, float, str]:
        places = orders[label]
        return -len(places), sum(places) / len(places), label

    chosen: dict[str, str] = {}
    for label in sorted(labels, key=key):
        chosen.setdefault(labels[label].method, label)
    return list(chosen.values())[:MOST]


def _standings(
    study: Study, entries: dict[str, Entry], shown: Iterable[str]
) -> dict[str, Standing]:
    known = [entries[label] for label in shown if label in entries]
    known = [entry for entry in known if entry["quality"].known]
    places = ranking(study, known)
    ranks = [place.rank for place in places.values()]
    ends = _way(study)
    return {
        entry.label: Standing(
            entry,
            places[entry.label].rank if len(known) > 1 else None,
            ranks.count(places[entry.label].rank) > 1,
            None if ends is None else _closed(entry, *ends),
        )
        for entry in known
    }


def _way(study: Study) -> tuple[float, float] | None:
    """The floor's quality, without one the commonest answer's, and the best one's; None where they
    cannot be told apart.
    """
    best, floor = study.best(), study.floor
    if best is None or best["quality"].value is None:
        return None
    top = best["quality"].value
    if floor is not None and floor["quality"].value is not None:
        tied = floor is best or compare(study, best, floor).tied
        return None if tied else (floor["quality"].value, top)
    low, high, bottom = best["quality"].low, best["quality"].high, study.majority
    if bottom is None or low is None or high is None or low <= bottom <= high:
        return None
    return bottom, top


def _closed(entry: Entry, floor: float, best: float) -> float:
    return ((entry["quality"].value or 0.0) - floor) / (best - floor)


def _ended(study: Study) -> dict[tuple[str, int | None], Failure]:
    """What failed or was skipped, by method and size."""
    by_trial = {failure.trial: failure for failure in (*study.skipped, *study.failures)}
    return {
        (str(row["method"]), None if row.get("size") is None else int(row["size"])): failure
        for row in study.rows
        if (failure := by_trial.get(str(row["trial"]))) is not None
    }


def _why(held: Entry | None, ended: dict[tuple[str, int | None], Failure], like: Entry) -> str:
    if held is not None:
        return held["quality"].reason or "no quality"
    failure = ended.get((like.method, like.size))
    return NOT_RUN if failure is None else f"{failure.status}: {failure.reason}"


def _nowhere(
    ended: Sequence[dict[tuple[str, int | None], Failure]], known: Iterable[Entry]
) -> tuple[tuple[str, str], ...]:
    there = {(entry.method, entry.size) for entry in known}
    found = {
        (method if size is None else f"{method} {size:g}"): f"{failure.status}: {failure.reason}"
        for by in ended
        for (method, size), failure in by.items()
        if (method, size) not in there
    }
    return tuple(sorted(found.items()))
