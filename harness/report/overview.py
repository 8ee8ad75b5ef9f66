"""Several studies side by side: what the page shows of each configuration in each of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from harness.analysis import numbers
from harness.analysis.numbers import listed, plural
from harness.analysis.one_for_all import BOUNDS, Candidate, one_for_all
from harness.analysis.overview import MOST, NOT_RUN, Across, Standing, across
from harness.analysis.overview import Overview as Found
from harness.analysis.study import Study
from harness.report import style
from harness.report.changes import Changes, changes
from harness.report.one_for_all import Decision, decision, signed_percent
from harness.report.picture import Picture, picture
from harness.report.slopes import NAMED as NAMED_COLUMNS
from harness.report.slopes import slopes
from harness.report.subject import Subject

NAMED = 5
"""Most configurations that the conclusion names."""
SHADES = 4
"""The darkest shade of a cell, of those that share the lead; 0 is none."""


@dataclass(frozen=True)
class Heading:
    """A study's column; `key` leads to its section, `number` stands for its name in the figure."""

    key: str
    task: str
    model: str
    unit: str
    number: str


@dataclass(frozen=True)
class Cell:
    """`shade` tells how it stands in its column, 0 to SHADES. Without a quality only a `reason`."""

    quality: str
    interval: str
    rank: str
    shade: int
    trials: str
    reason: str

    @property
    def leads(self) -> bool:
        return self.shade == SHADES


@dataclass(frozen=True)
class Row:
    """`only` says why its mean rank is not to be compared, empty where it is."""

    label: str
    token: str
    marker: str
    role: str
    led: str
    mean_rank: str
    closed: str
    only: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Overview:
    sentences: tuple[str, ...]
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    missing: tuple[tuple[str, str], ...]
    changes: Changes
    slopes: Picture
    decision: Decision


def overview(sections: Sequence[tuple[str, Subject]]) -> Overview | None:
    """Of studies given with the keys of their sections; None where there are not several."""
    if len(sections) < 2:
        return None
    subjects = [subject for _, subject in sections]
    found = across([subject.study for subject in subjects])
    names = study_names(found.studies)
    candidates = one_for_all(found)
    shapes = style.shapes(row.method for row in found.rows)
    deepest = [max((r.ranks[n] or 0 for r in found.rows), default=0) for n in range(len(subjects))]
    row = partial(_row, found, subjects, deepest)
    return Overview(
        _sentences(found, candidates, names),
        tuple(
            Heading(
                key,
                subject.study.task,
                subject.study.model,
                subject.quality_title,
                f"study {number}" if len(sections) > NAMED_COLUMNS else "",
            )
            for number, (key, subject) in enumerate(sections, 1)
        ),
        tuple(row(each, shapes[each.method].matplotlib) for each in found.rows),
        _missing(found, names),
        changes(found, names),
        picture(slopes(found, subjects, names, shapes), ""),
        decision(found, candidates),
    )


def study_names(studies: Sequence[Study]) -> tuple[str, ...]:
    """What tells the studies apart: task, model, or both; numbered where that is not enough."""
    one_model = len({study.model for study in studies}) == 1
    one_task = len({study.task for study in studies}) == 1
    plain = [
        study.task if one_model else study.model if one_task else study.name for study in studies
    ]
    of, so_far, names = Counter(plain), Counter[str](), []
    for name in plain:
        so_far[name] += 1
        names.append(f"{name} ({so_far[name]})" if of[name] > 1 else name)
    return tuple(names)


def _row(
    found: Found, subjects: Sequence[Subject], deepest: Sequence[int], row: Across, marker: str
) -> Row:
    everywhere = found.everywhere(row)
    known = row.known
    closed = row.least_closed
    return Row(
        row.label,
        style.token(row.family),
        marker,
        {"head": "floor", "full": "ceiling"}.get(row.family, ""),
        f"{row.led} of {len(known)}" if known else numbers.DASH,
        _mean_rank(row) if everywhere else "no mean rank",
        "" if closed is None else signed_percent(closed),
        "" if everywhere else "not ranked in every study, so its mean would be of other ranks",
        tuple(
            _cell(subject, standing, reason, last)
            for subject, standing, reason, last in zip(
                subjects, row.standings, row.reasons, deepest, strict=True
            )
        ),
    )


def _mean_rank(row: Across) -> str:
    low, high = min(row.known), max(row.known)
    return f"rank {row.mean_rank:.1f}, {low} to {high}" if low < high else f"rank {low}, always"


def _cell(subject: Subject, standing: Standing | None, reason: str, last: int) -> Cell:
    if standing is None:
        return Cell("", "", "", 0, "", reason)
    quality = standing.entry["quality"]
    interval = ""
    if quality.low is not None and quality.high is not None:
        interval = numbers.between(
            subject.show_quality(quality.low), subject.show_quality(quality.high)
        )
    rank = standing.rank
    return Cell(
        subject.show_quality(quality.value or 0.0),
        interval,
        "" if rank is None else f"{rank}{'=' if standing.tied else ''}",
        0 if rank is None else shade(rank, last),
        " ".join(standing.entry.trials),
        "",
    )


def _missing(found: Found, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What has no quality somewhere though it was run or is due, and why."""
    why: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in found.rows:
        for name, reason in zip(names, row.reasons, strict=True):
            if reason not in ("", NOT_RUN):
                why[row.label, reason].append(name)
    told = [(f"{label} in {listed(studies)}", reason) for (label, reason), studies in why.items()]
    nowhere: dict[str, list[str]] = defaultdict(list)
    for label, reason in found.nowhere:
        nowhere[reason].append(label)
    told += [(f"{listed(labels)} in any study", reason) for reason, labels in nowhere.items()]
    return tuple(told)


def shade(rank: int, last: int) -> int:
    """From SHADES, for the lead alone, down to 0 for the last rank."""
    if rank == 1:
        return SHADES
    return min(SHADES - 1, round(SHADES * (last - rank) / (last - 1)))


def _sentences(
    found: Found, candidates: Sequence[Candidate], names: Sequence[str]
) -> tuple[str, ...]:
    studies = len(found.counted)
    # What the floor and the ceiling are held against are the methods between them.
    methods = [row for row in found.rows if row.family not in BOUNDS]
    most = max((row.led for row in methods), default=0)
    if not studies:
        return ("Nothing can be concluded: no study has two configurations with a quality.",)
    if not most:
        told = ["No method but the floor or the ceiling leads in any of the studies."]
    else:
        told = [_leaders(methods, most, studies)]
    told += [
        f"A {row.label} on the frozen base leads or ties in {row.led}: training may not pay here."
        for row in found.rows
        if row.family == "head" and row.led > most
    ][:1]
    if len(found.rows) < found.labels:
        which = "the best methods, each" if len(found.rows) == MOST else "each method"
        told.append(
            f"Shown are {len(found.rows)} of {plural(found.labels, 'configuration')}: {which} at "
            "the size that does best over all studies."
        )
    if not candidates:
        told.append(_not_one(found, names))
    lacking = [row.label for row in methods if not found.everywhere(row)]
    if lacking:
        told.append(f"Not ranked in every study: {listed(lacking, NAMED)}.")
    return tuple(told)


def _leaders(methods: Sequence[Across], most: int, studies: int) -> str:
    leading = [row for row in methods if row.led == most]
    names = listed((row.label for row in leading), NAMED)
    verb = "is best or tied for best" if len(leading) == 1 else "are best or tied for best, each"
    told = [f"{names} {verb} in {most} of {plural(studies, 'study', 'studies')}"]
    everywhere = sum(row.led == studies for row in methods)
    if not everywhere:
        told.append("no method leads everywhere")
    elif everywhere > 1:
        told.append("which of them is best stays open")
    return f"{'; '.join(told)}."


def _not_one(found: Found, names: Sequence[str]) -> str:
    """Who is to blame: the study without which most methods would be ranked in all."""
    if len(found.counted) < 2:
        return "Only one study ranks anything, so there is no ranking to hold it against."
    lacking = [
        {n for n in found.counted if row.ranks[n] is None}
        for row in found.rows
        if row.family not in BOUNDS
    ]
    alone = Counter(n for places in lacking if len(places) == 1 for n in places)
    told = "No method is ranked in every study, so none is chosen for all of them"
    if not alone:
        return f"{told}."
    (odd, gained), *_ = alone.most_common(1)
    return f"{told}; {names[odd]} alone lacks {gained} of the {len(lacking)}."
