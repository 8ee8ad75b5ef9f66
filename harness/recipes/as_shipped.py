"""What methods come to at the rates and schedules that ship, as a section of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.recipes.evidence import NOISE, Cell, Tried, by_method, chosen, scores
from harness.recipes.schedules import Schedule, by_cell, of_cell, picked

HEAD = f"""\
## As it ships

Rates are searched for in trainings shorter than those of `train=default`, and a rate that is best
in a short one may ruin a method in a long one. So the methods of the cells below were trained once
more, at the chosen rate and the chosen schedule (`conf/recipes/defaults.csv`), one seed. **Bold**
is what is lower than after the search for rates by more than {NOISE:g}.

"""


def section(rates: Sequence[Tried], schedules: Sequence[Tried], defaults: Sequence[Tried]) -> str:
    """A table per cell: each method after the search for rates, and as it ships."""
    searched, shipping = by_method(rates), picked(schedules)
    told = []
    for cell, rows in by_cell(defaults).items():
        length = of_cell(cell, shipping)
        told += [
            *_table(cell, length, rows[0].metric),
            *_rows(rows, length, searched.get(cell, {})),
            "",
        ]
    return HEAD + "\n".join(told)


def _table(cell: Cell, length: Schedule, metric: str) -> Iterator[str]:
    yield f"### {cell[0]}, {cell[1]}"
    yield ""
    yield f"{metric} on validation."
    yield ""
    yield f"| method | rate | after the search | {length.steps} × {length.batch_size} |"
    yield "|---|---|---|---|"


def _rows(
    rows: Sequence[Tried], length: Schedule, searched: Mapping[str, Sequence[Tried]]
) -> Iterator[str]:
    """Of what ships now; other rates and schedules have shipped once."""
    for row in rows:
        before = scores(searched.get(row.method, []))
        score = before.get(row.multiple)
        if score is None or row.multiple != chosen(before):
            continue
        if Schedule(row.steps, row.batch_size) == length:
            yield _row(row, score)


def _row(row: Tried, before: float) -> str:
    after = "diverged" if row.validation is None else f"{row.validation:.3f}"
    if row.validation is None or row.validation < before - NOISE:
        after = f"**{after}**"
    return f"| {row.method} | {row.learning_rate:g} | {before:.3f} | {after} |"
