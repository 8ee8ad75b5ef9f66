"""Charts as plotly figures: plain data, drawn in the reader's browser.

Names are placed for a wide screen; where they go on a narrow one stands in each trace's `meta`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

from harness.report.charts import Bars, Chart, Forest, Mark, Scatter, Ternary, TernaryMark, alike
from harness.report.labels import place, scatter_anchors, steps, ternary_anchors
from harness.report.plot_parts import (
    Spec,
    axis_spec,
    colour_token,
    escaped,
    layout_spec,
    note,
    told,
    whiskers,
)
from harness.report.plot_rows import bars, forest
from harness.report.style import FADED, TINT

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
        _marks(chart.marks, group, wide, narrow)
        | {
            "type": "scatter",
            "x": [chart.marks[index].x for index in group],
            "y": [chart.marks[index].y for index in group],
            "error_x": whiskers([(m.x, m.x_bounds) for m in _of(chart.marks, group)], family),
            "error_y": whiskers([(m.y, m.y_bounds) for m in _of(chart.marks, group)], family),
        }
        for group in alike(chart.marks)
        for family in [chart.marks[group[0]].family]
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
    marks = [*chart.marks, *chart.claims]
    # Claims first, so that they hide no measured mark.
    data = [
        _marks(marks, group, wide, narrow)
        | {"type": "scatterternary", "cliponaxis": False}
        | {key: [marks[i].weights[place] for i in group] for place, key in enumerate("abc")}
        for group in sorted(alike(marks), key=lambda group: group[0] < len(chart.marks))
    ]
    side = {"showticklabels": False, "ticks": "", "gridcolor": "--grid", "linecolor": "--muted"}
    side |= {"tickvals": [0.2, 0.4, 0.6, 0.8]}
    corners = (corner.split("\n") for corner in chart.corners)
    titles = [{"text": f"<b>{escaped(title)}</b><br>{escaped(words)}"} for title, words in corners]
    # Plotly hangs the upper title by its first line, so a second one would cover the apex.
    titles[0]["text"] = titles[0]["text"].replace("<br>", ": ")
    ternary: Spec = {"sum": 1, "bgcolor": "rgba(0,0,0,0)"}
    for axis, title in zip(("aaxis", "baxis", "caxis"), titles, strict=True):
        ternary[axis] = side | {"title": title}
    margin = {"l": 50, "r": 58, "t": 40, "b": 50}
    layout = layout_spec(600) | {"ternary": ternary, "margin": margin}
    return {"data": data, "layout": layout}


def _marks(
    marks: Sequence[Mark | TernaryMark],
    group: list[int],
    wide: dict[int, str],
    narrow: dict[int, str],
) -> Spec:
    """The trace of marks that are alike, but for where they lie."""
    first = marks[group[0]]
    colour = colour_token(first.family)
    is_open, pale = first.shape.plotly.endswith("-open"), first.shape.pale
    return {
        "marker": {
            "symbol": first.shape.plotly,
            "size": [marks[index].size for index in group],
            "color": f"{colour}/{TINT:x}" if pale else colour,
            "opacity": FADED if first.shape.faded else 1,
            "line": {"color": colour, "width": 1.4}
            if is_open or pale
            else {"color": "--paper", "width": 0.8},
        },
        "textfont": {"color": "--ink", "size": 12},
        **_names(marks, group, wide),
        **told([marks[index] for index in group], narrow=_names(marks, group, narrow)),
    }


def _names(
    marks: Sequence[Mark | TernaryMark], group: list[int], positions: dict[int, str]
) -> Spec:
    if not any(index in positions for index in group):
        return {"mode": "markers"}
    return {
        "mode": "markers+text",
        "text": [escaped(marks[index].label) if index in positions else "" for index in group],
        "textposition": [positions.get(index, "middle right") for index in group],
    }


def _of(marks: Sequence[Mark], group: list[int]) -> list[Mark]:
    return [marks[index] for index in group]
