"""The methods table: a row per configuration, a cell per figure or the reason there is none."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.estimate import Estimate
from harness.analysis.numbers import DASH, capital
from harness.report.subject import Subject

UNSTABLE = {
    "latency": "latency",
    "latency.generation": "prefill or decode",
    "training": "training speed",
    "serving": "serving",
}

OPTIONAL = ("Capacity", "Forgetting", "To floor", "Prefill", "Decode")
"""Columns that stand only where something is known for them."""


@dataclass(frozen=True)
class Column:
    """`explanation` tells a reader what the figure is; `unit` stands below the title. `figure` is
    its name among those of an entry.
    """

    title: str
    unit: str
    explanation: str
    figure: str = ""


@dataclass(frozen=True)
class Cell:
    """`below` is the interval, `reason` why the text is a dash, `order` what sorts the column."""

    text: str
    below: str = ""
    reason: str = ""
    order: float | None = None


@dataclass(frozen=True)
class Link:
    """To the record of one trial."""

    text: str
    href: str
    trial: str


@dataclass(frozen=True)
class Row:
    label: str
    family: str
    marker: str
    trials: str
    tags: tuple[tuple[str, str], ...]
    rank: Cell
    cells: tuple[Cell, ...]
    records: tuple[Link, ...]
    entry: int


@dataclass(frozen=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


Show = Callable[[float], str]
Spec = tuple[Column, Callable[[Entry], Estimate], Show]


def table(subject: Subject, out: Path) -> Table:
    """Rows in the order of their rank; links are relative to the folder of `out`."""
    return tabulate(subject, subject.in_order, specs(subject), out)


def tabulate(subject: Subject, entries: Sequence[Entry], specs: list[Spec], out: Path) -> Table:
    """A row per entry, a column per spec."""
    return Table(
        tuple(column for column, _, _ in specs),
        tuple(_row(subject, entry, specs, out) for entry in entries),
    )


@dataclass(frozen=True)
class InUnit:
    """Shows a number in a unit of so many."""

    size: int

    def __call__(self, value: float) -> str:
        return numbers.significant(value / self.size)


def in_unit(size: int) -> InUnit:
    return InUnit(size)


def record_href(path: str | None, out: Path) -> str:
    if path is None:
        return ""
    folder, name = os.path.split(path)
    results, trial = os.path.split(folder)
    return f"{_relative(results, out)}/{trial}/{name}"


@cache
def _relative(results: str, out: Path) -> str:
    return Path(os.path.relpath(Path(results).resolve(), out.resolve().parent)).as_posix()


def specs(subject: Subject) -> list[Spec]:
    """The columns of the methods table."""
    bits, base = "of random labels held; ≥ where nearly all were learned", "× base latency"
    columns: list[tuple[str, str, str, str, Show]] = [
        (
            capital(subject.study.metric),
            subject.quality_unit,
            "on the test split, 95% interval",
            "quality",
            subject.show_quality,
        ),
        (
            "Over floor",
            subject.quality_unit,
            "against a head fitted on the frozen base",
            "gain",
            subject.show_gain,
        ),
        ("Capacity", "bits", bits, "capacity", numbers.significant),
        (
            "Forgetting",
            "nats per token",
            "what plain text costs more after training",
            "forgetting",
            numbers.nats,
        ),
        ("Trained", "parameters", "adapter and task head", "trainable", numbers.count),
    ]
    for title, figure, words in (
        ("File", "file_bytes", "what is stored per task"),
        ("Training peak", "train_memory", f"largest {subject.peak_words} while training"),
        ("Inference peak", "inference_memory", "largest allocated memory while answering"),
    ):
        unit, size = numbers.bytes_unit(entry[figure].value for entry in subject.entries)
        columns.append((title, unit, words, figure, in_unit(size)))
    to_floor = "training time until validation first equals the floor's"
    paired, merged = "per-round ratio to the base, 95% interval", "after merging into the base"
    first, further = "unmerged, up to the first new token", "unmerged, per further new token"
    columns += [
        ("Unmerged", base, paired, "unmerged", numbers.ratio),
        ("Merged", base, f"{merged}'s weights", "merged", numbers.ratio),
        (
            "Training",
            "examples/s",
            "speed of training steps",
            "examples_per_s",
            numbers.significant,
        ),
        ("To floor", "s", to_floor, "to_floor", numbers.seconds),
        ("Prefill", base, first, "prefill_unmerged", numbers.ratio),
        ("Decode", base, further, "decode_unmerged", numbers.ratio),
    ]
    return [
        (Column(title, unit, words, figure), _of(subject, figure), show)
        for title, unit, words, figure, show in columns
        if title not in OPTIONAL or any(subject.estimate(e, figure).known for e in subject.entries)
    ]


def _of(subject: Subject, figure: str) -> Callable[[Entry], Estimate]:
    return lambda entry: subject.estimate(entry, figure)


def _row(subject: Subject, entry: Entry, specs: list[Spec], out: Path) -> Row:
    records = tuple(
        Link("record" if seed is None else str(seed), record_href(path, out), trial)
        for trial, path, seed in zip(entry.trials, entry.paths, entry.seeds, strict=True)
    )
    return Row(
        entry.label,
        entry.family,
        subject.shapes[entry.method].matplotlib,
        " ".join(entry.trials),
        tags(subject, entry),
        _rank(subject, entry),
        tuple(_cell(figure(entry), show) for _, figure, show in specs),
        records,
        subject.index[entry.label],
    )


def _cell(estimate: Estimate, show: Show) -> Cell:
    if estimate.value is None:
        return Cell(DASH, reason=estimate.reason or "not measured")
    if estimate.at_least:
        return Cell(f"≥\u00a0{show(estimate.value)}", order=estimate.value)
    below = ""
    if estimate.low is not None and estimate.high is not None and estimate.low < estimate.high:
        below = numbers.between(show(estimate.low), show(estimate.high)).replace("×", "")
    return Cell(show(estimate.value), below, order=estimate.value)


def _rank(subject: Subject, entry: Entry) -> Cell:
    place = subject.places.get(entry.label)
    if place is None:
        return Cell(DASH, reason=entry["quality"].reason)
    text = f"{place.rank}{'=' if subject.sharing[place.rank] > 1 else ''}"
    against = place.against_leader
    reason = ""
    if against is not None:
        gap = subject.show_gain(-against.difference)
        reason = f"tied with {place.leader.label}: {gap} {subject.quality_unit}, {against.how}"
    return Cell(text, reason=reason, order=float(place.rank))


def tags(subject: Subject, entry: Entry) -> tuple[tuple[str, str], ...]:
    """Words beside the name, each with what it means."""
    tags = []
    if entry is subject.study.floor:
        tags.append(("floor", "A head fitted on the frozen base: what a method must beat"))
    if entry is subject.study.ceiling:
        tags.append(("ceiling", "All weights trained: what a method is held against"))
    if entry.foreign:
        tags.append(("foreign", f"Published, not measured here: {entry.foreign}"))
    if entry.unstable:
        what = numbers.listed(UNSTABLE[kind] for kind in entry.unstable)
        tags.append(("unstable", f"Varied by more than 10%: {what}"))
    if entry.busy:
        tags.append(("busy machine", "Other programs used the machine while it was measured"))
    if entry.elsewhere:
        tags.append(("trained elsewhere", f"Trained with {'; or '.join(entry.elsewhere)}"))
    return tuple(tags)
