"""One study's part of the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from markupsafe import Markup

from harness.analysis.claims import Claim, ledger
from harness.report import ended, figures, planes, provenance, stills, summary
from harness.report.capacity import capacity
from harness.report.claims import Claims, claims
from harness.report.curves import curves
from harness.report.data import study_data
from harness.report.ended import Ended
from harness.report.forgetting import forgetting
from harness.report.fronts import FrontRow, pareto_fronts
from harness.report.matched import Matched, matched
from harness.report.picture import Picture, picture, safe_json
from harness.report.prediction import PeakTable, peaks, prediction, without
from harness.report.scenarios import Scenarios, scenarios
from harness.report.search import SearchTable, search, searched
from harness.report.selector import Selector, selector
from harness.report.sensitivity import sensitivity
from harness.report.serving import served, serving
from harness.report.subject import Subject
from harness.report.table import Table, table


@dataclass(frozen=True)
class Fronts:
    """Fronts over three figures as the page holds them; `stills` are (what is drawn, still)."""

    caption: str
    rows: tuple[FrontRow, ...]
    stills: tuple[tuple[str, Markup], ...]
    choices: tuple[tuple[str, str], ...]
    data: Markup | None


@dataclass(frozen=True)
class Section:
    """One study's part of the page; `key` keeps its ids apart from those of other studies."""

    key: str
    subject: Subject
    alerts: tuple[str, ...]
    sentences: tuple[str, ...]
    picks: tuple[summary.Pick, ...]
    scenarios: Scenarios | None
    data: Markup
    selector: Selector | None
    table: Table
    triangle: Picture
    sensitivity: Picture
    trade_offs: tuple[Picture, ...]
    fronts: Fronts
    sizes: Picture
    curves: tuple[Picture, ...]
    matched: Matched
    search: Picture
    searched: SearchTable
    merging: Picture
    prediction: Picture
    peaks: PeakTable
    unpredicted: tuple[tuple[str, str], ...]
    memory: Picture
    capacity: Picture
    forgetting: Picture
    serving: Picture
    served: Table
    facts: tuple[tuple[str, str], ...]
    failures: Ended
    skipped: Ended
    unstable: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]
    rules: tuple[provenance.RuleTable, ...]
    claims: Claims


def section(subject: Subject, place: int, out: Path, held: tuple[Claim, ...]) -> Section:
    """The part of the study at `place` in the page at `out`, held against the claims."""
    key = f"s{place + 1}-" if place else ""
    drawn = partial(picture, key=key, stilled=subject.stilled)
    return Section(
        key=key,
        subject=subject,
        alerts=summary.alerts(subject),
        sentences=summary.sentences(subject),
        picks=summary.picks(subject),
        scenarios=scenarios(subject),
        data=safe_json(study_data(subject, out)),
        selector=selector(subject),
        table=table(subject, out),
        triangle=drawn(figures.triangle(subject)),
        sensitivity=drawn(sensitivity(subject)),
        trade_offs=tuple(drawn(figure) for figure in planes.trade_offs(subject)),
        fronts=_fronts(subject, key),
        sizes=drawn(planes.sizes(subject)),
        curves=tuple(drawn(figure) for figure in curves(subject)),
        matched=matched(subject, out),
        search=drawn(search(subject)),
        searched=searched(subject),
        merging=drawn(figures.merging(subject)),
        prediction=drawn(prediction(subject)),
        peaks=peaks(subject),
        unpredicted=without(subject),
        memory=drawn(figures.memory(subject)),
        capacity=drawn(capacity(subject)),
        forgetting=drawn(forgetting(subject)),
        serving=drawn(serving(subject)),
        served=served(subject, out),
        facts=provenance.facts(subject),
        failures=ended.failures(subject, out),
        skipped=ended.skipped(subject, out),
        unstable=provenance.unstable(subject),
        missing=provenance.missing(subject),
        rules=provenance.rules(subject),
        claims=claims(ledger(subject.study, held), [subject.study], out),
    )


def _fronts(subject: Subject, key: str) -> Fronts:
    found = pareto_fronts(subject)
    stilled = (
        (words, Markup(stills.inline(chart, f"still-{key}front-{place}")))
        for place, (words, chart) in enumerate(found.stills, 1)
    )
    data = None if found.data is None else safe_json(found.data)
    return Fronts(found.caption, found.rows, tuple(stilled), found.choices, data)
