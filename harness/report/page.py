"""The page itself: everything put together into one file that needs no other."""

from __future__ import annotations

import base64
import gzip
import os
import tempfile
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from harness.analysis.claims import Claim, across, shipped
from harness.analysis.evidence import read
from harness.analysis.study import studies
from harness.report import export, figures, stills
from harness.report.claims import Claims, claims
from harness.report.overview import overview
from harness.report.rendering import render
from harness.report.section import Section, section
from harness.report.subject import MOST, Subject
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
    sections = [section(subject, place, out, held) for place, subject in enumerate(subjects)]
    every = [subject.study for subject in subjects]
    over_all = claims(across(every, held), every, out)
    _write(out, _render(sections, str(results), out.stem, over_all).encode())
    for each in sections:
        name = f"{out.stem}-{each.key}methods"
        _write(out.with_name(f"{name}.csv"), export.csv(each.subject).encode())
        _write(out.with_name(f"{name}.tex"), export.latex(each.table).encode())
    triangle = figures.triangle(subjects[0]).chart if subjects else None
    for suffix, still in (stills.standalone(triangle) if triangle else {}).items():
        _write(out.with_name(f"{out.stem}-triangle{suffix}"), still)
    return out


def _render(sections: list[Section], results: str, stem: str, over_all: Claims) -> str:
    plotly = files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    return render(
        "page.html.j2",
        STYLES,
        SCRIPTS,
        [plotly],
        sections=sections,
        overview=overview([(each.key, each.subject) for each in sections]),
        results=results,
        plotly=_packed(plotly),
        over_all=over_all,
        stem=stem,
        at_once=max(LEAST, AT_ONCE // max(1, len(sections))),
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
