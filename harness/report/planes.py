"""Quality against what it costs: the trade-offs and the curves over sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from harness.analysis import numbers
from harness.analysis.entry import Entry
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


COSTS = (
    Cost("train_memory", "memory", "training memory", "training peak", numbers.in_bytes),
    Cost("unmerged", "latency", "unmerged latency", "unmerged latency", numbers.ratio),
    Cost("deployed", "deployed", "deployed latency", "deployed latency", numbers.ratio),
    Cost("file_bytes", "bytes", "stored bytes", "file size", numbers.in_bytes),
    Cost(
        "trainable",
        "parameters",
        "trained parameters",
        "number of trained parameters",
        numbers.count,
    ),
)


def trade_offs(subject: Subject) -> tuple[Figure, ...]:
    return tuple(_trade_off(subject, cost) for cost in COSTS)


def sizes(subject: Subject) -> Figure:
    known = _known(subject, "quality", "trainable")
    caption = captions.with_drawn(subject, captions.sizes(subject))
    chart = None
    if known:
        x, y = cost_axis(subject, "trainable", known), quality_axis(subject, known)
        lines = []
        for method in sorted({entry.method for entry in known}):
            own = sorted(
                (e for e in known if e.method == method and e.size is not None), key=_trained
            )
            if len(own) > 1:
                points = tuple((x.on(_trained(e)), e["quality"].value or 0.0) for e in own)
                lines.append(Line(points, own[0].family, False))
        marks = tuple(
            _mark(subject, e, "trainable", x, rank=len(known) - place)
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
    on_front = subject.on_front(cost.figure)
    caption = captions.trade_off(subject, cost.figure, cost.words, cost.show, on_front)
    if known:
        chart = _scatter(subject, cost, known, on_front)
    return Figure(
        f"trade-{cost.name}",
        f"Quality against {cost.title}",
        f"Scatter plot of quality against {cost.words}; the line joins the Pareto front.",
        captions.with_drawn(subject, caption),
        chart,
    )


def _scatter(subject: Subject, cost: Cost, known: list[Entry], on_front: list[Entry]) -> Scatter:
    first = {entry.label: place for place, entry in enumerate(on_front)}
    order = {entry.label: place for place, entry in enumerate(subject.in_order)}
    x = cost_axis(subject, cost.figure, known)
    marks = tuple(
        _mark(subject, e, cost.figure, x, first.get(e.label, len(first) + order[e.label]))
        for e in known
    )
    corners = [(x.on(e[cost.figure].value or 0.0), e["quality"].value) for e in on_front]
    steps = tuple(_staircase(corners))
    lines = (Line(steps, None, False),) if len(on_front) > 1 else ()
    # The word stands in the upper left corner, which is the ideal only where more quality is up.
    better = "better" if subject.study.higher_is_better else ""
    return Scatter(x, quality_axis(subject, known), marks, lines, (), better)


def cost_axis(subject: Subject, figure: str, known: Sequence[Entry]) -> Axis:
    """An axis for one of COSTS, in the figure's own unit, that holds all that is known of it."""
    values = [e[figure].value or 0.0 for e in known]
    if figure == "trainable":
        return axis("trained parameters", values, numbers.short(numbers.count), log=True)
    if figure == "file_bytes":
        plain = axis("stored bytes", values, numbers.in_bytes, log=True)
        positive = [value for value in values if value > 0]
        least = plain.low if plain.zero is None else min(positive, default=plain.high)
        none = () if plain.zero is None else ((plain.zero, "0"),)
        return replace(plain, ticks=(*none, *_bytes_ticks(least, plain.high)))
    if figure == "train_memory":
        unit, size = numbers.bytes_unit(values)
        in_unit = numbers.short(numbers.significant)
        title = f"training peak, {subject.peak_words} ({unit})"
        plain = axis(title, [v / size for v in values], in_unit)
        # The marks stay in bytes; only the ticks are told in the unit.
        ticks = tuple((tick * size, text) for tick, text in plain.ticks)
        return Axis(plain.title, plain.low * size, plain.high * size, False, ticks)
    reach = [b for e in known for b in bounds(e[figure]) or (e[figure].value or 0.0,)]
    return axis(f"{figure} latency over the base's", reach, numbers.ratio)


def _bytes_ticks(low: float, high: float) -> Iterable[tuple[float, str]]:
    """Numbers that are round in their own unit: 3 KiB, 10 KiB, …, 1 MiB."""
    show = numbers.short(numbers.in_bytes)
    for factors in ((1, 10, 100), (1, 3, 10, 30, 100, 300), (1, 2, 5, 10, 20, 50, 100, 200, 500)):
        every = (factor * 1024.0**power for power in range(5) for factor in factors)
        ticks = [tick for tick in every if low <= tick <= high]
        if len(ticks) >= 4:
            break
    return ((tick, show(tick)) for tick in ticks)


def _staircase(corners: list[tuple[float, float | None]]) -> Iterable[tuple[float, float]]:
    """From each point level to the next one's cost, then up: what is reached at that cost."""
    previous: float | None = None
    for cost, quality in corners:
        assert quality is not None
        if previous is not None:
            yield cost, previous
        yield cost, quality
        previous = quality


def _mark(subject: Subject, entry: Entry, figure: str, x: Axis, rank: int) -> Mark:
    estimate = entry[figure]
    return Mark(
        numbers.shortened(entry.label),
        entry.family,
        subject.shape(entry),
        subject.sizes[entry.label],
        x.on(estimate.value or 0.0),
        entry["quality"].value or 0.0,
        bounds(estimate),
        bounds(entry["quality"]),
        (),
        rank,
        subject.index[entry.label],
    )


def quality_axis(subject: Subject, entries: Sequence[Entry]) -> Axis:
    reach = [b for e in entries for b in bounds(e["quality"]) or (e["quality"].value or 0.0,)]
    return axis(subject.quality_title, reach, numbers.short(subject.show_quality))


def _known(subject: Subject, *figures: str) -> list[Entry]:
    return [e for e in subject.drawn if all(e[figure].known for figure in figures)]


def _trained(entry: Entry) -> float:
    return entry["trainable"].value or 0.0
