"""The page that tells which method, size, batch and length fit on which card."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.analysis import numbers
from harness.analysis.fit_table import ArithmeticRow, FitRow, FitTable
from harness.analysis.fits import (
    Fit,
    fit,
    headroom,
    largest_shape,
    most_trained,
    planned,
    smallest_card,
    smallest_shape,
    training,
    usable,
)
from harness.analysis.numbers import DASH, GIB
from harness.report import fit_words, style
from harness.report.fit_words import gib, shape_words
from harness.report.rendering import render
from harness.report.table import Cell, Column

PARTS = ("weights", "activations", "gradients", "optimizer")
SIGNS = {Fit.TRAINS: "✓", Fit.INFERENCE: "◐", Fit.NOT: "✗"}


@dataclass(frozen=True)
class CardCell:
    """`kind` names the style; `left` is the headroom of training, with its sign."""

    kind: str
    sign: str
    words: str
    left: str
    order: float


@dataclass(frozen=True)
class Line:
    """A setting in the table. `trains` and `infers` are the smallest cards for it, in GiB."""

    label: str
    colour: str
    marker: str
    shape: str
    batch: Cell
    cells: tuple[Cell, ...]
    cards: tuple[CardCell | None, ...]
    trains: int | None
    infers: int | None
    error: str


@dataclass(frozen=True)
class Bar:
    """A peak and its parts: `widths` in percent of the scale, `cells` the same in GiB."""

    label: str
    widths: tuple[tuple[str, float], ...]
    cells: tuple[Cell, ...]
    note: str = ""


@dataclass(frozen=True)
class Bars:
    """`marks` are the cards that lie within the scale: what is usable of each, in percent of it."""

    title: str
    reach: str
    marks: tuple[tuple[int, float], ...]
    rows: tuple[Bar, ...]


@dataclass(frozen=True)
class OnCard:
    """What one card holds."""

    card: int
    label: str
    facts: tuple[tuple[str, str], ...]


def page(table: FitTable) -> str:
    """One file of HTML that needs no other."""
    table = replace(table, rows=tuple(sorted(table.rows, key=_place)))
    shapes = style.shapes(row.method for row in table.rows)
    unit, size = numbers.bytes_unit(row.adapter_file_bytes for row in table.rows)
    return render(
        "fits.html.j2",
        ["page.css", "fits.css"],
        ["sortable.js", "contents.js", "fits.js"],
        table=table,
        parameters=numbers.count(table.parameters),
        cards=[(card, f"{card - table.reserve:g}") for card in table.cards],
        sentences=fit_words.sentences(table),
        on_cards=[_on_card(table, card) for card in table.cards] if planned(table) else [],
        columns=_columns(unit),
        lines=[_line(table, row, shapes[row.method].matplotlib, size) for row in table.rows],
        shapes=list(dict.fromkeys(shape_words(s) for s in sorted({r.shape for r in table.rows}))),
        bars=[_bars(table, shape) for shape in sorted({row.shape for row in planned(table)})],
        parts=PARTS,
        said=fit_words.arithmetic(table.arithmetic),
        arithmetic=_arithmetic(table.arithmetic),
    )


def _place(row: FitRow) -> tuple[object, ...]:
    """Families together, then methods, sizes and shapes from small to large."""
    families = list(style.FAMILIES)
    family = families.index(row.family) if row.family in families else len(families)
    return family, row.family, row.method, row.size or 0, row.shape


def _columns(file_unit: str) -> tuple[Column, ...]:
    return (
        Column("Training", "GiB", "predicted peak of a training step"),
        Column("Inference", "GiB", "predicted peak of one answer"),
        Column("Trained", "parameters", "what the method trains"),
        Column("File", file_unit, "what is stored of what was trained"),
    )


def _line(table: FitTable, row: FitRow, marker: str, file_size: int) -> Line:
    def cell(value: int | None, text: str) -> Cell:
        if value is None:
            return Cell(DASH, reason=row.error or "not predicted")
        return Cell(text, order=float(value))

    file, trained = row.adapter_file_bytes, row.trainable_parameters
    cells = (
        cell(row.train_peak_bytes, gib(row.train_peak_bytes or 0)),
        cell(row.inference_peak_bytes, gib(row.inference_peak_bytes or 0)),
        cell(trained, numbers.count(trained or 0)),
        cell(file, numbers.significant((file or 0) / file_size)),
    )
    either = [p for p in (row.train_peak_bytes, row.inference_peak_bytes) if p is not None]
    return Line(
        row.label,
        style.token(row.family),
        marker,
        shape_words(row.shape),
        Cell(f"{row.batch_size:,} × {row.seq_len:,}", order=float(row.batch_size * row.seq_len)),
        cells,
        tuple(_card(table, row, card) for card in table.cards),
        smallest_card(table, row.train_peak_bytes),
        smallest_card(table, min(either, default=None)),
        row.error or "",
    )


def _card(table: FitTable, row: FitRow, card: int) -> CardCell | None:
    found, left = fit(table, row, card), headroom(table, row, card)
    if found is None or left is None:
        return None
    # Rounded down, so that nothing is promised that is not there.
    tenths = int(left * 10 // GIB)
    signed = f"{'+' if left >= 0 else '−'}{abs(tenths) / 10:,.1f}"
    return CardCell(found.name.lower(), SIGNS[found], found.value, signed, left)


def _on_card(table: FitTable, card: int) -> OnCard:
    known, fitting = planned(table), training(table, card)
    label = f"{len(fitting)} of {len(known)} train"
    if not fitting:
        return OnCard(card, label, ())
    first = [row for row in fitting if row.shape == smallest_shape(known)]
    facts = []
    if first:
        most = most_trained(first)
        trained = numbers.count(most.trainable_parameters or 0)
        facts.append(("most trained", f"{most.label}, {trained}"))
    facts.append(("most text", shape_words(largest_shape(fitting))))
    return OnCard(card, label, tuple(facts))


def _bars(table: FitTable, shape: tuple[int, int]) -> Bars:
    rows = [row for row in planned(table) if row.shape == shape]
    scale = max(row.train_peak_bytes or 0 for row in rows)
    bars = tuple(
        _bar(row.label, {part: getattr(row, part) for part in PARTS}, row.train_peak_bytes, scale)
        for row in sorted(rows, key=lambda row: -(row.train_peak_bytes or 0))
    )
    marks = tuple(
        (card, round(100 * usable(table, card) / scale, 2))
        for card in table.cards
        if usable(table, card) <= scale
    )
    return Bars(shape_words(shape), gib(scale), marks, bars)


def _bar(
    label: str, parts: dict[str, int | None], total: int | None, scale: float, note: str = ""
) -> Bar:
    widths = tuple((part, round(100 * size / scale, 2)) for part, size in parts.items() if size)
    cells = tuple(_gib_cell(size) for size in (*parts.values(), total))
    return Bar(label, widths, cells, note)


def _arithmetic(rows: tuple[ArithmeticRow, ...]) -> Bars | None:
    """Each way to add up, with the sum in GB, since that is what the rule of thumb is told in."""
    if not rows:
        return None
    scale = max(row.total for row in rows)
    bars = []
    for row in rows:
        parts = {part: getattr(row, part) for part in PARTS}
        bar = _bar(row.name, parts, row.total, scale, row.note)
        total = replace(bar.cells[-1], below=f"{row.total / 1e9:,.1f} GB")
        bars.append(replace(bar, cells=(*bar.cells[:-1], total)))
    return Bars("", gib(scale), (), tuple(bars))


def _gib_cell(size: int | None) -> Cell:
    return Cell(DASH, reason="not counted") if size is None else Cell(gib(size), order=float(size))
