"""How small a size does: of each method the smallest that ties with its best."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from harness.analysis.entry import Entry
from harness.analysis.study import Study
from harness.analysis.ties import Comparison, compare


@dataclass(frozen=True)
class Smallest:
    """Of one method that was run at several sizes; `comparison` is the best against the smallest
    that ties with it, None where they are the same.
    """

    method: str
    sizes: tuple[int, ...]
    best: Entry
    entry: Entry
    comparison: Comparison | None


def smallest_sizes(study: Study) -> tuple[Smallest, ...]:
    """In the order of the methods' names; a size that was run under several recipes counts with its
    best. Whatever cannot be told from the best ties, so few examples make small sizes look enough.
    """
    by_method: dict[str, dict[int, Entry]] = defaultdict(dict)
    for entry in study.by_quality(study.entries):
        if entry.size is not None:
            by_method[entry.method].setdefault(entry.size, entry)
    return tuple(
        _smallest(study, method, by_method[method])
        for method in sorted(by_method)
        if len(by_method[method]) > 1
    )


def _smallest(study: Study, method: str, at: dict[int, Entry]) -> Smallest:
    """`at` holds the entries by size, best quality first."""
    best = next(iter(at.values()))
    sizes = tuple(sorted(at))
    for size in sizes:
        if at[size] is best:
            break
        comparison = compare(study, best, at[size])
        if comparison.tied:
            return Smallest(method, sizes, best, at[size], comparison)
    return Smallest(method, sizes, best, best, None)
