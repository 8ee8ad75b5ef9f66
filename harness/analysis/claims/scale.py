"""Claims about what changes with the size of the model: judged over several studies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt

from harness.analysis import numbers
from harness.analysis.claims.quality import Gap, best, gap, shown
from harness.analysis.claims.selection import SEEDS, Selection
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
from harness.analysis.study import Study
from harness.metrics.table import SHARES

SPREAD = 2.0
"""The larger model has at least so many times the parameters, or no scale is seen."""


def gap_closes(studies: Sequence[Study], *, first: Selection, second: Selection) -> Verdict:
    """The second's lead over the first is smaller on the largest model than on the smallest that a
    task was run on, each the best by validation: the interval of the difference of the two leads
    lies above zero. It does not hold where it lies below; else it cannot be told. At least two
    models, one twice the size of the other, and three seeds.
    """
    tasks: dict[str, list[tuple[float, Study, Entry, Entry]]] = {}
    for study in studies:
        a, b = (best(study, one.of(study)) for one in (first, second))
        size = _parameters(study, (a, b))
        if a is not None and b is not None and size and study.metric in SHARES:
            tasks.setdefault(study.task, []).append((size, study, a, b))
    findings = []
    for task in sorted(tasks):
        runs = sorted(tasks[task], key=lambda run: run[0])
        if runs[-1][0] >= SPREAD * runs[0][0]:
            findings.append(_finding(task, runs[0], runs[-1]))
    if not findings:
        methods = ",".join(dict.fromkeys((*first.method, *second.method)))
        told = "No task was run with both on two models, one at least twice the size of the other."
        run = f"python -m harness -m model=minilm,smollm2 method={methods} seed=0,1,2"
        return undecided(told, run)
    return together(findings, "task")


def _finding(
    task: str,
    small: tuple[float, Study, Entry, Entry],
    large: tuple[float, Study, Entry, Entry],
) -> Finding:
    leads = [gap(study, b, a) for _, study, a, b in (small, large)]
    below, above = leads
    change = below.value - above.value
    # Other models and other fits: the two leads are independent, and half-widths add in squares.
    low = change - sqrt((below.value - below.low) ** 2 + (above.high - above.value) ** 2)
    high = change + sqrt((below.high - below.value) ** 2 + (above.value - above.low) ** 2)
    closed = Gap(change, low, high, min(below.seeds, above.seeds))
    words = f"{task} ({_lead(small, below)}; {_lead(large, above)}; the lead shrinks by "
    words += f"{shown(small[1], closed)})"
    entries = (*small[2:], *large[2:])
    if closed.seeds < SEEDS:
        return Finding(UNDECIDED, f"{words}, with fewer than {SEEDS} seeds a hint", entries)
    holds = SUPPORTED if low > 0 else CONTRADICTED if high < 0 else UNDECIDED
    return Finding(holds, words, entries)


def _lead(run: tuple[float, Study, Entry, Entry], lead: Gap) -> str:
    size, study, a, b = run
    return (
        f"{study.model}, {numbers.count(size)} parameters: {b.label} leads {a.label} by "
        f"{shown(study, lead)}"
    )


def _parameters(study: Study, entries: Iterable[Entry | None]) -> float | None:
    """Of the model with the least added to it."""
    wanted = {trial for entry in entries if entry is not None for trial in entry.trials}
    totals = [
        float(row["parameters.total"])
        for row in study.rows
        if str(row["trial"]) in wanted and "parameters.total" in row
    ]
    return min(totals, default=None)
