"""What a study's task is made of, as its records count it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.analysis.figures import Row
from harness.analysis.numbers import listed

LEFT_OUT = {
    "dropped": "dropped",
    "no_text": "without text",
    "no_label": "without label",
    "contradictory": "with several labels",
    "duplicate": "copies",
    "in_other_split": "in a later split, too",
}
SPLITS = {"train": "train", "validation": "validate", "test": "are tested on"}


def task_data(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Facts of each distinct task: its rows and splits, its classes, the lengths of its texts."""
    found = {_told(row): None for row in rows if all(f"data.{name}" in row for name in SPLITS)}
    return [fact for facts in found for fact in facts]


def _told(row: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    def number(name: str) -> float:
        value = row.get(f"data.{name}")
        return value if isinstance(value, (int, float)) else 0

    splits = [f"{number(name):,.0f} {words}" for name, words in SPLITS.items()]
    out = [f"{number(rule):,.0f} {words}" for rule, words in LEFT_OUT.items() if number(rule)]
    parts = [f"{number('rows'):,.0f} rows", *([f"left out: {listed(out)}"] if out else [])]
    facts = [("Data", "; ".join([*parts, listed(splits)]))]
    if classes := number("classes"):
        told = f"{classes:,.0f} classes, the commonest {number('commonest'):.0%}"
        facts.append(("Classes", f"{told} of training, {number('imbalance'):.3g} × the rarest"))
    if tokens := number("median_tokens"):
        full = f"{number('full'):.1%} fill the longest that is read"
        facts.append(("Texts", f"{tokens:g} tokens in the median; {full}"))
    return tuple(facts)
