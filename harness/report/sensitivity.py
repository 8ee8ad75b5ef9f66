"""How far each position in the triangle hangs on the rule."""

from __future__ import annotations

from harness.analysis import numbers
from harness.analysis.numbers import listed
from harness.analysis.triangle import FIRST, Sensitivity
from harness.report.captions import NOTHING
from harness.report.charts import Figure, Forest, ForestRow, axis
from harness.report.subject import Subject

LOOSE = 0.1
"""A share of the weight whose move is worth a word; corners this close count as one, too."""


def sensitivity(subject: Subject) -> Figure:
    found = sorted(subject.sensitivity, key=lambda s: -s.moved)
    shown = {entry.label for entry in subject.few}
    groups = tuple(
        (title, rows)
        for title, steady in (("Nearest corner changes", False), ("Nearest corner stays", True))
        if (
            rows := tuple(
                _row(subject, s) for s in found if s.steady is steady and s.entry.label in shown
            )
        )
    )
    values = [0.0, *(s.moved for s in found)]
    chart = Forest(axis("largest share moved", values, numbers.in_percent), groups, None, 0.0)
    return Figure(
        "sensitivity",
        "How much hangs on the rule",
        "Dot plot of the largest share of weight that another rule moves, per configuration.",
        _caption(subject, found),
        chart if groups else None,
    )


def _caption(subject: Subject, found: list[Sensitivity]) -> str:
    if not found:
        return f"{NOTHING} about the rule: no configuration has a position under all of them."
    if len(subject.entries) < 2:
        return f"{NOTHING} about the rule: a single configuration has nothing to be compared with."
    names = (triangle.name for triangle in subject.alternatives)
    told = [
        f"Against “{FIRST}”, another rule ({listed(names)}) moves "
        f"{numbers.in_percent(found[-1].moved)} to {numbers.in_percent(found[0].moved)} "
        "of a configuration's weight."
    ]
    changes = [s.entry.label for s in found if not s.steady]
    told.append(
        f"The nearest corner depends on the rule for {listed(changes)}."
        if changes
        else "No nearest corner depends on the rule."
    )
    firm = sum(s.moved <= LOOSE for s in found)
    told.append(f"{firm} of {len(found)} move by no more than {numbers.in_percent(LOOSE)}.")
    if len(subject.few) < len(subject.entries):
        told.append(f"Drawn: {len(subject.few)} of {len(subject.entries)}.")
    return " ".join(told)


def _row(subject: Subject, found: Sensitivity) -> ForestRow:
    entry = found.entry
    rules = (FIRST, *(triangle.name for triangle in subject.alternatives))
    return ForestRow(
        numbers.shortened(entry.label),
        entry.family,
        subject.shapes[entry.method],
        found.moved,
        None,
        None,
        (
            f"{entry.label}: up to {numbers.in_percent(found.moved)} of the weight moves",
            *(f"{rule}: {near}" for rule, near in zip(rules, found.nearest, strict=True)),
        ),
    )
