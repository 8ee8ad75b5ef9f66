"""Learning rates: what each configuration's search tried and chose, and what that was worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.numbers import DASH, listed, plural
from harness.analysis.search import Search, unsearched
from harness.report.charts import Figure, Line, Mark, Scatter, axis
from harness.report.subject import DRAWN, Subject
from harness.report.table import Cell, Column

SMALL = 5.0
"""Diameter in px of a rate that a search began with."""
EDGES = {"low": "lower", "high": "upper"}


@dataclass(frozen=True)
class SearchRow:
    label: str
    trials: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class SearchTable:
    """`budget` says in a sentence what every configuration's search could spend."""

    budget: str
    columns: tuple[Column, ...]
    rows: tuple[SearchRow, ...]


def search(subject: Subject) -> Figure:
    return Figure(
        "search",
        "Quality by learning rate",
        "Line plot of validation against learning rate, on a log scale, a line per configuration "
        "and rung of its search, the chosen rates marked and named.",
        caption(subject),
        _chart(subject),
    )


def caption(subject: Subject) -> str:
    found = subject.searches
    if not found:
        return (
            "No learning rate was searched for: each configuration ran at the rate of its preset, "
            "and may do better at another."
        )
    return " ".join([*_sensitive(subject), *_against_methods(subject), *_edges(found)])


def alerts(subject: Subject) -> tuple[str, ...]:
    """What a search leaves in doubt about the comparison."""
    found = subject.searches
    told = []
    edged = [one for one in found if one.at_edge]
    if edged:
        told.append(
            f"The learning rate chosen for {listed(_labels(edged))} lies at the edge of what was "
            "tried; a better one may lie beyond."
        )
    preset = unsearched(subject.study, found) if found else ()
    if preset:
        told.append(
            f"Learning rates were searched for {plural(len(found), 'configuration')}, and not for "
            f"{listed(_labels(preset))}: theirs are the presets', so compare them with care."
        )
    if len({one.budget for one in found}) > 1:
        told.append("Not all searches for a learning rate had the same budget.")
    return tuple(told)


def searched(subject: Subject) -> SearchTable:
    """A row per search, the best configuration first."""
    unit = subject.quality_unit
    place = {entry.label: n for n, entry in enumerate(subject.in_order)}
    ordered = sorted(subject.searches, key=lambda one: place.get(one.label, len(place)))
    columns = (
        Column("Tried", "lowest–highest rate", "the rates that the search began with"),
        Column("Chosen", "rate", "best on the validation split in the longest rung"),
        Column("Validation", unit, "at the chosen rate, in the search"),
        Column("Spread", unit, "between the best and the worst rate that the search began with"),
        Column("Failed", "trials", "of the search, such as those that diverged"),
        Column("Spent", "trials", "by the whole search"),
        Column("Seen", "examples", "by all trials of the search, had each gone to its end"),
    )
    rows = tuple(
        SearchRow(one.label, " ".join(one.entry.trials) if one.entry else "", _cells(subject, one))
        for one in ordered
    )
    return SearchTable(_budget(subject.searches), columns, rows)


def _cells(subject: Subject, one: Search) -> tuple[Cell, ...]:
    def quality(value: float | None) -> Cell:
        if value is None:
            return Cell(DASH, reason="too few rates ended well")
        return Cell(subject.show_quality(value))

    rates = list(one.widest.scores)
    edge = f"{EDGES[one.at_edge]} edge" if one.at_edge else ""
    chosen = DASH if one.chosen is None else f"{one.chosen:g}"
    return (
        Cell(f"{min(rates):g}–{max(rates):g}"),
        Cell(chosen, edge, "no rate ended well" if one.chosen is None else ""),
        quality(one.validation),
        quality(one.spread),
        Cell(str(one.failed)),
        Cell(str(one.trials)),
        Cell(f"{one.examples:,}"),
    )


def _budget(found: Iterable[Search]) -> str:
    found = list(found)
    budgets = list(dict.fromkeys(one.budget for one in found))
    if not budgets:
        return ""
    if len(budgets) > 1:
        return "The searches had different budgets; the table shows what each spent."
    rungs, trials, examples = budgets[0]
    steps = ", then ".join(f"{rates} rates for {steps} steps" for rates, steps in rungs)
    seeds = sorted({seed for one in found for seed in one.seeds})
    return (
        f"The same budget for each: {steps}; {plural(trials, 'trial')} and {examples:,} examples "
        f"in all, with {'seed' if len(seeds) == 1 else 'seeds'} {listed(map(str, seeds))}, judged "
        "on the validation split alone."
    )


def _sensitive(subject: Subject) -> list[str]:
    """How much the rate alone does."""
    found = [(one.spread, one.label) for one in subject.searches if one.spread is not None]
    told = []
    if found:
        (least, calm), (most, keen) = min(found), max(found)
        unit = subject.quality_unit
        moved = f"{subject.show_quality(most)} {unit} for {numbers.shortened(keen)}"
        if subject.show_quality(least) != subject.show_quality(most):
            moved = f"{subject.show_quality(least)} {unit} for {numbers.shortened(calm)} to {moved}"
        told.append(f"From its worst to its best, the rate alone moves validation by {moved}.")
    failed = sum(one.failed for one in subject.searches)
    if failed:
        trials = sum(one.trials for one in subject.searches)
        told.append(f"{failed} of the searches' {plural(trials, 'trial')} did not end well.")
    return told


def _against_methods(subject: Subject) -> list[str]:
    """Whether a badly chosen rate costs more than a badly chosen method."""
    best = [one.validation for one in subject.searches if one.validation is not None]
    spreads = [one.spread for one in subject.searches if one.spread is not None]
    if len(best) < 2 or not spreads:
        return []
    apart = max(best) - min(best)
    more = sum(spread > apart for spread in spreads)
    told = f"At their best rates the configurations lie {subject.show_quality(apart)} "
    told += f"{subject.quality_unit} apart on validation: "
    if more:
        return [f"{told}for {more} of {len(spreads)} the worst rate costs more than that."]
    return [f"{told}no rate that was tried costs as much."]


def _edges(found: Iterable[Search]) -> list[str]:
    ends = {
        name: [one for one in found if one.at_edge == end]
        for end, name in EDGES.items()
    }  # fmt: skip
    told = [f"{listed(_labels(ones))} at the {name} edge" for name, ones in ends.items() if ones]
    if not told:
        return ["No chosen rate lies at the edge of what was tried."]
    return [f"A better rate may lie beyond what was tried for {'; '.join(told)}."]


def _chart(subject: Subject) -> Scatter | None:
    """All rates that a search began with, and the chosen one after its longest run."""
    known = [one for one in subject.searches if one.entry and one.validation is not None]
    shown = sorted(known[:DRAWN], key=lambda one: -(one.validation or 0.0))
    if not shown:
        return None
    lines, marks = [], []
    for rank, one in enumerate(shown):
        scores = one.widest.scores.items()
        points = tuple((rate, score) for rate, score in scores if score is not None)
        lines.append(Line(points, _family(one), False))
        marks += [_mark(subject, one, rate, score, rank) for rate, score in points]
        marks.append(_mark(subject, one, one.chosen or 0.0, one.validation or 0.0, rank, True))
    x = axis("learning rate", [m.x for m in marks], lambda rate: f"{rate:g}", log=True)
    title = f"validation {subject.study.metric} ({subject.quality_unit})"
    y = axis(title, [m.y for m in marks], numbers.short(subject.show_quality))
    return Scatter(x, y, tuple(marks), tuple(lines), (), "")


def _mark(
    subject: Subject, one: Search, rate: float, score: float, rank: int, chosen: bool = False
) -> Mark:
    assert one.entry is not None
    shape = subject.shapes[one.method]
    steps = (one.longest if chosen else one.widest).steps
    return Mark(
        numbers.shortened(one.label) if chosen else "",
        _family(one),
        shape if chosen else replace(shape, pale=True),
        subject.sizes[one.entry.label] if chosen else SMALL,
        rate,
        score,
        None,
        None,
        (
            one.label,
            f"learning rate {rate:g}, {'chosen' if chosen else 'tried'}",
            plural(steps, "step"),
            f"validation {subject.show_quality(score)} {subject.quality_unit}",
        ),
        rank if chosen else rank + len(subject.searches),
    )


def _family(one: Search) -> str:
    return one.entry.family if one.entry else "other"


def _labels(found: Iterable[Search | Entry]) -> list[str]:
    return [numbers.shortened(one.label) for one in found]
