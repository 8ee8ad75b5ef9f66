"""Which marks can be named beside themselves without one name covering another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.report.charts import Scatter, Ternary

LETTER, HEIGHT, GAP = 6.4, 14.0, 3.0  # px of a 12 px system font
MOST = 60  # names tried: more would not be read

# As plotly names them: vertical, horizontal.
POSITIONS = (
    ("middle", "right"),
    ("middle", "left"),
    ("top", "center"),
    ("bottom", "center"),
    ("top", "right"),
    ("bottom", "right"),
    ("top", "left"),
    ("bottom", "left"),
)
Box = tuple[float, float, float, float]
Boxes = NDArray[np.float64]
"""Of shape (boxes, 4)."""


@dataclass(frozen=True)
class Anchor:
    """A mark on the screen: centre and diameter in px, y upwards, and its name."""

    text: str
    x: float
    y: float
    size: float
    rank: int
    whiskers: tuple[Box, ...] = ()


def place(
    anchors: Sequence[Anchor], width: float, height: float, lines: Sequence[Box] = ()
) -> dict[int, str]:
    """Positions by index of the anchors that can be named, such as "middle right".

    Greedy: the least rank chooses first, and of the places that are free the one that crosses
    least: a whisker counts once, one of `lines` three times. A name that fits nowhere, or would
    stand nearer to another mark than to its own, is left out.
    """
    marks = _boxes(_around(a.x, a.y, a.size, a.size) for a in anchors)
    whiskers = _boxes(box for anchor in anchors for box in anchor.whiskers)
    pieces = _boxes(lines)
    first = sorted(range(len(anchors)), key=lambda i: anchors[i].rank)[:MOST]
    names = np.empty((0, 4))
    placed: dict[int, str] = {}
    for index in first:
        options = _boxes(_beside(anchors[index], *position) for position in POSITIONS)
        inside = (options[:, :2] >= 0).all(axis=1) & (options[:, 2:] <= (width, height)).all(axis=1)
        # A mark of its own is not in the way of a name.
        own = _hits(options, marks[index : index + 1])
        free = inside & (_hits(options, marks) == own) & (_hits(options, names) == 0)
        free &= _nearest(options, marks) == index
        if free.any():
            crossed = _hits(options, whiskers) + 3 * _hits(options, pieces)
            best = int(np.where(free, crossed, np.iinfo(int).max).argmin())
            placed[index] = " ".join(POSITIONS[best])
            names = np.vstack([names, options[best]])
    return placed


def scatter_anchors(chart: Scatter, width: float, height: float) -> list[Anchor]:
    """The marks of a chart whose axes measure width × height px."""
    anchors = []
    for mark in chart.marks:
        x, y = chart.x.place(mark.x) * width, chart.y.place(mark.y) * height
        whiskers = []
        if mark.x_bounds:
            low, high = (chart.x.place(bound) * width for bound in mark.x_bounds)
            whiskers.append((low, y - 1, high, y + 1))
        if mark.y_bounds:
            low, high = (chart.y.place(bound) * height for bound in mark.y_bounds)
            whiskers.append((x - 1, low, x + 1, high))
        anchors.append(Anchor(mark.label, x, y, mark.size, mark.rank, tuple(whiskers)))
    return anchors


def steps(chart: Scatter, width: float, height: float) -> list[Box]:
    """The level and upright pieces of the chart's front, on the same screen."""
    return [
        _around((x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) + 2, abs(y1 - y0) + 2)
        for line in chart.lines
        if line.family is None
        for (x0, y0), (x1, y1) in pairwise(
            (chart.x.place(x) * width, chart.y.place(y) * height) for x, y in line.points
        )
    ]


def ternary_anchors(chart: Ternary, side: float) -> list[Anchor]:
    """Marks, then claims, on a screen of side × side px; claims choose last."""
    marks = [*chart.marks, *chart.claims]
    return [
        Anchor(
            mark.label,
            mark.plane[0] * side,
            mark.plane[1] * side,
            mark.size,
            mark.rank + (len(chart.marks) if mark in chart.claims else 0),
        )
        for mark in marks
    ]


def _beside(anchor: Anchor, vertical: str, horizontal: str) -> Box:
    width = LETTER * len(anchor.text) + GAP
    reach = anchor.size / 2 + GAP
    x = anchor.x + {"left": -reach - width / 2, "center": 0, "right": reach + width / 2}[horizontal]
    y = anchor.y + {"bottom": -reach - HEIGHT / 2, "middle": 0, "top": reach + HEIGHT / 2}[vertical]
    return _around(x, y, width, HEIGHT)


def _around(x: float, y: float, width: float, height: float) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _boxes(boxes: Iterable[Box]) -> Boxes:
    return np.array(list(boxes), dtype=float).reshape(-1, 4)


def _nearest(boxes: Boxes, others: Boxes) -> NDArray[np.int_]:
    """Of each box the index of the one of the others whose edge is nearest to its own."""
    own = boxes[:, None]
    apart = np.maximum(np.maximum(own[..., :2] - others[:, 2:], others[:, :2] - own[..., 2:]), 0)
    return np.asarray((apart**2).sum(axis=2).argmin(axis=1))


def _hits(boxes: Boxes, others: Boxes) -> NDArray[np.int_]:
    """How many of the others each box meets."""
    own = boxes[:, None]
    meets = (own[..., :2] < others[:, 2:]) & (others[:, :2] < own[..., 2:])
    return np.asarray(meets.all(axis=2).sum(axis=1))
