"""Charts as plotly figures: plain data, drawn in the reader's browser.

Names are placed for a wide screen; where they go on a narrow one stands in each trace's `meta`.
"""

from __future__ import annotations

from math import log10

from harness.report.charts import Bars, Chart, Forest, Mark, Scatter, Ternary, TernaryMark
from harness.report.labels import place, scatter_anchors, steps, ternary_anchors
from harness.report.plot_parts import (
    Spec,
    axis_spec,
    colour_token,
    escaped,
    hover,
    layout_spec,
    note,
    whisker,
)
from harness.report.plot_rows import bars, forest

WIDE, NARROW = (640, 370), (270, 330)  # px of the axes
WIDE_SIDE, NARROW_SIDE = 520, 250  # px of the triangle's side


def plot(chart: Chart) -> Spec:
    """`data` and `layout` as plotly takes them."""
    match chart:
        case Scatter():
            return _scatter(chart)
        case Ternary():
            return _ternary(chart)
        case Forest():
            return forest(chart)
        case Bars():
            return bars(chart)


def _scatter(chart: Scatter) -> Spec:
    lines = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [x for x, _ in line.points],
            "y": [y for _, y in line.points],
            "line": {"color": colour_token(line.family), "width": 1.5},
            "hoverinfo": "skip",
        }
        for line in chart.lines
    ]

    def names(size: tuple[int, int]) -> dict[int, str]:
        return place(scatter_anchors(chart, *size), *size, steps(chart, *size))

    wide, narrow = names(WIDE), names(NARROW)
    marks = [
        _mark(mark, wide.get(index), narrow.get(index))
        | {
            "type": "scatter",
            "x": [mark.x],
            "y": [mark.y],
            "error_x": whisker(mark.x, mark.x_bounds, mark.family),
            "error_y": whisker(mark.y, mark.y_bounds, mark.family),
        }
        for index, mark in enumerate(chart.marks)
    ]
    levels = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": reference.y,
            "y1": reference.y,
            "layer": "below",
            "line": {"color": "--muted", "width": 1, "dash": "dash"},
        }
        for reference in chart.references
    ]
    notes = [
        note(
            reference.label,
            x=1 if reference.right else 0,
            y=log10(reference.y) if chart.y.log else reference.y,
            xref="paper",
            yref="y",
            xanchor="right" if reference.right else "left",
            yanchor="top" if reference.right else "bottom",
        )
        for reference in chart.references
    ]
    if chart.better:
        notes.append(
            note(
                f"↖ <i>{escaped(chart.better)}</i>",
                x=0.01,
                y=0.99,
                xref="paper",
                yref="paper",
                xanchor="left",
                yanchor="top",
            )
        )
    layout = layout_spec(460) | {
        "xaxis": axis_spec(chart.x),
        "yaxis": axis_spec(chart.y),
        "shapes": levels,
        "annotations": notes,
    }
    return {"data": [*lines, *marks], "layout": layout}


def _ternary(chart: Ternary) -> Spec:
    def names(side: int) -> dict[int, str]:
        return place(ternary_anchors(chart, side), side, side * 3**0.5 / 2)

    wide, narrow = names(WIDE_SIDE), names(NARROW_SIDE)
    marks: list[TernaryMark] = [*chart.marks, *chart.claims]
    data = []
    for index, mark in enumerate(marks):
        top, left, right = mark.weights
        trace = _mark(mark, wide.get(index), narrow.get(index))
        trace |= {"type": "scatterternary", "a": [top], "b": [left], "c": [right]}
        data.append(trace | {"cliponaxis": False})
    # Claims lie below, so that they hide no measured mark.
    data = [*data[len(chart.marks) :], *data[: len(chart.marks)]]
    side = {"showticklabels": False, "ticks": "", "gridcolor": "--grid", "linecolor": "--muted"}
    side |= {"tickvals": [0.2, 0.4, 0.6, 0.8]}
    corners = (corner.split("\n") for corner in chart.corners)
    titles = [{"text": f"<b>{escaped(title)}</b><br>{escaped(words)}"} for title, words in corners]
    # Plotly hangs the upper title by its first line, so a second one would cover the apex.
    titles[0]["text"] = titles[0]["text"].replace("<br>", ": ")
    ternary: Spec = {"sum": 1, "bgcolor": "rgba(0,0,0,0)"}
    for axis, title in zip(("aaxis", "baxis", "caxis"), titles, strict=True):
        ternary[axis] = side | {"title": title}
    margin = {"l": 50, "r": 50, "t": 40, "b": 56}
    layout = layout_spec(600) | {"ternary": ternary, "margin": margin}
    return {"data": data, "layout": layout}


def _mark(mark: Mark | TernaryMark, wide: str | None, narrow: str | None) -> Spec:
    marker = {
        "symbol": mark.shape.plotly,
        "size": mark.size,
        "color": colour_token(mark.family),
        "line": {"color": "--paper", "width": 0.8},
    }
    if mark.shape.plotly.endswith("-open"):
        marker["line"] = {"color": colour_token(mark.family), "width": 1.4}
    text = escaped(mark.label)
    return {
        "mode": "markers+text" if wide else "markers",
        "marker": marker,
        "text": [text],
        "textposition": wide or "middle right",
        "textfont": {"color": "--ink", "size": 12},
        "meta": {
            "narrow": {
                "mode": "markers+text" if narrow else "markers",
                "textposition": narrow or "middle right",
            }
        },
        **hover(mark.hover),
    }
