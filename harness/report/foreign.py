"""What of a study was read from somebody else's results, and what follows from that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from harness.analysis.figures import Row
from harness.analysis.numbers import plural
from harness.report.subject import Subject


def published(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Name and value for each project that rows come from: what, when, where."""
    projects: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        if "origin.project" in row:
            names = ("project", "benchmark", "url")
            project, benchmark, url = (str(row.get(f"origin.{name}", "")) for name in names)
            created = str(row.get("origin.created_at", ""))[:10]
            projects[project, benchmark, url].append(created)
    told = []
    for (project, benchmark, url), dates in projects.items():
        when = f"made from {min(dates)} to {max(dates)}"
        what = f"{plural(len(dates), 'run')} of {project}, {benchmark}, {when}, {url}"
        told.append(("Foreign records", f"{what}; read from its files, not measured here"))
    return told


def alerts(subject: Subject) -> list[str]:
    """What a reader must know of figures that are not ours."""
    told = []
    foreign = sum(bool(entry.foreign) for entry in subject.entries)
    if foreign:
        who = "All" if foreign == len(subject.entries) else f"{foreign} of {len(subject.entries)}"
        told.append(
            f"{who} configurations are foreign: published by others, and not measured here. Their "
            "marks are outlines."
        )
    if subject.study.basis.peak == "reserved":
        told.append(
            "Training memory is what the allocator reserved over a whole run, its evaluation and "
            "gaps included; what tensors took of it is known for none."
        )
    return told
