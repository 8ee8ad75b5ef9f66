"""The page itself: everything put together into one file that needs no other."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import pandas as pd

from harness.analysis.claims import Claim, across, shipped
from harness.analysis.evidence import read
from harness.analysis.numbers import listed
from harness.analysis.study import studies
from harness.errors import ConfigError
from harness.report import export, figures, stills
from harness.report.claims import Claims, claims
from harness.report.overview import overview
from harness.report.picture import zipped
from harness.report.rendering import render
from harness.report.section import Section, section
from harness.report.subject import MOST, Subject
from harness.store import uncollected

MARKS, LEAST = 600, 40
"""Configurations that are drawn one by one on the whole page, and in a study at least."""
FEW, STILLED = 4, 3
"""A page of more studies than the first has still pictures of the largest ones, so many."""

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
AT_ONCE = 100
"""Rows of the methods table that stand in the page; its script makes more when asked."""
MANY = 500
"""Entries of a page beyond which its plots are laid out and drawn as they come into view."""


def build(
    results: Path,
    out: Path,
    held: Iterable[Claim] | None = None,
    model: str | None = None,
    task: str | None = None,
) -> Path:
    """Write the page of the records in `results` to `out`, and beside it each study's methods table
    as CSV and LaTeX and the triangle's still of the largest study as SVG and PNG. `held` are the
    claims that the records are held against, those that ship unless given; `model` and `task`
    leave out the records of others. Returns `out`; raises ConfigError if there is no such folder,
    or no record of the model or the task.
    """
    with uncollected():
        held = shipped() if held is None else tuple(held)
        return _build(Path(results), Path(out), held, {"model": model, "task": task})


def _build(results: Path, out: Path, held: tuple[Claim, ...], only: dict[str, str | None]) -> Path:
    corrupt: list[str] = []
    frame, beside = read(results, corrupt)
    for field, value in only.items():
        if value is not None:
            frame = _of(frame, field, value)
    found = studies(frame, beside)
    most = max(LEAST, min(MOST, MARKS // max(1, len(found))))
    stilled = len(found) if len(found) <= FEW else STILLED
    subjects = [Subject(study, most, place < stilled) for place, study in enumerate(found)]
    out.parent.mkdir(parents=True, exist_ok=True)
    sections = [section(subject, place, out, held) for place, subject in enumerate(subjects)]
    every = [subject.study for subject in subjects]
    over_all = claims(across(every, held), every, out)
    _write(out, _render(sections, str(results), out.stem, over_all, corrupt).encode())
    for each in sections:
        name = f"{out.stem}-{each.key}methods"
        _write(out.with_name(f"{name}.csv"), export.csv(each.subject).encode())
        _write(out.with_name(f"{name}.tex"), export.latex(each.table).encode())
    triangle = figures.triangle(subjects[0]).chart if subjects else None
    for suffix, still in (stills.standalone(triangle) if triangle else {}).items():
        _write(out.with_name(f"{out.stem}-triangle{suffix}"), still)
    return out


def _of(frame: pd.DataFrame, field: str, value: str) -> pd.DataFrame:
    """The records of one model or task."""
    there = sorted(set(frame[field])) if len(frame) else []
    if value not in there:
        raise ConfigError(f"study.{field}", value, f"one of the records' own: {listed(there, 12)}")
    return frame[frame[field] == value]


def _render(
    sections: list[Section], results: str, stem: str, over_all: Claims, corrupt: list[str]
) -> str:
    plotly = files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")
    return render(
        "page.html.j2",
        STYLES,
        SCRIPTS,
        [plotly],
        sections=sections,
        overview=overview([(each.key, each.subject) for each in sections]),
        results=results,
        plotly=zipped(plotly),
        over_all=over_all,
        corrupt=corrupt,
        stem=stem,
        at_once=max(LEAST, AT_ONCE // max(1, len(sections))),
        many=sum(len(each.subject.entries) for each in sections) > MANY,
    )


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
