"""Charts in a plane, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from harness.report.charts import Bars, Bounds, Forest, ForestRow, Mark, Scatter, TernaryMark, alike
from harness.report.labels import place, scatter_anchors, steps
from harness.report.style import FADED, LIGHT, TINT, token

DPI = 72  # an inch of a still is 72 px of the page
SIZE = 760, 460
ROW = 22
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 10, 48  # px around the axes
LETTER = 7.5  # px of a row's name
WHISKER = 0.35
Segment = tuple[tuple[float, float], tuple[float, float]]


def scatter(chart: Scatter) -> Figure:
    figure, axes = _axes(*SIZE, LEFT)
    _x_axis(axes, chart)
    if chart.y.log:
        axes.set_yscale("log")
        axes.minorticks_off()
    axes.set_ylim(chart.y.low, chart.y.high)
    axes.set_yticks([tick for tick, _ in chart.y.ticks], [text for _, text in chart.y.ticks])
    axes.set_ylabel(chart.y.title)
    for reference in chart.references:
        axes.axhline(reference.y, color=LIGHT["muted"], lw=1, ls=(0, (4, 3)), zorder=1)
        axes.annotate(
            reference.label,
            (1.0 if reference.right else 0.0, reference.y),
            xycoords=("axes fraction", "data"),
            xytext=(-3 if reference.right else 3, -3 if reference.right else 3),
            textcoords="offset points",
            ha="right" if reference.right else "left",
            va="top" if reference.right else "bottom",
            fontsize=11,
            color=LIGHT["muted"],
        )
    for line in chart.lines:
        axes.plot(
            *zip(*line.points, strict=True),
            color=LIGHT[token(line.family) if line.family else "muted"],
            linewidth=1.5,
            linestyle="--" if line.dashed else "-",
            zorder=2,
        )
    for group in alike(chart.marks):
        marks = [chart.marks[index] for index in group]
        upright = [((m.x, low), (m.x, high)) for m in marks for low, high in _bounds(m.y_bounds)]
        level = [((low, m.y), (high, m.y)) for m in marks for low, high in _bounds(m.x_bounds)]
        _segments(axes, upright + level, marks[0].family, 1, WHISKER)
        axes.scatter([m.x for m in marks], [m.y for m in marks], **mark_style(marks))
    plot = SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - BOTTOM
    positions = place(scatter_anchors(chart, *plot), *plot, steps(chart, *plot))
    for index, position in positions.items():
        mark = chart.marks[index]
        name_beside(axes, mark.label, (mark.x, mark.y), mark.size, position)
    if chart.better:
        axes.text(
            0.012, 0.975, f"↖ {chart.better}", transform=axes.transAxes, va="top",
            color=LIGHT["muted"], style="italic",
        )  # fmt: skip
    return figure


def forest(chart: Forest) -> Figure:
    rows = [row for _, group in chart.groups for row in group]
    lines = len(rows) + len(chart.groups)
    names = [row.label for row in rows] + [title for title, _ in chart.groups]
    figure, axes = _axes(SIZE[0], ROW * lines + 60, _room(names))
    _x_axis(axes, chart)
    axes.set_ylim(lines - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    if chart.band:
        axes.axvspan(*chart.band, color=LIGHT["grid"], alpha=0.7, linewidth=0, zorder=0)
    axes.axvline(chart.neutral, color=LIGHT["muted"], linewidth=1, zorder=1)
    places: dict[int, str] = {}
    headings: set[int] = set()
    drawn: list[tuple[int, ForestRow]] = []
    for title, group in chart.groups:
        headings.add(len(places))
        places[len(places)] = title
        for row in group:
            drawn.append((len(places), row))
            places[len(places)] = row.label
    for family in dict.fromkeys(row.family for row in rows):
        own = [(y, row) for y, row in drawn if row.family == family]
        spans = [((low, y), (high, y)) for y, row in own for low, high in _bounds(row.bounds)]
        _segments(axes, spans, family, 2)
        style: dict[str, Any] = {"color": LIGHT[token(family)], "linestyle": "none"}
        for shape in dict.fromkeys(row.shape for _, row in own):
            xs, ys = zip(*((row.value, y) for y, row in own if row.shape == shape), strict=True)
            axes.plot(xs, ys, marker=shape.matplotlib, markersize=8, **style)
        ticks = [(row.tick, y) for y, row in own if row.tick is not None]
        if ticks:
            xs, ys = zip(*ticks, strict=True)
            axes.plot(xs, ys, marker="|", markersize=11, mew=1.5, **style)
    _row_names(axes, list(places.values()), headings)
    return figure


def bars(chart: Bars) -> Figure:
    names = [row.label for row in chart.rows]
    figure, axes = _axes(SIZE[0], ROW * len(chart.rows) + 60, _room(names))
    _x_axis(axes, chart)
    axes.set_ylim(len(chart.rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    lefts = [0.0] * len(chart.rows)
    for colour, parts in zip(
        chart.colours, zip(*(r.parts for r in chart.rows), strict=True), strict=True
    ):
        axes.barh(
            range(len(parts)), parts, 0.62, lefts, color=LIGHT[colour], edgecolor=LIGHT["paper"],
            linewidth=0.6,
        )  # fmt: skip
        lefts = [left + part for left, part in zip(lefts, parts, strict=True)]
    peaks = [(row.measured, y) for y, row in enumerate(chart.rows) if row.measured is not None]
    if peaks:
        axes.plot(*zip(*peaks, strict=True), "|", color=LIGHT["ink"], markersize=16, mew=2)
    _row_names(axes, names)
    return figure


def mark_style(marks: Sequence[Mark | TernaryMark]) -> dict[str, Any]:
    """How `Axes.scatter` draws marks of one family and shape."""
    shape, colour = marks[0].shape, LIGHT[token(marks[0].family)]
    return {
        "s": [(0.8 * mark.size) ** 2 for mark in marks],
        "marker": shape.matplotlib,
        "c": [(colour, TINT / 255 if shape.pale else 1.0)] * len(marks),
        **({"alpha": FADED} if shape.faded else {}),
        "edgecolors": colour if shape.pale else LIGHT["paper"],
        "linewidths": 1.4 if shape.pale else 0.8,
        "zorder": 4,
        "clip_on": False,
    }


def _segments(
    axes: Axes, ends: Sequence[Segment], family: str, width: float, alpha: float = 1.0
) -> None:
    """Straight pieces in a family's colour: one path, since an artist for each takes long."""
    if ends:
        path = Path(
            [point for segment in ends for point in segment],
            [Path.MOVETO, Path.LINETO] * len(ends),
        )
        colour = LIGHT[token(family)]
        axes.add_artist(
            PathPatch(path, fill=False, edgecolor=colour, lw=width, alpha=alpha, zorder=2)
        )


def _bounds(bounds: Bounds) -> list[tuple[float, float]]:
    return [] if bounds is None else [bounds]


def _axes(width: float, height: float, left: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    box = left, BOTTOM, width - left - RIGHT, height - TOP - BOTTOM
    return figure, figure.add_axes(
        (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
    )


def _room(names: list[str]) -> float:
    """Px that the longest name needs, within reason."""
    return min(300.0, 16 + LETTER * max(map(len, names)))


def _row_names(axes: Axes, names: Sequence[str], headings: Container[int] = ()) -> None:
    """Left of the axes. A tick for each would be five artists."""
    axes.set_yticks([])
    beside = axes.get_yaxis_transform()
    for y, name in enumerate(names):
        weight = "bold" if y in headings else "normal"
        axes.text(
            -0.008, y, name, transform=beside, ha="right", va="center", fontsize=11,
            fontweight=weight,
        )  # fmt: skip


def _x_axis(axes: Axes, chart: Scatter | Forest | Bars) -> None:
    if chart.x.log:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xlim(chart.x.low, chart.x.high)
    axes.set_xticks([tick for tick, _ in chart.x.ticks], [text for _, text in chart.x.ticks])
    axes.set_xlabel(chart.x.title)


def name_beside(axes: Axes, text: str, xy: tuple[float, float], size: float, position: str) -> None:
    """Write a mark's name at a position such as "middle right"."""
    vertical, horizontal = position.split()
    reach = size / 2 + 2
    axes.annotate(
        text,
        xy,
        xytext=(
            {"left": -reach, "center": 0, "right": reach}[horizontal],
            {"bottom": -reach, "middle": 0, "top": reach}[vertical],
        ),
        textcoords="offset points",
        ha={"left": "right", "center": "center", "right": "left"}[horizontal],
        va={"bottom": "top", "middle": "center", "top": "bottom"}[vertical],
        fontsize=11.5,
        zorder=5,
    )
