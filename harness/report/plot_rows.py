"""Charts with a row per configuration, as plotly figures."""

from __future__ import annotations

from harness.report.charts import Bars, Forest, ForestRow
from harness.report.plot_parts import (
    Spec,
    axis_spec,
    colour_token,
    escaped,
    layout_spec,
    told,
    whiskers,
)

ROW = 22


def forest(chart: Forest) -> Spec:
    data: list[Spec] = []
    texts: list[str] = []
    for title, group in chart.groups:
        texts.append(f"<b>{escaped(title)}</b>")
        for row in group:
            data += _forest_row(row, len(texts))
            texts.append(escaped(row.label))
    shapes: list[Spec] = [
        {
            "type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": chart.neutral,
            "x1": chart.neutral, "layer": "below",
            "line": {"color": "--muted", "width": 1},
        }
    ]  # fmt: skip
    if chart.band:
        low, high = chart.band
        shapes.append(
            {
                "type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": low, "x1": high,
                "layer": "below", "fillcolor": "--grid", "line": {"width": 0},
            }
        )  # fmt: skip
    layout = layout_spec(ROW * len(texts) + 60) | {
        "xaxis": axis_spec(chart.x),
        "yaxis": _rows(texts),
        "shapes": shapes,
    }
    return {"data": data, "layout": layout}


def _forest_row(row: ForestRow, y: int) -> list[Spec]:
    colour = colour_token(row.family)
    trace = {"type": "scatter", "mode": "markers", "y": [y], **told([row])}
    second = trace | {
        "x": [row.tick],
        "marker": {"symbol": "line-ns-open", "size": 11, "color": colour, "line": {"width": 1.5}},
    }
    single = trace | {
        "x": [row.value],
        "error_x": whiskers([(row.value, row.bounds)], row.family)
        | {"thickness": 2, "color": colour},
        "marker": {"symbol": row.shape.plotly, "size": 10, "color": colour},
    }
    return [single] if row.tick is None else [second, single]


def bars(chart: Bars) -> Spec:
    places = list(range(len(chart.rows)))
    texts = told(chart.rows)
    data: list[Spec] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": places,
            "x": [row.parts[index] for row in chart.rows],
            "marker": {"color": f"--{colour}", "line": {"color": "--paper", "width": 0.6}},
            **texts,
        }
        for index, colour in enumerate(chart.colours)
    ]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "y": places,
            "x": [row.measured for row in chart.rows],
            "marker": {
                "symbol": "line-ns-open",
                "size": 16,
                "color": "--ink",
                "line": {"width": 2},
            },
            **texts,
        }
    )
    layout = layout_spec(ROW * len(chart.rows) + 60) | {
        "xaxis": axis_spec(chart.x),
        "yaxis": _rows([escaped(row.label) for row in chart.rows]),
        "barmode": "stack",
        "bargap": 0.35,
    }
    return {"data": data, "layout": layout}


def _rows(texts: list[str]) -> Spec:
    return {
        "range": [len(texts) - 0.4, -0.6],
        "tickvals": list(range(len(texts))),
        "ticktext": texts,
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
