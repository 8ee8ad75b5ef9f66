"""The configuration to take if one has to serve all studies, and what it costs in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.estimate import Estimate, unknown
from harness.analysis.numbers import DASH, in_percent, listed, percent, plural, significant
from harness.analysis.one_for_all import BOUNDS, Candidate
from harness.analysis.overview import Overview
from harness.report.table import Cell, Column

SHOWN = 5
"""Most candidates whose costs are told."""
NAMED = 4
"""Most names in a sentence."""


@dataclass(frozen=True)
class Cost:
    """A column of the table, and its `words` in a sentence, around the figure."""

    column: Column
    words: str
    figure: Callable[[Entry, Entry | None], Estimate]
    """Of an entry and its study's full fine-tuning."""
    show: Callable[[float], str]


@dataclass(frozen=True)
class CostRow:
    label: str
    trials: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Costs:
    columns: tuple[Column, ...]
    rows: tuple[CostRow, ...]


@dataclass(frozen=True)
class Decision:
    """Without sentences there is none: no method is ranked in every one of several studies."""

    sentences: tuple[str, ...]
    costs: Costs


def decision(found: Overview, candidates: Sequence[Candidate]) -> Decision:
    columns = (
        Column("Leads", "or ties", "studies in which nothing is told to be better"),
        Column("Mean rank", "least to most", "over the studies, ties sharing a rank"),
        Column("First in", "of redraws", "of test examples and seeds: the best mean rank there"),
        Column("Gap closed", "at least", "of the way from the floor to the best, where least"),
        *(cost.column for cost in COSTS),
    )
    rows = tuple(_row(found, candidate) for candidate in candidates[:SHOWN])
    return Decision(tuple(_sentences(found, candidates)), Costs(columns, rows))


def _sentences(found: Overview, candidates: Sequence[Candidate]) -> list[str]:
    if not candidates:
        return []
    pick, *rest = candidates
    studies = len(found.counted)
    told = [
        f"If one has to serve all {studies}: {pick.row.label}, best or tied for best in "
        f"{pick.row.led} of {studies}, mean rank {pick.row.mean_rank:.1f}."
    ]
    alike = [c for c in rest if c.row.led == pick.row.led]
    if alike:
        verb = "leads or ties" if len(alike) == 1 else "lead or tie"
        even = all(c.row.mean_rank == pick.row.mean_rank for c in alike)
        told.append(
            f"{listed((c.row.label for c in alike), NAMED)} {verb} as often"
            f"{', at the same mean rank' if even else ''}; what they cost may decide between them."
        )
    behind = [found.studies[n].name for n in found.counted if pick.row.ranks[n] != 1]
    if behind:
        told.append(f"It is told to be behind in {listed(behind, NAMED)}.")
    bounds = [row for row in found.complete if row.family in BOUNDS]
    if bounds:
        told.append(
            f"Beside it, {listed(f'{row.label} leads or ties in {row.led}' for row in bounds)}."
        )
    sure = "Ties aside, over redraws of test examples and seeds it has the best mean rank in "
    sure += percent(pick.share)
    rival = max(rest, key=lambda c: c.share, default=None)
    if rival is not None:
        sure += f", {rival.row.label} in {percent(rival.share)}"
    told.append(f"{sure}. Other tasks and models are not drawn, and may rank otherwise.")
    seeds = min(len(standing.entry.seeds) for standing in pick.row.standings if standing)
    if seeds < 3:
        told.append(f"{plural(seeds, 'seed')} in some study: a hint.")
    costs = [
        cost.words.format(cell.text)
        for cost in COSTS
        if not (cell := _range(found, pick, cost)).reason
    ]
    told.append(f"It costs {listed(costs, len(COSTS))}." if costs else "Its costs are not known.")
    return told


def _row(found: Overview, candidate: Candidate) -> CostRow:
    row = candidate.row
    low, high = min(row.known), max(row.known)
    closed = row.least_closed
    return CostRow(
        row.label,
        " ".join(t for standing in row.standings if standing for t in standing.entry.trials),
        (
            Cell(f"{row.led} of {len(row.known)}"),
            Cell(f"{row.mean_rank:.1f}", f"{low} to {high}" if low < high else ""),
            Cell(percent(candidate.share)),
            Cell(DASH, reason="nowhere is the best told from the floor")
            if closed is None
            else Cell(signed_percent(closed)),
            *(_range(found, candidate, cost) for cost in COSTS),
        ),
    )


def signed_percent(share: float) -> str:
    return in_percent(share).replace("-", "−")


def _range(found: Overview, candidate: Candidate, cost: Cost) -> Cell:
    """Least to most over the studies in which it is known."""
    estimates = [
        cost.figure(standing.entry, found.studies[n].ceiling)
        for n in found.counted
        if (standing := candidate.row.standings[n]) is not None
    ]
    known = sorted(e.value for e in estimates if e.value is not None)
    if not known:
        return Cell(DASH, reason=estimates[0].reason or "not measured")
    low, high = cost.show(known[0]), cost.show(known[-1])
    of = plural(len(estimates), "study", "studies")
    return Cell(
        low if low == high else numbers.between(low, high),
        f"in {len(known)} of {of}" if len(known) < len(estimates) else "",
    )


def _of(figure: str) -> Callable[[Entry, Entry | None], Estimate]:
    return lambda entry, ceiling: entry[figure]


def _of_full(entry: Entry, ceiling: Entry | None) -> Estimate:
    """Bytes of two models have no common scale; what is saved of each model's own has one."""
    peak = None if ceiling is None else ceiling["train_memory"].value
    if not peak:
        return unknown("the training peak of full fine-tuning is not known")
    return entry["train_memory"].scaled(1 / peak)


def _share(share: float) -> str:
    return f"{significant(100 * share, 2)}%"


COSTS = (
    Cost(
        Column("Trained", "parameters", "adapter and task head"),
        "{} trained parameters",
        _of("trainable"),
        numbers.count,
    ),
    Cost(
        Column("Share", "of the model", "trained, of all parameters"),
        "{} of the model",
        _of("share"),
        _share,
    ),
    Cost(
        Column("Training peak", "of full's", "against full fine-tuning in the same study"),
        "{} of full fine-tuning's training peak",
        _of_full,
        in_percent,
    ),
    Cost(
        Column("Unmerged", "× base latency", "per-round ratio to the base"),
        "{} the base's latency unmerged",
        _of("unmerged"),
        numbers.ratio,
    ),
    Cost(
        Column("Deployed", "× base latency", "merged where the method merges"),
        "{} deployed",
        _of("deployed"),
        numbers.ratio,
    ),
    Cost(
        Column("File", "", "what is stored per task"),
        "{} stored per task",
        _of("file_bytes"),
        numbers.in_bytes,
    ),
)
