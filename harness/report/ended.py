"""Trials that left no figures, by the reasons that they share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.numbers import DASH, in_bytes, plural
from harness.analysis.search import search_failures
from harness.analysis.study import Failure
from harness.report.subject import Subject
from harness.report.table import Link, record_href

MOST = 50
"""Reasons that the page lists; a sweep may fail ten thousand times, each time with other words."""
NAMED = 6
"""Trials of a reason that are named."""


@dataclass(frozen=True)
class Reason:
    """What ended trials in one way: the first of them, and how many `further` there are.

    `needs` is what they were said to need, where they were left out for that.
    """

    text: str
    status: str
    needs: str
    trials: tuple[Link, ...]
    further: int


@dataclass(frozen=True)
class Ended:
    """The commonest reasons, and in words what is not listed."""

    reasons: tuple[Reason, ...]
    unlisted: str


def failures(subject: Subject, out: Path) -> Ended:
    """Of reasons as common as each other, those of searches for a learning rate come last."""
    return _ended([*subject.study.failures, *search_failures(subject.study)], out)


def skipped(subject: Subject, out: Path) -> Ended:
    """What was left out before it began; of reasons as common as each other the most needful."""
    return _ended(sorted(subject.study.skipped, key=lambda one: -(one.predicted or 0.0)), out)


def _ended(found: Iterable[Failure], out: Path) -> Ended:
    alike: dict[tuple[str, str], list[Failure]] = defaultdict(list)
    for one in found:
        alike[one.status, one.reason].append(one)
    groups = sorted(alike.values(), key=len, reverse=True)
    return Ended(tuple(_reason(group, out) for group in groups[:MOST]), _unlisted(groups[MOST:]))


def _reason(group: list[Failure], out: Path) -> Reason:
    first = group[0]
    return Reason(
        text=first.reason,
        status=first.status.replace("_", " "),
        needs=in_bytes(first.predicted) if first.predicted else DASH,
        trials=tuple(Link(t.label, record_href(t.path, out), t.trial) for t in group[:NAMED]),
        further=len(group[NAMED:]),
    )


def _unlisted(groups: list[list[Failure]]) -> str:
    if not groups:
        return ""
    trials = plural(sum(map(len, groups)), "more trial")
    reasons = plural(len(groups), "other reason")
    where = "each record says its own, and harness.load reads them all as the column reason"
    return f"Not listed: {trials}, with {reasons}; {where}."
