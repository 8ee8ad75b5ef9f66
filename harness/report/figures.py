"""The page's figures: each a chart of a study and the sentence that it earns its place by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from harness.analysis.entry import Entry
from harness.analysis.pareto import front
from harness.analysis.triangle import CLAIMED, Triangle
from harness.report import captions, numbers
from harness.report.charts import (
    Axis,
    BarRow,
    Bars,
    Chart,
    Forest,
    ForestRow,
    Line,
    Mark,
    Reference,
    Scatter,
    Ternary,
    TernaryMark,
    axis,
)
from harness.report.style import FAMILIES, Shape
from harness.report.subject import Subject, bounds

CORNERS = ("Capacity\nholds more", "Memory\nneeds less", "Speed\nanswers faster")
PARTS = ("weights", "activations", "gradients", "optimizer")


@dataclass(frozen=True)
class Figure:
    """`chart` is None where there is nothing to draw, and the caption says why. `variants` are the
    same chart under other rules, by name.
    """

    name: str
    title: str
    alternative: str
    caption: str
    chart: Chart | None
    variants: dict[str, Chart] = field(default_factory=dict)


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
        "trainable", "parameters", "trained parameters", "trained parameters", numbers.count, True
    ),
)


def triangle(subject: Subject) -> Figure:
    names = {"between anchors": subject.triangle} | {t.name: t for t in subject.alternatives}
    drawn = {name: _ternary(subject, triangle) for name, triangle in names.items()}
    first = drawn.pop("between anchors")
    return Figure(
        "triangle",
        "Capacity, memory, speed",
        "Triangle with capacity on top, memory left and speed right.",
        captions.triangle(subject),
        first,
        {name: chart for name, chart in drawn.items() if chart is not None},
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


def merging(subject: Subject) -> Figure:
    nulls = subject.verdict.nulls
    by_label = {entry.label: entry for entry in subject.entries}
    shown = {entry.label for entry in subject.few}
    null_rows = tuple(
        _forest_row(subject, by_label[null.label], figure, f"{null.label}, {words}")
        for null in nulls
        if null.label in shown
        for figure, words in (
            ("merged", "merged") if null.kind.startswith("merged") else ("unmerged", "in place"),
        )
    )
    slowest_last = sorted(
        (e for e in subject.few if not e.in_place and e["unmerged"].known),
        key=lambda e: e["unmerged"].value or 0.0,
    )
    rows = tuple(_forest_row(subject, e, "unmerged", e.label) for e in slowest_last)
    groups = tuple(
        (title, group)
        for title, group in (("Nulls: must be 1", null_rows), ("Unmerged over base", rows))
        if group
    )
    chart = None
    if groups:
        every = [row for _, group in groups for row in group]
        values = [1.0, *(row.value for row in every), *(b for r in every for b in r.bounds or ())]
        values += [row.batch for row in every if row.batch is not None]
        x = axis("latency over the base's, measured in the same rounds", values, numbers.ratio)
        noise = subject.verdict.noise
        chart = Forest(x, groups, (1 / noise, noise) if noise else None)
    return Figure(
        "merging",
        "Merged against unmerged latency",
        "Forest plot of latency ratios to the base with their intervals, the nulls on top.",
        captions.merging(subject),
        chart,
    )


def memory(subject: Subject) -> Figure:
    known = [e for e in subject.few if all(e[part].known for part in PARTS)]
    known.sort(key=lambda e: -(e["train_memory"].value or 0.0))
    chart = None
    if known:
        totals = [sum(e[part].value or 0.0 for part in PARTS) for e in known]
        peaks = [e["train_memory"].value for e in known]
        unit, size = numbers.bytes_unit([*totals, *peaks])
        rows = tuple(
            BarRow(
                e.label,
                tuple((e[part].value or 0.0) / size for part in PARTS),
                None if peak is None else peak / size,
                (e.label, *(f"{p} {numbers.in_bytes(e[p].value or 0.0)}" for p in PARTS))
                + ((f"measured peak {numbers.in_bytes(peak)}",) if peak else ()),
            )
            for e, peak in zip(known, peaks, strict=True)
        )
        reach = [0.0, *(t / size for t in totals), *(p / size for p in peaks if p)]
        x = axis(
            f"training memory ({unit})", reach, numbers.short(numbers.significant), room=(0.0, 0.04)
        )
        colours = tuple(f"part-{part}" for part in PARTS)
        chart = Bars(x, PARTS, colours, rows)
    return Figure(
        "memory",
        "Training memory by component",
        "Stacked bars of weights, activations, gradients and optimizer state.",
        captions.memory(subject),
        chart,
    )


def _ternary(subject: Subject, triangle: Triangle) -> Ternary | None:
    if not triangle.positions:
        return None
    order = {entry.label: place for place, entry in enumerate(subject.in_order)}
    marks = tuple(
        TernaryMark(
            p.entry.label,
            p.entry.family,
            subject.shapes[p.entry.method],
            subject.sizes[p.entry.label],
            p.weights,
            (
                *subject.hover(p.entry),
                "benefits: capacity {:.2f}, memory {:.2f}, speed {:.2f}".format(*p.benefits),
            ),
            order[p.entry.label],
        )
        for p in triangle.positions
    )
    families = {entry.family for entry in subject.entries}
    claims = tuple(
        TernaryMark(
            f"{FAMILIES[family]}, as claimed",
            family,
            Shape("o", "circle-open"),
            26.0,
            weights,
            (f"Where {FAMILIES[family].lower()} methods are commonly said to lie",),
            place,
        )
        for place, (family, weights) in enumerate(CLAIMED.items())
        if family in families
    )
    return Ternary(CORNERS, marks, claims)


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
        x = axis("latency unmerged over the base's", reach, numbers.ratio)
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
        entry.label,
        entry.family,
        subject.shapes[entry.method],
        subject.sizes[entry.label],
        estimate.value or 0.0,
        entry["quality"].value or 0.0,
        bounds(estimate),
        bounds(entry["quality"]),
        subject.hover(entry),
        rank,
    )


def _forest_row(subject: Subject, entry: Entry, figure: str, label: str) -> ForestRow:
    ratio, batch = entry[figure], entry[f"{figure}_batch"]
    words = f"{label}: {numbers.with_interval(ratio, numbers.fine_ratio)}"
    more = (f"batch {numbers.with_interval(batch, numbers.fine_ratio)}",) if batch.known else ()
    return ForestRow(
        label,
        entry.family,
        subject.shapes[entry.method],
        ratio.value or 0.0,
        bounds(ratio),
        batch.value,
        (words, *more),
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
