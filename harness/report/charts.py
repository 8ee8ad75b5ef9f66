"""What a chart shows, told once for both who draw it: the still and the interactive plot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10

from harness.report.style import Shape

Bounds = tuple[float, float] | None

NONE = 1e-100
"""On a logarithmic axis as good as zero: the ends beside less could not be told as numbers."""


@dataclass(frozen=True)
class Mark:
    """One configuration in a plane. `rank` orders the claims to a direct label, least first.

    `entry` is its place among the study's entries; a mark without `hover` text of its own tells
    what the page tells of that entry everywhere.
    """

    label: str
    family: str
    shape: Shape
    size: float
    x: float
    y: float
    x_bounds: Bounds
    y_bounds: Bounds
    hover: tuple[str, ...]
    rank: int
    entry: int | None = None


@dataclass(frozen=True)
class Axis:
    """`zero` is where zeros are drawn on a log axis that has to show some: below all others."""

    title: str
    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, str], ...]
    zero: float | None = None

    def on(self, value: float) -> float:
        """The coordinate at which a value is drawn."""
        return self.zero if self.zero is not None and value <= NONE else value

    def place(self, value: float) -> float:
        """Where a value lies on the axis: 0 at its low end, 1 at its high end. An interval's end
        that has no logarithm lies beyond the low one.
        """
        if self.log:
            on = self.on(value)
            return log10(on / self.low) / log10(self.high / self.low) if on > 0 else 0.0
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Line:
    """A polyline; a family colours it, none makes it ink."""

    points: tuple[tuple[float, float], ...]
    family: str | None
    dashed: bool


@dataclass(frozen=True)
class Reference:
    """A level line, named at its right end below it or at its left end above it."""

    y: float
    label: str
    right: bool


@dataclass(frozen=True)
class Scatter:
    """`better` is the word in the ideal corner, upper left; `references` are level lines."""

    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    lines: tuple[Line, ...]
    references: tuple[Reference, ...]
    better: str


@dataclass(frozen=True)
class TernaryMark:
    """`weights` are (top, left, right) and sum to one."""

    label: str
    family: str
    shape: Shape
    size: float
    weights: tuple[float, float, float]
    hover: tuple[str, ...]
    rank: int
    entry: int | None = None

    @property
    def plane(self) -> tuple[float, float]:
        """In a triangle of side 1 that stands on its base, the origin its left corner."""
        top, _, right = self.weights
        return right + top / 2, top * 3**0.5 / 2


@dataclass(frozen=True)
class Ternary:
    """Corner titles top, left, right; `claims` are drawn open."""

    corners: tuple[str, str, str]
    marks: tuple[TernaryMark, ...]
    claims: tuple[TernaryMark, ...]


@dataclass(frozen=True)
class ForestRow:
    """A value and, as an upright tick, a second one to hold against it."""

    label: str
    family: str
    shape: Shape
    value: float
    bounds: Bounds
    tick: float | None
    hover: tuple[str, ...]
    entry: int | None = None


@dataclass(frozen=True)
class Forest:
    """Groups of rows from top to bottom around the line at `neutral`, which is no effect; `band` is
    what noise alone does.
    """

    x: Axis
    groups: tuple[tuple[str, tuple[ForestRow, ...]], ...]
    band: Bounds
    neutral: float = 1.0


@dataclass(frozen=True)
class BarRow:
    label: str
    parts: tuple[float, ...]
    measured: float | None
    hover: tuple[str, ...]
    entry: int | None = None


@dataclass(frozen=True)
class Bars:
    """Stacked parts of each row beside the measured whole; `colours` are tokens of the style."""

    x: Axis
    parts: tuple[str, ...]
    colours: tuple[str, ...]
    rows: tuple[BarRow, ...]


Chart = Scatter | Ternary | Forest | Bars


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


def alike(marks: Sequence[Mark | TernaryMark]) -> list[list[int]]:
    """Indices of the marks of one family and shape, larger marks first so that none is hidden.

    Drawn together they cost one artist instead of hundreds.
    """
    groups: dict[tuple[str, Shape], list[int]] = {}
    for index, mark in enumerate(marks):
        groups.setdefault((mark.family, mark.shape), []).append(index)
    return [sorted(group, key=lambda i: -marks[i].size) for group in groups.values()]


def axis(
    title: str,
    values: Iterable[float],
    show: Callable[[float], str],
    log: bool = False,
    room: tuple[float, float] = (0.06, 0.06),
) -> Axis:
    """An axis that holds all values with room at its ends, as shares of the range."""
    known = list(values)
    if log:
        return _log_axis(title, known, show, room)
    low, high = min(known), max(known)
    span = (high - low) or abs(high) * 0.1 or 1.0
    low, high = low - span * room[0], high + span * room[1]
    ticks = _ticks(low, high)
    return Axis(title, low, high, False, tuple((tick, show(tick)) for tick in ticks))


def _log_axis(
    title: str, values: Sequence[float], show: Callable[[float], str], room: tuple[float, float]
) -> Axis:
    """Zeros, which have no logarithm, stand a step below the least of the others."""
    positive = [value for value in values if value > NONE] or [1.0]
    first, last = log10(min(positive)), log10(max(positive))
    span = max(last - first, 0.3)
    zero = 10 ** (first - 0.15 * span) if min(values) <= NONE else None
    low = (zero or min(positive)) / 10 ** (span * room[0])
    high = 10 ** (last + span * room[1])
    ticks = [(tick, show(tick)) for tick in _log_ticks(min(positive) if zero else low, high)]
    return Axis(title, low, high, True, (*([(zero, "0")] if zero else []), *ticks), zero)


def _ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers, a step of 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / about
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = ceil(low / step), floor(high / step)
    digits = max(0, 2 - floor(log10(step)))
    return [round(place * step, digits) for place in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5)):
        ticks = [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]
        if len(ticks) >= 4:
            break
    # Within half a decade round numbers are evenly spaced ones.
    return ticks if len(ticks) >= 3 else _ticks(low, high)
