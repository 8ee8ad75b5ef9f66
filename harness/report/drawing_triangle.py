"""The triangle as a still, by mpltern."""

from __future__ import annotations

from typing import Any

import mpltern  # noqa: F401  (registers the projection)
import numpy as np
from matplotlib.figure import Figure

from harness.report.charts import Ternary, alike
from harness.report.drawing import DPI, mark_style, name_beside
from harness.report.labels import place, ternary_anchors
from harness.report.style import LIGHT, token

WIDTH, HEIGHT = 760, 620
SIDE = 560  # px of the triangle's side, for placing labels
OUTSIDE = (("center", "bottom"), ("center", "top"), ("center", "top"))  # top, left, right


def ternary(chart: Ternary) -> Figure:
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI)
    axes: Any = figure.add_axes((0.13, 0.11, 0.74, 0.74), projection="ternary")
    for letter in "tlr":
        axis = getattr(axes, f"{letter}axis")
        axis.set_ticks([0.2, 0.4, 0.6, 0.8], labels=[""] * 4)
        axis.set_tick_params(length=0)
    axes.grid(color=LIGHT["grid"])
    for corner, (x, y), (ha, va) in zip(chart.corners, axes.corners_data, OUTSIDE, strict=True):
        title, words = corner.split("\n")
        for text, offset, bold in ((title, 0, "bold"), (words, -17, "normal")):
            axes.annotate(
                text, (x, y), xytext=(0, offset + (28 if va == "bottom" else -24)),
                textcoords="offset points", ha=ha, va="center", fontsize=13, fontweight=bold,
                color=LIGHT["ink" if bold == "bold" else "muted"],
            )  # fmt: skip
    for claim in chart.claims:
        axes.plot(
            *([weight] for weight in claim.weights), "o", markersize=claim.size, mfc="none",
            mec=LIGHT[token(claim.family)], mew=1.4, alpha=0.75, linestyle="none",
        )  # fmt: skip
    for group in alike(chart.marks):
        marks = [chart.marks[index] for index in group]
        axes.scatter(*zip(*(mark.weights for mark in marks), strict=True), **mark_style(marks))
    everything = [*chart.marks, *chart.claims]
    for index, position in place(ternary_anchors(chart, SIDE), SIDE, SIDE).items():
        named = everything[index]
        x, y = np.asarray(named.weights) @ axes.corners_data
        name_beside(axes, named.label, (x, y), named.size, position)
    return figure
