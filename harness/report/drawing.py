"""Charts in a plane, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from harness.report.charts import Bars, Bounds, Forest, Mark, Scatter, TernaryMark, alike
from harness.report.labels import place, scatter_anchors, steps
from harness.report.style import FADED, LIGHT, TINT, token

DPI = 72  # an inch of a still is 72 px of the page
SIZE = 760, 460
ROW = 22
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 10, 48  # px around the axes
LETTER = 7.5  # px of a row's name
WHISKER = 0.35


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
        ends = [
            ((mark.x, low), (mark.x, high))
            for mark in marks
            for low, high in _bounds(mark.y_bounds)
        ]
        ends += [
            ((low, mark.y), (high, mark.y))
            for mark in marks
            for low, high in _bounds(mark.x_bounds)
        ]
        colour = LIGHT[token(marks[0].family)]
        axes.add_collection(LineCollection(ends, colors=colour, linewidths=1, alpha=WHISKER))
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
    y = 0
    for title, group in chart.groups:
        places[y] = title
        headings.add(y)
        for offset, row in enumerate(group, start=1):
            place_y = y + offset
            places[place_y] = row.label
            colour = LIGHT[token(row.family)]
            if row.bounds:
                axes.hlines(place_y, *row.bounds, colour, lw=2)
            axes.plot(row.value, place_y, row.shape.matplotlib, color=colour, markersize=8)
            if row.tick is not None:
                axes.plot(row.tick, place_y, "|", color=colour, markersize=11, mew=1.5)
        y += len(group) + 1
    axes.set_yticks(list(places), list(places.values()))
    axes.tick_params(axis="y", length=0)
    for index, text in zip(places, axes.get_yticklabels(), strict=True):
        if index in headings:
            text.set_fontweight("bold")
        text.set_color(LIGHT["ink"])
    return figure


def bars(chart: Bars) -> Figure:
    names = [row.label for row in chart.rows]
    figure, axes = _axes(SIZE[0], ROW * len(chart.rows) + 60, _room(names))
    _x_axis(axes, chart)
    axes.set_ylim(len(chart.rows) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    for y, row in enumerate(chart.rows):
        left = 0.0
        for colour, part in zip(chart.colours, row.parts, strict=True):
            axes.barh(
                y, part, 0.62, left, color=LIGHT[colour], edgecolor=LIGHT["paper"], linewidth=0.6
            )
            left += part
        if row.measured is not None:
            axes.plot(row.measured, y, "|", color=LIGHT["ink"], markersize=16, mew=2)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=LIGHT["ink"])
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
