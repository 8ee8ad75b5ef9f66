"""Methods at equal numbers of trained parameters: a table per budget and what follows from it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.estimate import Estimate
from harness.analysis.matched import METHODS, WITHIN, Budget, budgets
from harness.analysis.numbers import in_percent, listed, plural, significant
from harness.analysis.ties import Place
from harness.report.subject import Subject
from harness.report.table import Cell, Column, Spec, Table, in_unit, tabulate

WITH_SIZES = ("lora", "houlsby", "prefix_tuning")
SHOWN = 6
"""Most budgets that have a table."""


@dataclass(frozen=True)
class BudgetTable:
    """The best configuration of each method at one budget; ranks are among these alone."""

    title: str
    caption: str
    table: Table


@dataclass(frozen=True)
class Matched:
    """`command` makes a budget that methods share; it is empty where there is one."""

    sentence: str
    tables: tuple[BudgetTable, ...]
    command: str


def matched(subject: Subject, out: Path) -> Matched:
    found = budgets(subject.study)
    if not found:
        return Matched(
            "No three methods trained adapters of the same size, give or take "
            f"{in_percent(WITHIN)}, so nothing can be concluded about methods at equal budget. "
            "A study that shares one:",
            (),
            _command(subject),
        )
    most = sorted(found, key=lambda b: (-len(b.entries), b.parameters))[:SHOWN]
    told = [
        f"{plural(len(found), 'budget')} of adapter parameters, give or take {in_percent(WITHIN)}, "
        f"{'is' if len(found) == 1 else 'are'} shared by at least three methods "
        "(the head, the same for all, is not counted).",
        *_overall(found),
    ]
    if len(found) > SHOWN:
        told.append(f"Shown: the {SHOWN} that the most methods share.")
    shown = [budget for budget in found if budget in most]
    tables = tuple(_table(subject, budget, out) for budget in shown)
    return Matched(" ".join(told), tables, "")


def _overall(found: Sequence[Budget]) -> list[str]:
    """Who leads at most budgets, and how often matching changes who leads."""
    if len(found) == 1:
        return []
    led = Counter(method for budget in found for method in budget.leaders)
    most = max(led.values())
    leading = sorted(method for method, times in led.items() if times == most)
    changed = sum(set(b.leaders) != set(b.leaders_anywhere) for b in found)
    return [
        f"{listed(leading)} {'leads or ties' if len(leading) == 1 else 'lead or tie'} at "
        f"{most} of them.",
        f"At {changed} other methods lead than without matching."
        if changed
        else "At each, the methods lead that lead without matching, too.",
    ]


def _table(subject: Subject, budget: Budget, out: Path) -> BudgetTable:
    made = tabulate(subject, budget.entries, _specs(subject, budget), out)
    rows = tuple(
        replace(row, rank=_rank(budget.places, entry))
        for row, entry in zip(made.rows, budget.entries, strict=True)
    )
    share = _share(budget)
    about = f"About {numbers.count(budget.parameters)} adapter parameters"
    return BudgetTable(
        f"{about}, with the head {share} of the model" if share else about,
        _caption(budget),
        replace(made, rows=rows),
    )


def _caption(budget: Budget) -> str:
    leaders, anywhere = list(budget.leaders), list(budget.leaders_anywhere)
    if len(leaders) == len(budget.entries):
        first = f"At this budget none of {listed(leaders)} can be told from the best."
    elif len(leaders) == 1:
        first = f"At this budget {leaders[0]} leads alone."
    else:
        first = f"At this budget {listed(leaders)} lead, tied."
    if set(leaders) == set(anywhere):
        return f"{first} With every method at its best size, the answer is the same."
    verb = "leads" if len(anywhere) == 1 else "lead"
    return f"{first} With every method at its best size, {listed(anywhere)} {verb}."


def _rank(places: Mapping[str, Place], entry: Entry) -> Cell:
    place = places[entry.label]
    sharing = sum(other.rank == place.rank for other in places.values())
    reason = f"tied with {place.leader.label}" if place.against_leader is not None else ""
    return Cell(f"{place.rank}{'=' if sharing > 1 else ''}", reason=reason, order=float(place.rank))


def _specs(subject: Subject, budget: Budget) -> list[Spec]:
    def of(figure: str) -> Callable[[Entry], Estimate]:
        return lambda entry: entry[figure]

    anywhere = {entry.method: budget.places_anywhere[entry.label] for entry in budget.anywhere}

    def sized(title: str, figure: str, words: str) -> Spec:
        unit, size = numbers.bytes_unit(entry[figure].value for entry in budget.entries)
        return Column(title, unit, words), of(figure), in_unit(size)

    return [
        (
            Column("Unmatched", "rank", "of the method's best size among those of these methods"),
            lambda entry: Estimate(float(anywhere[entry.method].rank)),
            lambda rank: f"{rank:.0f}",
        ),
        (
            Column(
                numbers.capital(subject.study.metric),
                subject.quality_unit,
                "on the test split, 95% interval",
            ),
            of("quality"),
            subject.show_quality,
        ),
        (Column("Adapter", "parameters", "without the head"), of("adapter"), numbers.count),
        sized("Training peak", "train_memory", "largest allocated memory while training"),
        (Column("Unmerged", "× base latency", "as trained"), of("unmerged"), numbers.ratio),
        (
            Column("Deployed", "× base latency", "merged where the method merges"),
            of("deployed"),
            numbers.ratio,
        ),
        sized("File", "file_bytes", "what is stored per task"),
    ]


def _share(budget: Budget) -> str:
    """Of all parameters, head included, as `budget=` takes it; empty where it is not recorded."""
    shares = [share for e in budget.entries if (share := e["share"].value) is not None]
    return f"{significant(100 * sum(shares) / len(shares), 2)}%" if shares else ""


def _command(subject: Subject) -> str:
    study = subject.study
    methods = sorted({e.method for e in study.entries if e.size_field})
    # Too few with a size cannot meet, so that others are added.
    others = [name for name in WITH_SIZES if name not in methods]
    methods += others[: max(0, METHODS - len(methods))]
    words = (f"model={study.model}", f"task={study.task}", f"method={','.join(methods)}")
    return " ".join(["python -m harness -m", *map(shlex.quote, words), "budget=0.5%"])
