"""What the page's scripts know of a study, once: every figure of every entry, as columns.

A column of numbers is little-endian base64, so that it is compact and exact: float64 for figures,
NaN where there is none. `analysis.choice` says what limits, needs and preferences there are; here
they only become data.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis import numbers
from harness.analysis.constraints import (
    LIMITS,
    NEEDS,
    PREFERENCES,
    Constraints,
    more_is_better,
    unmet,
)
from harness.analysis.entry import Entry
from harness.analysis.estimate import Estimate
from harness.analysis.fronts import AXES
from harness.analysis.resampling import resampled
from harness.analysis.study import Study
from harness.analysis.triangle import Triangle
from harness.report.subject import Subject
from harness.report.table import InUnit, Show, record_href, specs, tags

STEP = 1e-5
"""How finely the page tells resampled qualities apart."""

SHOWN: dict[Show, str] = {
    numbers.points: "points",
    numbers.signed_points: "signedPoints",
    numbers.significant: "significant",
    numbers.nats: "nats",
    numbers.seconds: "seconds",
    numbers.ratio: "ratio",
    numbers.count: "count",
    numbers.in_bytes: "bytes",
}
"""The page's script has a function of the same meaning for each."""

Columns = dict[str, Any]


def study_data(subject: Subject, out: Path) -> dict[str, Any]:
    """Everything that the scripts of the page at `out` read, entries in the order of the study."""
    study, entries = subject.study, subject.entries
    columns = specs(subject)
    limits = {
        limit: _held(more_is_better(limit, study), _figure_of_limit(limit)) for limit in LIMITS
    }
    preferences = {
        prefer: _held(_more_is_preferred(prefer, study), _preferred(prefer))
        for prefer in PREFERENCES
    }
    used = {column.figure for column, _, _ in columns} | {told.figure for told in subject.told}
    used |= {*AXES}
    for held in (*limits.values(), *preferences.values()):
        used |= {held["figure"], *held["instead"].values()}
    return {
        "name": study.name,
        "metric": study.metric,
        "higher": study.higher_is_better,
        "labels": [entry.label for entry in entries],
        "methods": _coded([entry.method for entry in entries], [m for m, _ in subject.methods]),
        "families": _coded(
            [e.family for e in entries], dict.fromkeys(f for _, f in subject.methods)
        ),
        "sizes": [entry.size for entry in entries],
        "seeds": [[*entry.seeds] for entry in entries],
        "trials": [" ".join(entry.trials) for entry in entries],
        "records": _folder(entries, out),
        "foreign": _coded([entry.foreign for entry in entries]),
        "order": [subject.index[entry.label] for entry in subject.in_order],
        "ranks": [p.rank if (p := subject.places.get(e.label)) else None for e in entries],
        "tags": {
            index: [word for word, _ in words]
            for index, entry in enumerate(entries)
            if (words := tags(subject, entry))
        },
        "figures": {
            figure: _figure([subject.estimate(entry, figure) for entry in entries])
            for figure in sorted(used)
        },
        "columns": [
            {"title": c.title, "unit": c.unit, "figure": c.figure, "show": shown(subject, show)}
            for c, _, show in columns
        ],
        "told": [
            {
                "name": told.name,
                "figure": told.figure,
                "show": shown(subject, told.show),
                "unit": told.unit,
                "bounded": told.bounded,
            }
            for told in subject.told
        ],
        "needs": {need: _coded([unmet(entry, need) for entry in entries]) for need in NEEDS},
        "limits": limits,
        "preferences": preferences,
        "triangle": {
            triangle.name: packed(_benefits(subject, triangle), "<f4")
            for triangle in (subject.triangle, *subject.alternatives)
        },
        "resamples": quantised(resampled(study)),
    }


def packed(values: NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values).astype(dtype).tobytes()).decode()


def quantised(qualities: NDArray[np.float64]) -> dict[str, Any]:
    """Qualities of shape (resamples, entries) as whole steps above the lowest; the largest code
    stands for NaN. Steps are coarser where a metric without bounds, such as a perplexity, spreads
    over more of them than there are codes.
    """
    known = qualities[~np.isnan(qualities)]
    spread = float(known.max() - known.min()) if known.size else 0.0
    step = max(STEP, spread / 2**31)
    low = round(float(known.min()) / step) if known.size else 0
    highest = round(float(known.max()) / step) - low if known.size else 0
    dtype = "<u2" if highest < 2**16 - 1 else "<u4"
    steps = np.rint(qualities / step) - low
    codes = np.where(np.isnan(qualities), np.iinfo(dtype).max, steps)
    return {
        "count": len(qualities),
        "step": step,
        "low": low,
        "bytes": np.dtype(dtype).itemsize,
        "codes": packed(codes, dtype),
    }


def shown(subject: Subject, show: Show) -> Columns:
    """The name of a way to show a number, and what it is divided by before."""
    if isinstance(show, InUnit):
        return {"as": "significant", "per": show.size}
    if show == subject.show_quality:
        return {"as": "points" if subject.in_points else "significant"}
    if show == subject.show_gain:
        return {"as": "signedPoints" if subject.in_points else "signed"}
    return {"as": SHOWN[show]}


def _figure_of_limit(limit: str) -> Callable[[tuple[str, ...]], str]:
    return lambda needs: Constraints(needs=needs).figure(limit)


def _preferred(prefer: str) -> Callable[[tuple[str, ...]], str]:
    return lambda needs: Constraints(needs=needs, prefer=prefer).preferred


def _more_is_preferred(prefer: str, study: Study) -> bool:
    return study.higher_is_better if prefer == "quality" else prefer == "capacity"


def _held(more: bool, figure_with: Callable[[tuple[str, ...]], str]) -> Columns:
    """A figure, whether more of it is better, and the figures in its place under some needs."""
    figure = figure_with(())
    others = {need: figure_with((need,)) for need in NEEDS}
    return {
        "figure": figure,
        "more": more,
        "instead": {need: other for need, other in others.items() if other != figure},
    }


def _figure(estimates: Sequence[Estimate]) -> Columns:
    """Bounds and reasons only where there are any."""
    column: Columns = {"value": _numbers(e.value for e in estimates)}
    for name, bounds in (
        ("low", [e.low for e in estimates]),
        ("high", [e.high for e in estimates]),
    ):
        if any(bound is not None for bound in bounds):
            column[name] = _numbers(bounds)
    if any(e.at_least for e in estimates):
        column["at_least"] = [index for index, e in enumerate(estimates) if e.at_least]
    if not all(e.known for e in estimates):
        column["why"] = _coded(["" if e.known else e.reason or "not measured" for e in estimates])
    return column


def _numbers(values: Iterable[float | None]) -> str:
    return packed(np.array([np.nan if v is None else v for v in values], dtype=float), "<f8")


def _coded(texts: Sequence[str], first: Iterable[str] = ()) -> Columns:
    """Few different texts: each once, and which of them each entry has."""
    words = list(dict.fromkeys([*first, *texts]))
    place = {word: code for code, word in enumerate(words)}
    return {"words": words, "codes": [place[text] for text in texts]}


def _benefits(subject: Subject, triangle: Triangle) -> NDArray[np.float64]:
    """Of shape (entries, 3), NaN where the rule gives an entry no position."""
    benefits = np.full((len(subject.entries), 3), np.nan)
    for position in triangle.positions:
        benefits[subject.index[position.entry.label]] = position.benefits
    return benefits


def _folder(entries: Sequence[Entry], out: Path) -> str | None:
    """What stands before a trial's id in the link to its record; None where records lie apart."""
    folders = {
        href.removesuffix(f"{trial}/record.json") if href.endswith(f"{trial}/record.json") else None
        for entry in entries
        for trial, path in zip(entry.trials, entry.paths, strict=True)
        for href in [record_href(path, out)]
    }
    return folders.pop() if len(folders) == 1 else None
