"""The page's figures: each a chart of a study and the sentence that it earns its place by."""

from __future__ import annotations

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.triangle import CLAIMED, Triangle
from harness.report import captions
from harness.report.charts import (
    BarRow,
    Bars,
    Figure,
    Forest,
    ForestRow,
    Ternary,
    TernaryMark,
    axis,
)
from harness.report.style import FAMILIES, Shape
from harness.report.subject import Subject, bounds

CORNERS = ("Capacity\nholds more", "Memory\nneeds less", "Speed\nanswers faster")
PARTS = ("weights", "activations", "gradients", "optimizer")


def triangle(subject: Subject) -> Figure:
    names = {"between anchors": subject.triangle} | {t.name: t for t in subject.alternatives}
    drawn = {name: _ternary(subject, triangle) for name, triangle in names.items()}
    first = drawn.pop("between anchors")
    return Figure(
        "triangle",
        "Capacity, memory, speed",
        "Triangle with capacity on top, memory left and speed right.",
        captions.with_drawn(subject, captions.triangle(subject)),
        first,
        {name: chart for name, chart in drawn.items() if chart is not None},
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
        values += [row.tick for row in every if row.tick is not None]
        x = axis("latency over the base's", values, numbers.ratio)
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
                numbers.shortened(e.label),
                tuple((e[part].value or 0.0) / size for part in PARTS),
                None if peak is None else peak / size,
                (e.label, *(f"{p} {numbers.in_bytes(e[p].value or 0.0)}" for p in PARTS))
                + ((f"measured peak {numbers.in_bytes(peak)}",) if peak else ()),
                subject.index[e.label],
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
    positions = [p for entry in subject.drawn if (p := triangle.of(entry)) is not None]
    marks = tuple(
        TernaryMark(
            numbers.shortened(p.entry.label),
            p.entry.family,
            subject.shape(p.entry),
            subject.sizes[p.entry.label],
            p.weights,
            (),
            order[p.entry.label],
            subject.index[p.entry.label],
        )
        for p in positions
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


def _forest_row(subject: Subject, entry: Entry, figure: str, label: str) -> ForestRow:
    ratio, batch = entry[figure], entry[f"{figure}_batch"]
    words = f"{label}: {numbers.with_interval(ratio, numbers.fine_ratio)}"
    more = (f"batch {numbers.with_interval(batch, numbers.fine_ratio)}",) if batch.known else ()
    return ForestRow(
        numbers.shortened(label),
        entry.family,
        subject.shape(entry),
        ratio.value or 0.0,
        bounds(ratio),
        batch.value,
        (words, *more),
        subject.index[entry.label],
    )
