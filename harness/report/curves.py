"""Quality over ranks, bottlenecks and prompt lengths, and the smallest size that is enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log2

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.numbers import plural
from harness.analysis.ranks import Enough, SizeCurve, size_curves, smallest_enough
from harness.report.charts import Axis, Figure, Line, Mark, Reference, Scatter
from harness.report.planes import quality_axis
from harness.report.style import Shape
from harness.report.subject import MOST, Subject, bounds

KNOBS = {
    "rank": "rank",
    "bottleneck_dim": "bottleneck dimension",
    "num_virtual_tokens": "prompt length",
}
TOLD = 6
"""Most curves that a caption speaks of."""
RING = Shape("o", "circle", pale=True)
RING_SIZE = 27.0
APART = 0.4
"""Least distance of two ticks, in octaves."""


def curves(subject: Subject) -> tuple[Figure, ...]:
    """A figure for each kind of size, most curves first."""
    kinds: dict[str, list[tuple[SizeCurve, Enough]]] = {}
    for pair in zip(size_curves(subject.study), smallest_enough(subject.study), strict=True):
        kinds.setdefault(pair[0].size_field or "size", []).append(pair)
    fields = sorted(kinds, key=lambda field: (-len(kinds[field]), field))
    return tuple(_figure(subject, n, field, kinds[field]) for n, field in enumerate(fields, 1))


def knob(field: str) -> str:
    return KNOBS.get(field, field.replace("_", " "))


def _figure(
    subject: Subject, number: int, field: str, pairs: list[tuple[SizeCurve, Enough]]
) -> Figure:
    order = {entry.label: place for place, entry in enumerate(subject.in_order)}
    pairs = sorted(pairs, key=lambda pair: order[pair[1].best.label])
    drawn: list[tuple[SizeCurve, Enough]] = []
    for pair in pairs:
        marks = sum(len(curve.entries) + 1 for curve, _ in drawn)
        if not drawn or marks + len(pair[0].entries) + 1 <= subject.most:
            drawn.append(pair)
    words = knob(field)
    told = [_told(enough, words) for _, enough in pairs[:TOLD]]
    if len(pairs) > TOLD:
        rest = len(pairs) - TOLD
        already = sum(_saves(enough) for _, enough in pairs[TOLD:])
        told.append(f"Of {plural(rest, 'more curve')}, {already} tie below their best.")
    if len(drawn) < len(pairs):
        told.append(f"Drawn: the best {len(drawn)} of {len(pairs)} curves.")
    return Figure(
        f"curve-{number}",
        f"Quality by {words}",
        f"Line plot of quality against {words}, a line per method, the smallest that ties with "
        "the best ringed.",
        " ".join(told),
        _chart(subject, words, drawn),
    )


def _saves(enough: Enough) -> bool:
    return enough.smallest is not enough.best


def _told(enough: Enough, words: str) -> str:
    name, best, smallest = enough.name, enough.best.size, enough.smallest.size
    if smallest is not None and best is not None and smallest < best:
        return f"{name}: {words} {smallest} already ties with its best, {best}."
    if best == max(enough.sizes):
        return f"{name}: only {words} {best}, the largest run; a larger one might do better still."
    if best == min(enough.sizes):
        return f"{name}: {words} {best}, the smallest run, is its best."
    return f"{name}: {words} {best} is its best, and nothing smaller ties with it."


def _chart(subject: Subject, words: str, pairs: list[tuple[SizeCurve, Enough]]) -> Scatter:
    rings: list[Mark] = []
    marks: list[Mark] = []
    lines: list[Line] = []
    for place, (curve, enough) in enumerate(pairs):
        beside = _beside(place, len(pairs))
        own = [_mark(subject, entry, beside(entry)) for entry in curve.entries]
        lines.append(Line(tuple((m.x, m.y) for m in own), own[0].family, False))
        ring = next(n for n, entry in enumerate(curve.entries) if entry is enough.smallest)
        # A name goes to the outer of two marks that lie on each other, at the curve's end.
        name = numbers.shortened(curve.name)
        end = len(own) - 1
        own[end] = replace(own[end], label="" if ring == end else name, rank=place)
        rings.append(
            replace(
                own[ring],
                label=name if ring == end else "",
                shape=RING,
                size=RING_SIZE,
                x_bounds=None,
                y_bounds=None,
                rank=place,
            )
        )
        marks += own
    study = subject.study
    references = [
        (word, entry, right)
        for word, entry, right in (
            ("floor", study.floor, True),
            ("full fine-tuning", study.ceiling, False),
        )
        if entry is not None and entry["quality"].known
    ]
    entries = [entry for curve, _ in pairs for entry in curve.entries]
    return Scatter(
        _axis(words, entries),
        quality_axis(subject, [*entries, *(entry for _, entry, _ in references)]),
        (*rings, *marks),
        tuple(lines),
        tuple(Reference(e["quality"].value or 0.0, word, right) for word, e, right in references),
        "",
    )


def _beside(place: int, curves: int) -> Callable[[Entry], float]:
    """Where a curve's sizes are drawn: a little aside, so that whiskers of one size stand apart."""
    octaves = min(0.06, 0.3 / curves) * (place - (curves - 1) / 2)
    return lambda entry: float((entry.size or 1) * 2**octaves)


def _axis(words: str, entries: Sequence[Entry]) -> Axis:
    sizes = sorted({entry.size or 1 for entry in entries})
    low, high = sizes[0], sizes[-1]
    ticks: list[int] = []
    for size in sizes:
        if not ticks or log2(size / ticks[-1]) >= APART:
            ticks.append(size)
    room = 2 ** (0.3 + 0.08 * log2(high / low))
    # The names of the lines stand at their right ends.
    told = tuple((float(tick), f"{tick:,}") for tick in ticks)
    return Axis(f"{words} (log scale)", low / room, high * room**1.6, True, told)


def _mark(subject: Subject, entry: Entry, x: float) -> Mark:
    return Mark(
        "",
        entry.family,
        subject.shape(entry),
        subject.sizes[entry.label],
        x,
        entry["quality"].value or 0.0,
        None,
        bounds(entry["quality"]),
        (),
        MOST,
        subject.index[entry.label],
    )
