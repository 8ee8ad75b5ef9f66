"""Several studies side by side: every method at its best size, on every task and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis import numbers
from harness.analysis.numbers import listed
from harness.analysis.overview import Across, Standing, across
from harness.report import style
from harness.report.subject import Subject

NAMED = 5
"""Most methods that the conclusion names."""


@dataclass(frozen=True)
class Heading:
    """A study's column; `key` leads to its section."""

    key: str
    task: str
    model: str
    unit: str


@dataclass(frozen=True)
class Cell:
    """`leads`: nothing there is told to be better. Without a quality only a dash."""

    quality: str
    interval: str
    rank: str
    size: str
    leads: bool


@dataclass(frozen=True)
class Row:
    method: str
    token: str
    marker: str
    role: str
    led: str
    mean_rank: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Overview:
    sentence: str
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]


def overview(sections: Sequence[tuple[str, Subject]]) -> Overview | None:
    """Of studies given with the keys of their sections; None where there are not several."""
    if len(sections) < 2:
        return None
    subjects = [subject for _, subject in sections]
    found = across([subject.study for subject in subjects])
    shapes = style.shapes(method.method for method in found)
    headings = tuple(
        Heading(key, subject.study.task, subject.study.model, _unit(subject))
        for key, subject in sections
    )
    rows = tuple(_row(subjects, method, shapes[method.method].matplotlib) for method in found)
    return Overview(_sentence(found, len(subjects)), headings, rows)


def _unit(subject: Subject) -> str:
    metric = subject.study.metric
    return f"{metric}, points" if subject.in_points else metric


def _row(subjects: Sequence[Subject], method: Across, marker: str) -> Row:
    return Row(
        method.method,
        style.token(method.family),
        marker,
        {"head": "floor", "full": "ceiling"}.get(method.family, ""),
        f"{method.led} of {len(method.known)}",
        f"{method.mean_rank:.1f}",
        tuple(
            None if standing is None else _cell(subject, standing)
            for subject, standing in zip(subjects, method.standings, strict=True)
        ),
    )


def _cell(subject: Subject, standing: Standing) -> Cell:
    quality = standing.entry["quality"]
    interval = ""
    if quality.low is not None and quality.high is not None:
        interval = numbers.between(
            subject.show_quality(quality.low), subject.show_quality(quality.high)
        )
    size = standing.entry.size
    return Cell(
        subject.show_quality(quality.value or 0.0),
        interval,
        f"{standing.rank}{'=' if standing.tied else ''}",
        "" if size is None else f"size {size:,}",
        standing.rank == 1,
    )


def _sentence(found: Sequence[Across], studies: int) -> str:
    # What the floor and the ceiling are held against are the methods between them.
    methods = [method for method in found if method.family not in ("head", "full")]
    most = max((method.led for method in methods), default=0)
    if not most:
        return "No method but the floor or the ceiling leads in any of the studies."
    leading = [method for method in methods if method.led == most]
    names = listed((method.method for method in leading), NAMED)
    verb = "leads or ties for the lead" if len(leading) == 1 else "lead or tie for the lead, each"
    told = [f"{names} {verb} in {most} of {studies}"]
    everywhere = [method.method for method in methods if method.led == studies]
    if not everywhere:
        told.append("no method leads everywhere")
    elif len(everywhere) > 1:
        told.append("which of them is best stays open")
    partial = [method for method in methods if len(method.known) < studies]
    text = f"{'; '.join(told)}."
    if partial:
        text += f" Not run in every study: {listed((m.method for m in partial), NAMED)}."
    return text
