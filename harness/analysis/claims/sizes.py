"""Claims about how large a size has to be."""

from __future__ import annotations

from harness.analysis.claims.quality import (
    Gap,
    Points,
    by_validation,
    gap,
    no_points,
    shown,
)
from harness.analysis.claims.selection import SEEDS, Selection, by_size, to_run
from harness.analysis.claims.verdict import (
    CONTRADICTED,
    SUPPORTED,
    UNDECIDED,
    Finding,
    Verdict,
    together,
    undecided,
)
from harness.analysis.entry import Entry
from harness.analysis.numbers import plural
from harness.analysis.study import Study
from harness.checked import Count
from harness.metrics.table import SHARES


def enough(study: Study, *, which: Selection, size: Count, points: Points = 1.0) -> Verdict:
    """A size is enough where no larger one of the same method leads it by more than so many points:
    the intervals of all their leads end there or below. It is not where one lead lies wholly above;
    else it cannot be told. With fewer than three seeds there is a hint and no verdict.
    """
    if study.metric not in SHARES:
        return undecided(no_points(study))
    findings = []
    for small, others in _around(study, which, size):
        for large in others:
            if (large.size or 0) > size:
                found = gap(study, large, small)
                alike, ahead = found.high <= points / 100, found.low > points / 100
                holds = SUPPORTED if alike else CONTRADICTED if ahead else UNDECIDED
                findings.append(_finding(study, holds, large, small, found))
    run = to_run(study, which, sizes=(size, 2 * size, 4 * size))
    if not findings:
        return undecided(f"There is no size {size} of {which} beside a larger one.", run)
    return together(findings, "comparison", run, one_contradicts=True)


def needed(study: Study, *, which: Selection, size: Count, points: Points = 1.0) -> Verdict:
    """A size is needed where it leads the next smaller one of the same method: the interval of its
    lead lies above zero and reaches beyond so many points. It is not where the lead ends there or
    below; else it cannot be told. With fewer than three seeds there is a hint and no verdict.
    """
    if study.metric not in SHARES:
        return undecided(no_points(study))
    findings = []
    for large, others in _around(study, which, size):
        smaller = [entry for entry in others if (entry.size or 0) < size]
        if smaller:
            found = gap(study, large, smaller[-1])
            alike, behind = found.high <= points / 100, found.low > 0
            holds = CONTRADICTED if alike else SUPPORTED if behind else UNDECIDED
            findings.append(_finding(study, holds, large, smaller[-1], found))
    run = to_run(study, which, sizes=(max(1, size // 2), size))
    if not findings:
        return undecided(f"There is no size {size} of {which} beside a smaller one.", run)
    return together(findings, "comparison", run)


def _around(study: Study, which: Selection, size: int) -> list[tuple[Entry, list[Entry]]]:
    """Per method that has the size: it, and all sizes of the method."""
    ranks = by_validation(study, which.of(study))
    sizes = by_size(study, which, lambda entry: ranks.get(entry.label)).values()
    return [(own, group) for group in sizes for own in group if own.size == size]


def _finding(study: Study, holds: str, large: Entry, small: Entry, found: Gap) -> Finding:
    words = shown(study, found)
    if found.seeds < SEEDS:
        holds, words = UNDECIDED, f"{words}; {plural(found.seeds, 'seed')}, a hint"
    return Finding(holds, f"{large.label} ({words})", (large, small), small.label)
