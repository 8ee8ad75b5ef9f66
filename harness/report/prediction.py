"""Memory: what was predicted of each peak against what was measured of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from harness.analysis import numbers
from harness.analysis.numbers import DASH, in_bytes, plural, signed_points, significant
from harness.analysis.prediction import (
    PARTS,
    PHASES,
    Accuracy,
    Predicted,
    accuracy,
    unpredicted,
)
from harness.report.charts import Figure, Line, Mark, Scatter, axis
from harness.report.subject import Subject
from harness.report.table import Cell, Column, in_unit

NAMES = {"train": "training", "inference": "inference"}
STEPS = 40
"""Pieces of the diagonal, short enough for names to be placed beside them."""


@dataclass(frozen=True)
class PeakRow:
    """One peak of one trial, as the table shows it."""

    label: str
    trials: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class PeakTable:
    columns: tuple[Column, ...]
    rows: tuple[PeakRow, ...]


def prediction(subject: Subject) -> Figure:
    return Figure(
        "prediction",
        "Measured against predicted",
        "Scatter plot of measured against predicted peaks of memory, both on log scales, with the "
        "diagonal on which the two agree.",
        " ".join([caption(subject), *_left_out(subject)]),
        _chart(subject, _worst(subject)),
    )


def peaks(subject: Subject) -> PeakTable:
    """A row per peak that was predicted, the worst prediction first."""
    found = _worst(subject)
    unit, size = numbers.bytes_unit(one.measured for one in found)
    show = in_unit(size)

    def cell(value: float | None) -> Cell:
        return Cell(DASH, reason="not recorded") if value is None else Cell(show(value))

    columns = [
        Column("Measured", unit, "largest allocated memory"),
        Column("Predicted", unit, "of the largest allocated memory, before it was measured"),
        Column("Error", "%", "predicted over measured, less one"),
        *(Column(numbers.capital(part), unit, "at the measured peak") for part in PARTS),
    ]
    reserved = any(one.reserved is not None for one in found)
    if reserved:
        columns.append(Column("Reserved", unit, "what the device's allocator held"))
    rows = tuple(
        PeakRow(
            f"{_name(subject, one.trial)}, {NAMES[one.phase]}",
            one.trial,
            (
                cell(one.measured),
                cell(one.predicted),
                Cell(signed_points(one.error)),
                *(cell(one.parts.get(part)) for part in PARTS),
                *([cell(one.reserved)] if reserved else []),
            ),
        )
        for one in found
    )
    return PeakTable(tuple(columns), rows)


def without(subject: Subject) -> tuple[tuple[str, str], ...]:
    """Trials that were measured and not predicted, and why, each reason once."""
    if not subject.predicted:
        return ()
    return tuple((numbers.listed(names, most=8), why) for why, names in _reasons(subject).items())


def caption(subject: Subject) -> str:
    found = subject.predicted
    told = accuracy(found)
    if told is None:
        reasons = numbers.listed(_reasons(subject), most=3) or "no trial finished"
        return f"No peak of memory was predicted: {reasons}."
    sentences = [_errors(subject, found, told)]
    if told.low:
        sentences.append(f"{told.low} of {told.n} lie below what was measured.")
    reserved = [one.reserved / one.measured - 1 for one in found if one.reserved is not None]
    if reserved:
        sentences.append(
            "The prediction is one of allocated bytes; what the GPU's allocator reserved lies "
            f"above, by up to {significant(100 * max(reserved), 2)}% of what was allocated."
        )
    return " ".join(sentences)


def _worst(subject: Subject) -> list[Predicted]:
    """The peaks that are shown one by one, the worst prediction first."""
    return sorted(subject.predicted, key=lambda one: -abs(one.error))[: subject.most]


def _left_out(subject: Subject) -> list[str]:
    n = len(subject.predicted)
    return [f"Shown are the {subject.most} worst of {n:,}."] if n > subject.most else []


def _errors(subject: Subject, found: list[Predicted], told: Accuracy) -> str:
    trials = len({one.trial for one in found})
    worst = told.worst
    who = f"{_name(subject, worst.trial)}, {NAMES[worst.phase]}"
    sizes = f"{in_bytes(worst.predicted)} predicted, {in_bytes(worst.measured)} measured"
    if told.n == 1:
        return f"One peak was predicted: {signed_points(worst.error)}% off ({who}: {sizes})."
    return (
        f"{plural(told.n, 'peak')} of {plural(trials, 'trial')} were predicted: off by "
        f"{significant(100 * told.median, 2)}% in the median and by "
        f"{significant(100 * abs(worst.error), 2)}% at worst ({who}: {sizes})."
    )


def _chart(subject: Subject, found: list[Predicted]) -> Scatter | None:
    if not found:
        return None
    unit, size = numbers.bytes_unit(one.measured for one in found)
    reach = [value / size for one in found for value in (one.predicted, one.measured)]
    show = numbers.short(significant)
    x = axis(f"predicted ({unit})", reach, show, log=True)
    y = replace(x, title=f"measured ({unit})")
    corners = [x.low * (x.high / x.low) ** (step / STEPS) for step in range(STEPS + 1)]
    diagonal = Line(tuple((value, value) for value in corners), None, False)
    marks: list[Mark] = []
    named: set[tuple[str, str]] = set()
    for rank, one in enumerate(found):
        entry = subject.by_trial[one.trial]
        # Seeds lie upon each other; the one that is furthest off carries their name.
        name = "" if (entry.label, one.phase) in named else numbers.shortened(entry.label)
        named.add((entry.label, one.phase))
        shape = replace(subject.shapes[entry.method], pale=one.phase != PHASES[0])
        marks.append(
            Mark(
                name,
                entry.family,
                shape,
                subject.sizes[entry.label],
                one.predicted / size,
                one.measured / size,
                None,
                None,
                _hover(subject, one),
                rank if name else rank + len(found),
                subject.index[entry.label],
            )
        )
    return Scatter(x, y, tuple(marks), (diagonal,), (), "")


def _hover(subject: Subject, one: Predicted) -> tuple[str, ...]:
    lines = [
        f"{_name(subject, one.trial)}, {NAMES[one.phase]}",
        f"measured {in_bytes(one.measured)}",
        f"predicted {in_bytes(one.predicted)} ({signed_points(one.error)}%)",
    ]
    lines += [f"{part} {in_bytes(value)}" for part, value in one.parts.items() if value]
    if one.reserved is not None:
        lines.append(f"reserved {in_bytes(one.reserved)}")
    return tuple(lines)


def _reasons(subject: Subject) -> dict[str, list[str]]:
    """Trials by the reason for which they were not predicted."""
    reasons: dict[str, list[str]] = defaultdict(list)
    rows = {str(row["trial"]): row for row in subject.study.rows}
    for trial in (trial for entry in subject.in_order for trial in entry.trials):
        why = unpredicted(rows[trial])
        if why:
            reasons[why].append(_name(subject, trial))
    return reasons


def _name(subject: Subject, trial: str) -> str:
    """The configuration, and the seed where it was run with several."""
    entry = subject.by_trial[trial]
    if len(entry.trials) == 1:
        return entry.label
    return f"{entry.label} (seed {entry.seeds[entry.trials.index(trial)]})"
