"""Claims about a measured figure: lower, higher, so many times as much, or within a range."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from harness.analysis import numbers
from harness.analysis.claims.measured import Bound, Figure, amount, interval, name, told
from harness.analysis.claims.selection import (
    Chosen,
    Pairing,
    Selection,
    missing,
    pairs,
    to_run,
)
from harness.analysis.claims.verdict import (
    CONTRADICTED,
    SUPPORTED,
    UNDECIDED,
    Finding,
    Verdict,
    together,
    undecided,
)
from harness.analysis.entry import Entry
from harness.analysis.study import Study
from harness.errors import ConfigError

Bounds = tuple[float, float]


def lower(
    study: Study, *, first: Selection, second: Selection, figure: Figure, pair: Pairing = "method"
) -> Verdict:
    """The first of a pair has less of the figure where its interval lies wholly below that of the
    second, and has not where it lies above or both are the same; else it cannot be told.
    """
    return _compared(study, first, second, figure, pair, higher=False)


def higher(
    study: Study, *, first: Selection, second: Selection, figure: Figure, pair: Pairing = "method"
) -> Verdict:
    """The first of a pair has more of the figure where its interval lies wholly above that of the
    second, and has not where it lies below or both are the same; else it cannot be told.
    """
    return _compared(study, first, second, figure, pair, higher=True)


def factor(
    study: Study,
    *,
    first: Selection,
    second: Selection,
    figure: Figure,
    least: Bound = 0.0,
    most: Bound = inf,
    pair: Pairing = "each",
) -> Verdict:
    """The first of a pair has so many times the figure of the second: the interval of their ratio,
    from the ends of both intervals, lies between least and most; it does not where the interval
    lies outside; else it cannot be told.
    """
    if least > most:
        raise ConfigError("least", least, f"must be at most {most}")
    compared = pairs(study, first, second, pair, _value(figure))
    if not compared:
        return missing(study, figure, name(figure), first, second)
    findings = [_ratio(a, b, figure, least, most) for a, b in compared]
    return together(findings, "comparison", to_run(study, first, second))


def within(
    study: Study, *, which: Selection, figure: Figure, least: float = -inf, most: float = inf
) -> Verdict:
    """The figure of a configuration lies between least and most with all of its interval; it does
    not where all of the interval lies outside; else it cannot be told.
    """
    if least > most:
        raise ConfigError("least", least, f"must be at most {most}")
    known = [entry for entry in which.of(study) if entry[figure].known]
    if not known:
        return missing(study, figure, name(figure), which)
    findings = [
        Finding(_inside(interval(entry, figure), least, most), told(entry, figure), (entry,))
        for entry in known
    ]
    return together(findings, run=to_run(study, which))


def below(study: Study, *, which: Selection, figure: Figure, than: Figure) -> Verdict:
    """Of the same configuration, one figure lies wholly below another of the same unit; it does
    not where it lies above or both are the same; else it cannot be told.
    """
    known = [entry for entry in which.of(study) if entry[figure].known and entry[than].known]
    if not known:
        absent = than if any(entry[figure].known for entry in which.of(study)) else figure
        return missing(study, absent, name(absent), which)
    findings = [
        Finding(
            _less(interval(entry, figure), interval(entry, than)),
            f"{entry.label} ({amount(entry, figure)}; against {amount(entry, than)})",
            (entry,),
        )
        for entry in known
    ]
    return together(findings, run=to_run(study, which))


def merges(study: Study, *, which: Selection, can: bool = True) -> Verdict:
    """A method can be merged where every trial of it was merged into the base's own architecture,
    and cannot where a trial says why not.
    """
    methods: dict[str, list[Entry]] = {}
    for entry in which.of(study):
        if not entry.in_place:
            methods.setdefault(entry.method, []).append(entry)
    if not methods:
        return undecided(f"There is no record of {which}.", to_run(study, which))
    findings = []
    for method, entries in methods.items():
        reasons = [e.merge_reason or "not merged" for e in entries if not e.mergeable]
        words = f"{method} ({reasons[0]})" if reasons else method
        holds = CONTRADICTED if can == bool(reasons) else SUPPORTED
        known = [e.mergeable for e in entries if e.mergeable is not None]
        if not known or (all(known) and reasons):  # some, or all, were not tried
            holds = UNDECIDED
        findings.append(Finding(holds, words, tuple(entries)))
    return together(findings, "method")


def _compared(
    study: Study, first: Chosen, second: Chosen, figure: str, pair: Pairing, higher: bool
) -> Verdict:
    compared = pairs(study, first, second, pair, _value(figure, -1 if higher else 1))
    if not compared:
        return missing(study, figure, name(figure), first, second)
    findings = []
    for a, b in compared:
        less, more = (b, a) if higher else (a, b)
        holds = _less(interval(less, figure), interval(more, figure))
        findings.append(Finding(holds, told(a, figure), (a, b), told(b, figure)))
    return together(findings, "comparison", to_run(study, first, second))


def _ratio(a: Entry, b: Entry, figure: str, least: float, most: float) -> Finding:
    over, under = interval(a, figure), interval(b, figure)
    words = f"{a.label} over {b.label}"
    top, bottom = a[figure].value, b[figure].value
    if bottom and top is not None:
        words += f" ({_times(top / bottom)})"
    if over is None or under is None:
        return Finding(UNDECIDED, f"{words}, no interval", (a, b))
    if over[0] < 0 or under[0] <= 0:
        return Finding(UNDECIDED, f"{words}, no ratio where a figure may be zero", (a, b))
    bounds = over[0] / under[1], over[1] / under[0]
    if bounds[0] < bounds[1]:
        ends = (numbers.significant(bound) for bound in bounds)
        words = f"{words[:-1]}, {numbers.between(*ends)})"
    return Finding(_inside(bounds, least, most), words, (a, b))


def _inside(bounds: Bounds | None, least: float, most: float) -> str:
    if bounds is None:
        return UNDECIDED
    if least <= bounds[0] and bounds[1] <= most:
        return SUPPORTED
    return CONTRADICTED if bounds[1] < least or bounds[0] > most else UNDECIDED


def _less(one: Bounds | None, other: Bounds | None) -> str:
    if one is None or other is None:
        return UNDECIDED
    if one[1] < other[0]:
        return SUPPORTED
    same = one == other and one[0] == one[1]
    return CONTRADICTED if same or one[0] > other[1] else UNDECIDED


def _value(figure: str, sign: int = 1) -> Callable[[Entry], float | None]:
    def value(entry: Entry) -> float | None:
        found = entry[figure].value
        return None if found is None else sign * found

    return value


def _times(ratio: float) -> str:
    return f"{numbers.significant(ratio)}×"
