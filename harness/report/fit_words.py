"""What a table of fits comes to, in sentences that are worked out from its rows."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.fit_table import ArithmeticRow, FitRow, FitTable
from harness.analysis.fits import (
    headroom,
    largest_shape,
    most_trained,
    planned,
    smallest_card,
    smallest_shape,
    training,
)
from harness.analysis.numbers import GIB, count, listed, plural

USUAL = 24
"""GiB of the card that is spoken of."""


def gib(size: float) -> str:
    """Bytes in GiB, one decimal."""
    return f"{size / GIB:,.1f}"


def in_gib(size: float) -> str:
    return f"{gib(size)}\u00a0GiB"


def shape_words(shape: tuple[int, int]) -> str:
    batch, tokens = shape
    return f"{batch:,}\u00a0×\u00a0{tokens:,} tokens"


def sentences(table: FitTable) -> tuple[str, ...]:
    rows = planned(table)
    if not rows:
        return ("Nothing could be predicted.",)
    least = smallest_shape(rows)
    at_least = [row for row in rows if row.shape == least]
    told = [*_full(table, rows), *_on(table, USUAL), _frugal(table, at_least)]
    told.append(_spread(rows, list(dict.fromkeys((least, largest_shape(rows))))))
    failed = len(table.rows) - len(rows)
    if failed:
        told.append(f"{plural(failed, 'setting')} could not be predicted.")
    return tuple(sentence for sentence in told if sentence)


def arithmetic(rows: Sequence[ArithmeticRow]) -> str:
    """The rule of thumb against what is added up, with activations and without."""
    quoted = [row for row in rows if row.activations is None]
    added = [row for row in rows if row.activations is not None]
    if not quoted or not added:
        return ""
    state = [row.weights + row.gradients + row.optimizer for row in added]
    rule = listed(f"{row.total / 1e9:,.0f} GB, which is {in_gib(row.total)}," for row in quoted)
    return (
        f"The rule of thumb comes to {rule} before activations. Planned, weights, gradients and "
        f"optimizer state at the peak are {_span(state)} by the precision, and all is "
        f"{_span([row.total for row in added])}."
    )


def _full(table: FitTable, rows: Sequence[FitRow]) -> list[str]:
    full = [row for row in rows if row.family == "full"]
    if not full:
        return []
    row = min(full, key=lambda row: (row.shape, _peak(row)))
    card = smallest_card(table, row.train_peak_bytes)
    where = f"so {card} GiB is the smallest card" if card else "more than any of these cards holds"
    return [
        f"Full fine-tuning of {table.model} needs {in_gib(_peak(row))} for a batch of "
        f"{shape_words(row.shape)}, {where}."
    ]


def _on(table: FitTable, card: int) -> list[str]:
    if card not in table.cards:
        return []
    fitting = training(table, card)
    if not fitting:
        return [f"On {card} GiB nothing trains."]
    least = smallest_shape(fitting)
    most = most_trained(row for row in fitting if row.shape == least)
    spare = headroom(table, most, card) or 0.0
    told = (
        f"The most that trains on {card} GiB at {shape_words(least)} is {most.label}: "
        f"{count(most.trainable_parameters or 0)} parameters, with {in_gib(spare)} to spare."
    )
    largest = largest_shape(fitting)
    if largest == least:
        return [told]
    who = dict.fromkeys(row.label for row in fitting if row.shape == largest)
    return [
        told,
        f"The most text that trains there is {shape_words(largest)}, with {listed(who, 3)}.",
    ]


def _frugal(table: FitTable, rows: Sequence[FitRow]) -> str:
    others = [row for row in rows if row.family != "head"]
    if len(others) < 2:
        return ""
    row = min(others, key=_peak)
    card = smallest_card(table, row.train_peak_bytes)
    where = f", which fits on {card}\u00a0GiB" if card else ""
    return f"{row.label} needs the least, {in_gib(_peak(row))}{where}."


def _spread(rows: Sequence[FitRow], shapes: Sequence[tuple[int, int]]) -> str:
    """How far the methods lie apart that train few parameters."""
    few = [row for row in rows if row.family not in ("full", "head")]
    told = []
    for shape in shapes:
        peaks = [_peak(row) for row in few if row.shape == shape]
        if len(peaks) > 1:
            told.append(f"{_span(peaks)} at {shape_words(shape)}")
    return f"The parameter-efficient methods need {listed(told)}." if told else ""


def _span(sizes: Sequence[int]) -> str:
    low, high = gib(min(sizes)), in_gib(max(sizes))
    return high if high.startswith(f"{low}\u00a0") else f"{low} to {high}"


def _peak(row: FitRow) -> int:
    return row.train_peak_bytes or 0
