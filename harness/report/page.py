"""The page itself: everything put together into one file that needs no other."""

from __future__ import annotations

import base64
import gzip
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from harness.analysis.claims import Claim, across, ledger, shipped
from harness.analysis.evidence import read
from harness.analysis.study import studies
from harness.report import export, figures, planes, provenance, stills, summary
from harness.report.capacity import capacity
from harness.report.charts import Figure
from harness.report.claims import Claims, claims
from harness.report.curves import curves
from harness.report.data import study_data
from harness.report.forgetting import forgetting
from harness.report.fronts import FrontRow, pareto_fronts
from harness.report.matched import Matched, matched
from harness.report.overview import overview
from harness.report.plots import plot
from harness.report.prediction import PeakTable, peaks, prediction, without
from harness.report.rendering import render
from harness.report.scenarios import Scenarios, scenarios
from harness.report.search import SearchTable, search, searched
from harness.report.selector import Selector, selector
from harness.report.sensitivity import sensitivity
from harness.report.serving import served, serving
from harness.report.subject import MOST, Subject
from harness.report.table import Table, table
from harness.store import uncollected

MARKS, LEAST = 600, 40
"""Configurations that are drawn one by one on the whole page, and in a study at least."""

STYLES = [
    "page.css",
    "selector.css",
    "fronts.css",
    "matched.css",
    "overview.css",
    "scenarios.css",
    "claims.css",
]
# In the order in which they run.
SCRIPTS = [
    "sortable.js",
    "contents.js",
    "formats.js",
    "study.js",
    "page.js",
    "fronts.js",
    "fading.js",
    "filter.js",
    "choose.js",
    "selector.js",
    "weights.js",
    "export.js",
    "methods.js",
]
AT_ONCE = 200
"""Rows of the methods table that stand in the page; its script makes more when asked."""
MANY = 500
"""Entries of a study from which on its plots are laid out and drawn as they come into view."""

# Outside HTML's own syntax in every place where a script's text may stand.
UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it."""

    id: str
    title: str
    alternative: str
    caption: str
    still: Markup | None
    plot: Markup | None
    variants: tuple[str, ...]


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
    failures: tuple[provenance.Failed, ...]
    skipped: tuple[provenance.Failed, ...]
    unstable: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]
    rules: tuple[provenance.RuleTable, ...]
    claims: Claims


def build(results: Path, out: Path, held: Iterable[Claim] | None = None) -> Path:
    """Write the page of the records in `results` to `out`, and beside it each study's methods table
    as CSV and LaTeX and the triangle's still of the largest study as SVG and PNG. `held` are the
    claims that the records are held against, those that ship unless given. Returns `out`; raises
    ConfigError if there is no such folder.
    """
    with uncollected():
        return _build(Path(results), Path(out), shipped() if held is None else tuple(held))


def _build(results: Path, out: Path, held: tuple[Claim, ...]) -> Path:
    found = studies(*read(results))
    most = max(LEAST, min(MOST, MARKS // max(1, len(found))))
    subjects = [Subject(study, most) for study in found]
    out.parent.mkdir(parents=True, exist_ok=True)
    sections = [_section(subject, place, out, held) for place, subject in enumerate(subjects)]
    every = [subject.study for subject in subjects]
    over_all = claims(across(every, held), every, out)
    _write(out, _render(sections, str(results), out.stem, over_all).encode())
    for section in sections:
        name = f"{out.stem}-{section.key}methods"
        _write(out.with_name(f"{name}.csv"), export.csv(section.subject).encode())
        _write(out.with_name(f"{name}.tex"), export.latex(section.table).encode())
    triangle = figures.triangle(subjects[0]).chart if subjects else None
    for suffix, still in (stills.standalone(triangle) if triangle else {}).items():
        _write(out.with_name(f"{out.stem}-triangle{suffix}"), still)
    return out


def safe_json(content: Any) -> Markup:
    """JSON that no HTML parser can mistake for anything else."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character, escape in UNSAFE.items():
        text = text.replace(character, escape)
    return Markup(text)


def _section(subject: Subject, place: int, out: Path, held: tuple[Claim, ...]) -> Section:
    key = f"s{place + 1}-" if place else ""
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
        triangle=_picture(figures.triangle(subject), key),
        sensitivity=_picture(sensitivity(subject), key),
        trade_offs=tuple(_picture(figure, key) for figure in planes.trade_offs(subject)),
        fronts=_fronts(subject, key),
        sizes=_picture(planes.sizes(subject), key),
        curves=tuple(_picture(figure, key) for figure in curves(subject)),
        matched=matched(subject, out),
        search=_picture(search(subject), key),
        searched=searched(subject),
        merging=_picture(figures.merging(subject), key),
        prediction=_picture(prediction(subject), key),
        peaks=peaks(subject),
        unpredicted=without(subject),
        memory=_picture(figures.memory(subject), key),
        capacity=_picture(capacity(subject), key),
        forgetting=_picture(forgetting(subject), key),
        serving=_picture(serving(subject), key),
        served=served(subject, out),
        facts=provenance.facts(subject),
        failures=provenance.failures(subject, out),
        skipped=provenance.skipped(subject, out),
        unstable=provenance.unstable(subject),
        missing=provenance.missing(subject),
        rules=provenance.rules(subject),
        claims=claims(ledger(subject.study, held), [subject.study], out),
    )


def _picture(figure: Figure, key: str) -> Picture:
    name = f"{key}{figure.name}"
    charts = {"": figure.chart} | figure.variants if figure.chart is not None else {}
    return Picture(
        id=name,
        title=figure.title,
        alternative=figure.alternative,
        caption=figure.caption,
        still=Markup(stills.inline(figure.chart, f"still-{name}")) if figure.chart else None,
        plot=safe_json({n: plot(chart) for n, chart in charts.items() if chart})
        if charts
        else None,
        variants=tuple(figure.variants),
    )


def _fronts(subject: Subject, key: str) -> Fronts:
    found = pareto_fronts(subject)
    stilled = (
        (words, Markup(stills.inline(chart, f"still-{key}front-{place}")))
        for place, (words, chart) in enumerate(found.stills, 1)
    )
    data = None if found.data is None else safe_json(found.data)
    return Fronts(found.caption, found.rows, tuple(stilled), found.choices, data)


def _render(sections: list[Section], results: str, stem: str, over_all: Claims) -> str:
    plotly = files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    return render(
        "page.html.j2",
        STYLES,
        SCRIPTS,
        [plotly],
        sections=sections,
        overview=overview([(section.key, section.subject) for section in sections]),
        results=results,
        plotly=_packed(plotly),
        over_all=over_all,
        stem=stem,
        at_once=AT_ONCE,
        many=MANY,
    )


def _packed(script: str) -> str:
    """A script's text as gzip in base64, two fifths as long; the page unpacks it before it runs."""
    # Without a time, so that the same records give the same page.
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()


def _write(path: Path, content: bytes) -> None:
    """So that a reader sees all of it or the file before it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
