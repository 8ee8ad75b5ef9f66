"""Claims about which method does better, as well, or in what order.

With fewer than three seeds nothing is decided here: one seed is a hint, and is told as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from scipy.special import bdtrc

from harness.analysis import numbers
from harness.analysis.claims.selection import SEEDS, Pairing, Selection, missing, pairs, to_run
from harness.analysis.claims.verdict import (
    CONTRADICTED,
    SUPPORTED,
    UNDECIDED,
    Finding,
    Verdict,
    together,
    trials,
    undecided,
)
from harness.analysis.entry import Entry
from harness.analysis.numbers import listed, plural
from harness.analysis.study import Study
from harness.analysis.ties import compare
from harness.metrics.table import SHARES

CHANCE = 0.025
"""That an interval of 95% lies on the wrong side of zero."""

Points = Annotated[float, Field(ge=0, le=100)]
Order = Annotated[tuple[Selection, ...], Field(min_length=2)]


@dataclass(frozen=True)
class Gap:
    """How much better one configuration is than another, with the ends of the 95% interval."""

    value: float
    low: float
    high: float
    seeds: int


def better(
    study: Study, *, first: Selection, second: Selection, pair: Pairing = "method"
) -> Verdict:
    """The first of a pair is better where the interval of its lead, paired on the test examples
    where it can be, lies above zero, and is not where it lies below; else it cannot be told.

    Where a method has several sizes or recipes, the one with the best validation quality stands for
    it. With fewer than three seeds there is a hint and no verdict.
    """
    compared = _pairs(study, first, second, pair)
    if not compared:
        return missing(study, "quality", study.metric, first, second)
    findings = []
    for a, b in compared:
        found = gap(study, a, b)
        holds = SUPPORTED if found.low > 0 else CONTRADICTED if found.high < 0 else UNDECIDED
        findings.append(_by_seeds(study, holds, found, a, b))
    return together(findings, "comparison", to_run(study, first, second))


def as_good(
    study: Study,
    *,
    first: Selection,
    second: Selection,
    points: Points = 1.0,
    pair: Pairing = "method",
) -> Verdict:
    """The first of a pair is as good where the interval of its lead ends no lower than so many
    points below zero, and is not where all of it lies lower; else it cannot be told.

    Where a method has several sizes or recipes, the one with the best validation quality stands for
    it. With fewer than three seeds there is a hint and no verdict.
    """
    if study.metric not in SHARES:
        return undecided(no_points(study))
    compared = _pairs(study, first, second, pair)
    if not compared:
        return missing(study, "quality", study.metric, first, second)
    findings = []
    for a, b in compared:
        found = gap(study, a, b)
        as_well, worse = found.low >= -points / 100, found.high < -points / 100
        holds = SUPPORTED if as_well else CONTRADICTED if worse else UNDECIDED
        findings.append(_by_seeds(study, holds, found, a, b))
    return together(findings, "comparison", to_run(study, first, second))


def ranking(study: Study, *, order: Order) -> Verdict:
    """The order holds where every neighbour is told apart the claimed way and none is missing; it
    does not where more pairs are told apart the other way than 95% intervals allow by chance (so
    many or more have a chance below 5%); else it cannot be told.

    Each place is held by its configuration with the best validation quality.
    """
    places = [(str(one), best(study, one.of(study))) for one in order]
    held = [(name, entry) for name, entry in places if entry is not None]
    absent = [name for name, entry in places if entry is None]
    lacking = [one for one, (_, entry) in zip(order, places, strict=True) if entry is None]
    if len(held) < 2:
        return undecided(f"There is no record of {listed(absent)}.", to_run(study, *lacking))
    gaps = {
        (i, j): gap(study, held[i][1], held[j][1])
        for i in range(len(held))
        for j in range(i + 1, len(held))
    }
    ahead = sum(found.low > 0 for found in gaps.values())
    turned = [places for places, found in gaps.items() if found.high < 0]
    apart = all(gaps[i, i + 1].low > 0 for i in range(len(held) - 1))
    found = study.by_quality(entry for _, entry in held)
    told = [
        f"Of {plural(len(gaps), 'pair')}, {ahead} are told apart as claimed, {len(turned)} the "
        f"other way, and {len(gaps) - ahead - len(turned)} not at all. "
        f"Found: {' > '.join(entry.label for entry in found)}."
    ]
    if turned:
        reversals = (f"{held[j][1].label} beats {held[i][1].label}" for i, j in turned)
        told.append(f"{numbers.capital(listed(reversals, 4))}.")
    if absent:
        told.append(f"There is no record of {listed(absent)}.")
    chance = float(bdtrc(len(turned) - 1, len(gaps), CHANCE)) if turned else 1.0
    verdict = CONTRADICTED if chance < 0.05 else SUPPORTED if apart and not absent else UNDECIDED
    seeds = min(found.seeds for found in gaps.values())
    if seeds < SEEDS and verdict != UNDECIDED:
        told.append(f"{numbers.capital(_seeds(seeds))}: a hint that it is {verdict}.")
        verdict = UNDECIDED
    used = trials([Finding(verdict, "", tuple(entry for _, entry in held))])
    run = to_run(study, *(lacking or order)) if verdict == UNDECIDED else ""
    return Verdict(verdict, " ".join(told), len(gaps), "comparison", used, run)


def gap(study: Study, first: Entry, second: Entry) -> Gap:
    """Positive where the first is better. Paired where `ties.compare` can pair them; else between
    the ends of the two intervals, which is the wider.
    """
    found = compare(study, first, second)
    seeds = min(len(first.seeds), len(second.seeds))
    if found.low is not None and found.high is not None:
        return Gap(found.difference, found.low, found.high, seeds)
    (low, high), (other_low, other_high) = (
        (e["quality"].low, e["quality"].high)
        if e["quality"].bounded
        else (e["quality"].value, e["quality"].value)
        for e in (first, second)
    )
    assert low is not None
    assert high is not None
    assert other_low is not None
    assert other_high is not None
    if study.higher_is_better:
        return Gap(found.difference, low - other_high, high - other_low, seeds)
    return Gap(found.difference, other_low - high, other_high - low, seeds)


def by_validation(study: Study, entries: list[Entry]) -> dict[str, float]:
    """By label, least for the best on the split that choices are made on; on the test split where
    validation is not known for all that have a quality.
    """
    known = [entry for entry in entries if entry["quality"].known]
    figure = "validation" if all(entry["validation"].known for entry in known) else "quality"
    sign = -1 if study.higher_is_better else 1
    return {entry.label: sign * (entry[figure].value or 0.0) for entry in known}


def best(study: Study, entries: list[Entry]) -> Entry | None:
    """The one with the best validation quality; None where none has a quality."""
    ranks = by_validation(study, entries)
    known = [entry for entry in entries if entry.label in ranks]
    return min(known, key=lambda entry: ranks[entry.label], default=None)


def no_points(study: Study) -> str:
    return f"{study.metric} is no share, and the margin of the claim is in points."


def shown(study: Study, found: Gap) -> str:
    show = numbers.signed_points if study.metric in SHARES else _signed
    unit = "points" if study.metric in SHARES else study.metric
    return f"{show(found.value)} {unit}, {numbers.between(show(found.low), show(found.high))}"


def _pairs(
    study: Study, first: Selection, second: Selection, pair: Pairing
) -> list[tuple[Entry, Entry]]:
    ranks = by_validation(study, [*first.of(study), *second.of(study)])
    return pairs(study, first, second, pair, lambda entry: ranks.get(entry.label))


def _by_seeds(study: Study, holds: str, found: Gap, a: Entry, b: Entry) -> Finding:
    words = f"{a.label} ({shown(study, found)})"
    if found.seeds >= SEEDS:
        return Finding(holds, words, (a, b), b.label)
    hint = {SUPPORTED: ", a hint that it holds", CONTRADICTED: ", a hint that it does not"}
    words = f"{words[:-1]}; {_seeds(found.seeds)}{hint.get(holds, '')})"
    return Finding(UNDECIDED, words, (a, b), b.label)


def _seeds(seeds: int) -> str:
    return "one seed" if seeds == 1 else f"{seeds} seeds"


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{numbers.significant(value)}".replace("-", "−")
