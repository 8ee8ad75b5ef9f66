"""Serving: many adapters on one base, switched between or answered in one batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.estimate import Estimate
from harness.analysis.figures import SERVED
from harness.analysis.numbers import in_bytes, listed, ratio, significant
from harness.report import captions
from harness.report.charts import Figure, Forest, ForestRow, axis
from harness.report.subject import Subject, bounds
from harness.report.table import Column, Spec, Table, in_unit, tabulate

MANY = SERVED[-1]
RATIOS = {
    "mixed_over_one_at_a_time": "Mixed / one at a time",
    "mixed_over_merged": "Mixed / merged",
    "one_at_a_time_over_merged": "One at a time / merged",
}


def serving(subject: Subject) -> Figure:
    return Figure(
        "serving",
        "Many adapters on one base",
        "Forest plot of requests answered per second, as ratios with their intervals.",
        caption(subject),
        _chart(subject),
    )


def served(subject: Subject, out: Path) -> Table:
    """A row per drawn configuration for which anything of serving is known, best quality first."""
    labels = {entry.label for entry in subject.drawn}
    entries = [
        e
        for e in subject.in_order
        if e.label in labels and any(e[figure].known for figure in _FIGURES)
    ]
    return tabulate(subject, entries, _specs(entries) if entries else [], out)


def caption(subject: Subject) -> str:
    stored = [e for e in subject.entries if e[f"served_{MANY}"].known]
    timed = [e for e in subject.entries if e["switch_ms"].known or e["same_per_s"].known]
    if not stored and not timed:
        return captions.unmeasured(subject, "adapter_bytes", "Serving")
    return " ".join([*_bytes(stored), *_switch(subject), *_mixed(subject)])


def _bytes(stored: list[Entry]) -> list[str]:
    if not stored:
        return []
    figure = f"served_{MANY}"
    least, most = (f(stored, key=lambda e: e[figure].value or 0.0) for f in (min, max))
    told = f"{MANY} adapters on one base take {in_bytes(least[figure].value or 0.0)} ({least.label}"
    if most is not least:
        told += f") to {in_bytes(most[figure].value or 0.0)} ({most.label}"
    full = least[f"full_models_{MANY}"].value
    return [f"{told}), {MANY} full models {in_bytes(full)}." if full else f"{told})."]


def _switch(subject: Subject) -> list[str]:
    known = [v for e in subject.entries if (v := e["switch_ms"].value) is not None]
    if not known:
        return []
    low, high = significant(min(known)), significant(max(known))
    return [f"Switching takes {low if low == high else numbers.between(low, high)} ms."]


def _mixed(subject: Subject) -> list[str]:
    known = [e for e in subject.in_order if e["mixed_over_one_at_a_time"].known]
    if not known:
        reasons = dict.fromkeys(e["mixed_per_s"].reason for e in subject.entries)
        return [f"None answers several adapters in one batch: {listed(reasons, most=3)}."]
    gain, cost = (_span(known, figure) for figure in list(RATIOS)[:2])
    told = f"In one batch for several adapters {listed(e.label for e in known)} "
    told += f"{'answers' if len(known) == 1 else 'answer'} {gain} as many requests as one adapter "
    told += f"at a time{f', and {cost} as many as a merged model' if cost else ''}."
    slow = [e.label for e in known if (e["mixed_over_one_at_a_time"].low or 0.0) <= 1]
    return [told, *([f"For {listed(slow)} the gain may be none."] if slow else [])]


def _span(entries: list[Entry], figure: str) -> str:
    values = [v for e in entries if (v := e[figure].value) is not None]
    if not values:
        return ""
    low, high = ratio(min(values)), ratio(max(values))
    return low if low == high else f"{low} to {high}"


def _chart(subject: Subject) -> Forest | None:
    groups = []
    for figure, title in RATIOS.items():
        known = [e for e in subject.few if e[figure].known]
        known.sort(key=lambda e: -(e[figure].value or 0.0))
        if known:
            groups.append((title, tuple(_row(subject, e, figure) for e in known)))
    if not groups:
        return None
    every = [row for _, group in groups for row in group]
    values = [1.0, *(row.value for row in every), *(b for r in every for b in r.bounds or ())]
    return Forest(
        axis("requests per second, ratio", values, numbers.short(ratio)), tuple(groups), None
    )


def _row(subject: Subject, entry: Entry, figure: str) -> ForestRow:
    words = [f"{entry.label}: {numbers.with_interval(entry[figure], ratio)}"]
    for name, speed in (
        ("merged", "merged_per_s"),
        ("one adapter", "same_per_s"),
        ("mixed", "mixed_per_s"),
        ("one at a time", "one_at_a_time_per_s"),
    ):
        value = entry[speed].value
        if value is not None:
            words.append(f"{name} {significant(value)} requests/s")
    return ForestRow(
        numbers.shortened(entry.label),
        entry.family,
        subject.shapes[entry.method],
        entry[figure].value or 0.0,
        bounds(entry[figure]),
        None,
        tuple(words),
        subject.index[entry.label],
    )


_FIGURES = ("adapter_bytes", "switch_ms", "same_per_s", *RATIOS)


def _specs(entries: list[Entry]) -> list[Spec]:
    def of(figure: str) -> Callable[[Entry], Estimate]:
        return lambda entry: entry[figure]

    def sized(title: str, figure: str, words: str) -> Spec:
        unit, size = numbers.bytes_unit(entry[figure].value for entry in entries)
        return Column(title, unit, words), of(figure), in_unit(size)

    return [
        sized("Further adapter", "adapter_bytes", "memory that one more adapter takes"),
        *(
            sized(
                f"{n} adapter{'s' * (n > 1)}", f"served_{n}", "memory with the base that they share"
            )
            for n in SERVED
        ),
        sized(f"{MANY} full models", f"full_models_{MANY}", "memory without a shared base"),
        (
            Column("Switch", "ms", "from one adapter to another, median"),
            of("switch_ms"),
            significant,
        ),
        (
            Column("Mixed / one at a time", "× requests/s", "several adapters in one batch"),
            of("mixed_over_one_at_a_time"),
            ratio,
        ),
        (
            Column("Mixed / merged", "× requests/s", "against a model with one adapter merged"),
            of("mixed_over_merged"),
            ratio,
        ),
        (
            Column("Mixed error", "logits", "largest difference to each adapter on its own"),
            of("mixed_error"),
            significant,
        ),
    ]
