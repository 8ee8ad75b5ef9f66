"""Which settings of a model fit on which card, out of what is predicted of them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from harness.analysis.fit_table import FitRow, FitTable
from harness.analysis.numbers import GIB


class Fit(Enum):
    TRAINS = "trains"
    INFERENCE = "inference"
    NOT = "no"


def usable(table: FitTable, card: int) -> float:
    """Bytes of a card that may be used."""
    return (card - table.reserve) * GIB


def fit(table: FitTable, row: FitRow, card: int) -> Fit | None:
    """A peak that takes all that is usable fits. None where nothing was predicted."""
    if row.train_peak_bytes is None:
        return None
    room = usable(table, card)
    if row.train_peak_bytes <= room:
        return Fit.TRAINS
    infers = row.inference_peak_bytes is not None and row.inference_peak_bytes <= room
    return Fit.INFERENCE if infers else Fit.NOT


def headroom(table: FitTable, row: FitRow, card: int) -> float | None:
    """Usable bytes that training leaves; below zero, those that it lacks."""
    return None if row.train_peak_bytes is None else usable(table, card) - row.train_peak_bytes


def smallest_card(table: FitTable, peak: int | None) -> int | None:
    """The least of the cards that a peak in bytes fits on."""
    if peak is None:
        return None
    return min((card for card in table.cards if peak <= usable(table, card)), default=None)


def planned(table: FitTable) -> list[FitRow]:
    """The rows with figures."""
    return [row for row in table.rows if row.train_peak_bytes is not None]


def training(table: FitTable, card: int) -> list[FitRow]:
    return [row for row in table.rows if fit(table, row, card) is Fit.TRAINS]


def smallest_shape(rows: Iterable[FitRow]) -> tuple[int, int]:
    """The least batch, and of that the shortest sequences."""
    return min(row.shape for row in rows)


def largest_shape(rows: Iterable[FitRow]) -> tuple[int, int]:
    """The most tokens at once, and of those the larger batch."""
    return max((row.shape for row in rows), key=lambda shape: (shape[0] * shape[1], shape))


def most_trained(rows: Iterable[FitRow]) -> FitRow:
    """The one that trains the most parameters."""
    return max(rows, key=lambda row: row.trainable_parameters or 0)
