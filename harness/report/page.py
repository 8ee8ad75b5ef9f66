"""The page itself: everything put together into one file that needs no other."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from harness.analysis.evidence import evidence
from harness.analysis.study import studies
from harness.report import export, figures, planes, provenance, stills, summary
from harness.report.capacity import capacity
from harness.report.charts import Figure
from harness.report.data import study_data
from harness.report.forgetting import forgetting
from harness.report.plots import plot
from harness.report.prediction import PeakTable, peaks, prediction, without
from harness.report.rendering import render
from harness.report.selector import Selector, selector
from harness.report.serving import served, serving
from harness.report.subject import Subject
from harness.report.table import Table, table
from harness.store import load

# In the order in which they run.
SCRIPTS = [
    "sortable.js",
    "contents.js",
    "formats.js",
    "study.js",
    "page.js",
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
class Section:
    """One study's part of the page; `key` keeps its ids apart from those of other studies."""

    key: str
    subject: Subject
    alerts: tuple[str, ...]
    sentences: tuple[str, ...]
    picks: tuple[summary.Pick, ...]
    data: Markup
    selector: Selector | None
    table: Table
    triangle: Picture
    trade_offs: tuple[Picture, ...]
    sizes: Picture
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


def build(results: Path, out: Path) -> Path:
    """Write the page of the records in `results` to `out`, and beside it each study's methods table
    as CSV and LaTeX and the triangle's still of the largest study as SVG and PNG. Returns `out`;
    raises ConfigError if there is no such folder.
    """
    results, out = Path(results), Path(out)
    frame = load(results)
    subjects = [Subject(study) for study in studies(frame, evidence(frame))]
    out.parent.mkdir(parents=True, exist_ok=True)
    sections = [_section(subject, place, out) for place, subject in enumerate(subjects)]
    _write(out, _render(sections, str(results), out.stem).encode())
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


def _section(subject: Subject, place: int, out: Path) -> Section:
    key = f"s{place + 1}-" if place else ""
    return Section(
        key=key,
        subject=subject,
        alerts=summary.alerts(subject),
        sentences=summary.sentences(subject),
        picks=summary.picks(subject),
        data=safe_json(study_data(subject, out)),
        selector=selector(subject),
        table=table(subject, out),
        triangle=_picture(figures.triangle(subject), key),
        trade_offs=tuple(_picture(figure, key) for figure in planes.trade_offs(subject)),
        sizes=_picture(planes.sizes(subject), key),
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


def _render(sections: list[Section], results: str, stem: str) -> str:
    plotly = files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    return render(
        "page.html.j2",
        ["page.css", "selector.css"],
        SCRIPTS,
        [_inert(plotly)],
        sections=sections,
        results=results,
        plotly=Markup(plotly),
        stem=stem,
        at_once=AT_ONCE,
        many=MANY,
    )


def _inert(script: str) -> str:
    """Text that may stand inside a script element; raises if it could end that element early."""
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("the plot library cannot be embedded: it holds a closing script tag")
    return script


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
