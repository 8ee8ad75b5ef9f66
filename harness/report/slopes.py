"""Ranks over studies: a line per configuration, from column to column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.analysis.numbers import listed, shortened, with_interval
from harness.analysis.overview import Across, Overview, Standing
from harness.report.captions import NOTHING
from harness.report.charts import Axis, Figure, Line, Mark, Scatter
from harness.report.style import Shape
from harness.report.subject import MOST, Subject

LINES = 20
"""Most configurations that have a line."""
NAMED = 3
"""Most studies whose names stand below their columns; of more, numbers do."""
LETTERS = 14
"""Of a name there."""
SIZE = 12.0


def slopes(
    found: Overview, subjects: Sequence[Subject], names: Sequence[str], shapes: Mapping[str, Shape]
) -> Figure:
    rows = [row for row in found.rows if len(row.known) > 1][:LINES]
    drawn = len(found.counted) > 1 and len(rows) > 1
    chart = _chart(found, subjects, names, shapes, rows) if drawn else None
    return Figure(
        "slopes",
        "Ranks from study to study",
        "Line plot of ranks, the best at the top, a column per study and a line per configuration.",
        _caption(found, names, rows) if drawn else f"{NOTHING}: fewer than two rankings meet.",
        chart,
    )


def _caption(found: Overview, names: Sequence[str], rows: Sequence[Across]) -> str:
    def moved(row: Across) -> int:
        return max(row.known) - min(row.known)

    most = sorted((row for row in rows if moved(row)), key=lambda row: -moved(row))
    told = "Nothing moves: every rank is the same in all studies."
    if most:
        told = f"Furthest moved: {listed(_move(row, names) for row in most[:3])}."
        still = len(rows) - len(most)
        if still:
            told += f" {still} of {len(rows)} keep their rank."
    told += " What is joined upright is tied, and its order means nothing."
    if len(names) > NAMED:
        told += " Columns are numbered as the table's."
    if len(rows) < len(found.rows):
        told += f" Drawn: {len(rows)} of {len(found.rows)}, in the order of the table."
    return told


def _move(row: Across, names: Sequence[str]) -> str:
    best, worst = min(row.known), max(row.known)
    return (
        f"{row.label} (rank {best} in {names[row.ranks.index(best)]}, "
        f"{worst} in {names[row.ranks.index(worst)]})"
    )


def _chart(
    found: Overview,
    subjects: Sequence[Subject],
    names: Sequence[str],
    shapes: Mapping[str, Shape],
    rows: Sequence[Across],
) -> Scatter:
    marks: dict[str, dict[int, Mark]] = {row.label: {} for row in rows}
    for column, place in enumerate(found.counted):
        for y, row, standing, tied in _slots(rows, place):
            marks[row.label][column] = Mark(
                "",
                row.family,
                shapes[row.method],
                SIZE,
                float(column),
                float(y),
                None,
                tied,
                _hover(subjects[place], names[place], standing),
                MOST,
            )
    for rank, row in enumerate(rows):
        own = marks[row.label]
        own[max(own)] = replace(own[max(own)], label=shortened(row.label, 24), rank=rank)
    lines = [Line(piece, row.family, False) for row in rows for piece in _pieces(marks[row.label])]
    every = [mark for own in marks.values() for mark in own.values()]
    return Scatter(
        _columns(found, names), _order(max(m.y for m in every)), tuple(every), tuple(lines), (), ""
    )


def _pieces(marks: Mapping[int, Mark]) -> list[tuple[tuple[float, float], ...]]:
    """Polylines over neighbouring columns: none leads over a study in which it is missing."""
    pieces: list[list[int]] = []
    for column in marks:
        if pieces and pieces[-1][-1] == column - 1:
            pieces[-1].append(column)
        else:
            pieces.append([column])
    return [tuple((marks[c].x, marks[c].y) for c in piece) for piece in pieces if len(piece) > 1]


def _slots(
    rows: Sequence[Across], place: int
) -> list[tuple[int, Across, Standing, tuple[float, float] | None]]:
    """From the best on: a place for each row, and first and last of the places that it shares."""
    there = [(row, s) for row in rows if (s := row.standings[place]) is not None]
    # What is tied keeps the order of the rows, so that lines cross for a reason.
    there.sort(key=lambda pair: pair[1].rank or 0)
    shared: dict[int | None, list[int]] = {}
    for y, (_, standing) in enumerate(there, 1):
        shared.setdefault(standing.rank, []).append(y)
    return [
        (y, row, standing, (group[0], group[-1]) if len(group) > 1 else None)
        for y, (row, standing) in enumerate(there, 1)
        for group in [shared[standing.rank]]
    ]


def _hover(subject: Subject, name: str, standing: Standing) -> tuple[str, ...]:
    quality = with_interval(standing.entry["quality"], subject.show_quality)
    rank = f"rank {standing.rank}{', tied' if standing.tied else ''}"
    return standing.entry.label, f"{name}: {rank}", f"{subject.quality_title} {quality}"


def _columns(found: Overview, names: Sequence[str]) -> Axis:
    last = len(found.counted) - 1
    named = len(names) <= NAMED
    ticks = tuple(
        (float(column), shortened(names[n], LETTERS) if named else str(n + 1))
        for column, n in enumerate(found.counted)
    )
    # Names of the lines stand at their right ends.
    return Axis("" if named else "study", -0.12 * last, last + 0.38 * last, False, ticks)


def _order(last: float) -> Axis:
    ticks = ((1.0, "best"), (last, "last"))
    return Axis("order in the study", last + 0.7, 0.3, False, ticks)
