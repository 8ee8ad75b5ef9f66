"""Quality against what it costs: the trade-offs and the curves over sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.pareto import front
from harness.report import captions
from harness.report.charts import Axis, Figure, Line, Mark, Reference, Scatter, axis
from harness.report.subject import Subject, bounds


@dataclass(frozen=True)
class Cost:
    """What quality is traded for; less is better."""

    figure: str
    name: str
    title: str
    words: str
    show: Callable[[float], str]
    log: bool


COSTS = (
    Cost("train_memory", "memory", "training memory", "training peak", numbers.in_bytes, False),
    Cost("unmerged", "latency", "latency", "unmerged latency", numbers.ratio, False),
    Cost(
        "trainable",
        "parameters",
        "trained parameters",
        "number of trained parameters",
        numbers.count,
        True,
    ),
)


def trade_offs(subject: Subject) -> tuple[Figure, ...]:
    return tuple(_trade_off(subject, cost) for cost in COSTS)


def sizes(subject: Subject) -> Figure:
    known = _known(subject, "quality", "trainable")
    caption = captions.sizes(subject)
    chart = None
    if known:
        lines = []
        for method in sorted({entry.method for entry in known}):
            own = sorted(
                (e for e in known if e.method == method and e.size is not None), key=_trained
            )
            if len(own) > 1:
                points = tuple((_trained(e), e["quality"].value or 0.0) for e in own)
                lines.append(Line(points, own[0].family, False))
        marks = tuple(
            _mark(subject, e, "trainable", rank=len(known) - place)
            for place, e in enumerate(sorted(known, key=_trained))
        )
        references = tuple(
            Reference(reference["quality"].value or 0.0, word, right)
            for word, reference, right in (
                ("floor", subject.study.floor, True),
                ("full fine-tuning", subject.study.ceiling, False),
            )
            if reference is not None
        )
        x, y = _parameters_axis(known), _quality_axis(subject, known)
        chart = Scatter(x, y, marks, tuple(lines), references, "")
    return Figure(
        "sizes",
        "Quality by size",
        "Line plot of quality against trained parameters, a line per method.",
        caption,
        chart,
    )


def _trade_off(subject: Subject, cost: Cost) -> Figure:
    known = _known(subject, "quality", cost.figure)
    chart = None
    on_front: list[Entry] = []
    if known:
        pairs = [(e[cost.figure].value or 0.0, e["quality"].value or 0.0) for e in known]
        mask = front(pairs, (False, subject.study.higher_is_better))
        on_front = [entry for entry, kept in zip(known, mask, strict=True) if kept]
        on_front.sort(key=lambda e: e[cost.figure].value or 0.0)
        chart = _scatter(subject, cost, known, on_front)
    return Figure(
        f"trade-{cost.name}",
        f"Quality against {cost.title}",
        f"Scatter plot of quality against {cost.words}; the line joins the Pareto front.",
        captions.trade_off(subject, cost.figure, cost.words, cost.show, on_front),
        chart,
    )


def _scatter(subject: Subject, cost: Cost, known: list[Entry], on_front: list[Entry]) -> Scatter:
    first = {entry.label: place for place, entry in enumerate(on_front)}
    order = {entry.label: place for place, entry in enumerate(subject.in_order)}
    marks = tuple(
        _mark(subject, e, cost.figure, first.get(e.label, len(first) + order[e.label]))
        for e in known
    )
    if cost.log:
        x = _parameters_axis(known)
    elif cost.figure == "train_memory":
        values = [e[cost.figure].value or 0.0 for e in known]
        unit, size = numbers.bytes_unit(values)
        plain = axis(
            f"training peak ({unit})",
            [v / size for v in values],
            numbers.short(numbers.significant),
        )
        # The marks stay in bytes; only the ticks are told in the unit.
        ticks = tuple((tick * size, text) for tick, text in plain.ticks)
        x = Axis(plain.title, plain.low * size, plain.high * size, False, ticks)
    else:
        reach = [b for e in known for b in bounds(e[cost.figure]) or (e[cost.figure].value or 0.0,)]
        x = axis("unmerged latency over the base's", reach, numbers.ratio)
    steps = tuple(_staircase([(e[cost.figure].value, e["quality"].value) for e in on_front]))
    lines = (Line(steps, None, False),) if len(on_front) > 1 else ()
    return Scatter(x, _quality_axis(subject, known), marks, lines, (), "better")


def _staircase(corners: list[tuple[float | None, float | None]]) -> Iterable[tuple[float, float]]:
    """From each point level to the next one's cost, then up: what is reached at that cost."""
    previous: float | None = None
    for cost, quality in corners:
        assert cost is not None
        assert quality is not None
        if previous is not None:
            yield cost, previous
        yield cost, quality
        previous = quality


def _mark(subject: Subject, entry: Entry, figure: str, rank: int) -> Mark:
    estimate = entry[figure]
    return Mark(
        numbers.shortened(entry.label),
        entry.family,
        subject.shapes[entry.method],
        subject.sizes[entry.label],
        estimate.value or 0.0,
        entry["quality"].value or 0.0,
        bounds(estimate),
        bounds(entry["quality"]),
        (),
        rank,
        subject.index[entry.label],
    )


def _quality_axis(subject: Subject, entries: list[Entry]) -> Axis:
    reach = [b for e in entries for b in bounds(e["quality"]) or (e["quality"].value or 0.0,)]
    title = f"{subject.study.metric} ({subject.quality_unit})"
    return axis(title, reach, numbers.short(subject.show_quality))


def _parameters_axis(entries: list[Entry]) -> Axis:
    return axis(
        "trained parameters", [_trained(e) for e in entries], numbers.short(numbers.count), log=True
    )


def _known(subject: Subject, *figures: str) -> list[Entry]:
    return [e for e in subject.entries if all(e[figure].known for figure in figures)]


def _trained(entry: Entry) -> float:
    return entry["trainable"].value or 0.0
