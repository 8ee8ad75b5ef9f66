"""Pieces that every plotly figure is made of.

Plotly reads a subset of HTML in every text it draws, so all that comes from records is escaped. A
colour is a token of the style with two dashes before it, and maybe an opacity in hexadecimal behind
a slash (`--family-low_rank/60`); the page puts the reader's light or dark colour in its place.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from math import log10
from typing import Any

from harness.report.charts import Axis, BarRow, Bounds, ForestRow, Mark, TernaryMark
from harness.report.style import token

Spec = dict[str, Any]
Told = Mark | TernaryMark | ForestRow | BarRow


def escaped(text: str) -> str:
    # A pair of dollars would send plotly looking for a TeX renderer.
    return html.escape(text, quote=False).replace("$", "&#36;").replace("\n", "<br>")


def told(marks: Sequence[Told], **meta: Any) -> Spec:
    """What a trace says of its marks: lines of their own, or none where the page's script puts in
    what it tells of `meta.entries`, which are places among the study's entries.
    """
    spec: Spec = {
        "hovertemplate": "%{customdata}<extra></extra>",
        "meta": {"entries": [mark.entry for mark in marks], **meta},
    }
    if any(mark.hover for mark in marks):
        spec["customdata"] = ["<br>".join(map(escaped, mark.hover)) for mark in marks]
    return spec


def whiskers(values: Sequence[tuple[float, Bounds]], family: str) -> Spec:
    """The error bars of a trace; a value without bounds has one of no length."""
    spans = [(value, *(bounds or (value, value))) for value, bounds in values]
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - value for value, _, high in spans],
        "arrayminus": [value - low for value, low, _ in spans],
        "color": f"{colour_token(family)}/60",
        "thickness": 1,
        "width": 0,
    }


def axis_spec(axis: Axis) -> Spec:
    low, high = (log10(axis.low), log10(axis.high)) if axis.log else (axis.low, axis.high)
    return {
        "type": "log" if axis.log else "linear",
        "range": [low, high],
        "title": {"text": escaped(axis.title), "standoff": 8},
        "tickvals": [tick for tick, _ in axis.ticks],
        "ticktext": [escaped(text) for _, text in axis.ticks],
        "gridcolor": "--grid",
        "linecolor": "--muted",
        "tickfont": {"color": "--muted"},
        "showline": True,
        "zeroline": False,
    }


def note(text: str, **where: Any) -> Spec:
    return {"text": text, "showarrow": False, "font": {"color": "--muted"}, **where}


def layout_spec(height: int) -> Spec:
    return {
        "height": height,
        "margin": {"l": 56, "r": 14, "t": 10, "b": 48},
        "showlegend": False,
        "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "--ink"},
        "hoverlabel": {
            "bgcolor": "--surface",
            "bordercolor": "--muted",
            "font": {"color": "--ink"},
            "align": "left",
        },
    }


def colour_token(family: str | None) -> str:
    return f"--{token(family)}" if family else "--muted"
