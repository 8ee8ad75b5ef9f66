"""Claims about how long an answer takes, as a ratio to the base."""

from __future__ import annotations

from harness.analysis.claims.measured import Margin, RatioToBase, interval, name, told
from harness.analysis.claims.selection import Chosen, Selection, missing, to_run
from harness.analysis.claims.verdict import (
    CONTRADICTED,
    SUPPORTED,
    UNDECIDED,
    Finding,
    Verdict,
    together,
    trials,
)
from harness.analysis.entry import Entry
from harness.analysis.nulls import verdict as nulls
from harness.analysis.numbers import listed
from harness.analysis.study import Study


def no_overhead(
    study: Study, *, which: Selection, figure: RatioToBase, margin: Margin = 0.02
) -> Verdict:
    """A configuration adds nothing where the interval of its ratio to the base ends at 1 + margin
    or below, and adds something where the interval begins above that; else it cannot be told.

    Undecided for all where the latency nulls of the other configurations fail.
    """
    return _judged(study, which, figure, margin, adds=False)


def overhead(
    study: Study, *, which: Selection, figure: RatioToBase, margin: Margin = 0.02
) -> Verdict:
    """A configuration adds latency where the interval of its ratio to the base begins above
    1 + margin, and adds none where the interval ends there or below; else it cannot be told.

    Undecided for all where the latency nulls of the other configurations fail.
    """
    return _judged(study, which, figure, margin, adds=True)


def _judged(study: Study, which: Chosen, figure: str, margin: float, adds: bool) -> Verdict:
    chosen = which.of(study)
    tested = [entry for entry in chosen if entry[figure].known]
    if not tested:
        return missing(study, figure, name(figure), which)
    findings = [_finding(entry, figure, margin, adds) for entry in tested]
    # Those under test are no nulls here: that they are the base's equals is what is claimed.
    labels = {entry.label for entry in chosen}
    others = nulls(entry for entry in study.entries if entry.label not in labels)
    if others.failed:
        missed = listed(null.label for null in others.missed)
        words = (
            f"The latency nulls fail ({missed} differ from the base), so no latency is relied on."
        )
        return Verdict(UNDECIDED, words, len(tested), trials=trials(findings))
    return together(findings, run=to_run(study, which))


def _finding(entry: Entry, figure: str, margin: float, adds: bool) -> Finding:
    bounds, words = interval(entry, figure), told(entry, figure)
    if entry.unstable:
        words += ", unstable"
    if bounds is None:
        return Finding(UNDECIDED, words, (entry,))
    slower, alike = bounds[0] > 1 + margin, bounds[1] <= 1 + margin
    if not (slower or alike):
        return Finding(UNDECIDED, words, (entry,))
    return Finding(SUPPORTED if slower == adds else CONTRADICTED, words, (entry,))
