"""Pareto fronts over three figures at a time: stills, a table of all ten, and the data of the plot
in which a reader picks the three.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.fronts import AXES, Front, fronts, more_is_better
from harness.analysis.numbers import listed, plural
from harness.report.captions import NOTHING
from harness.report.charts import Axis, Mark, Scatter
from harness.report.data import shown
from harness.report.planes import COSTS, cost_axis, quality_axis
from harness.report.plot_parts import axis_spec, colour_token
from harness.report.subject import Subject, bounds

FIRST = ("train_memory", "quality", "unmerged")
SECOND = ("file_bytes", "quality", "deployed")
"""The fronts that are drawn as stills: across, upwards, by size of mark."""
SMALLEST, LARGEST = 7.0, 22.0
NAMED = 8
"""Most members that a cell names."""
SHOWN = {cost.figure: cost.show for cost in COSTS}
TITLES = {cost.figure: cost.title for cost in COSTS}


@dataclass(frozen=True)
class FrontRow:
    """One of the ten, in words."""

    figures: str
    firm: str
    loose: str
    known: int


@dataclass(frozen=True)
class Fronts:
    """`stills` are (what is drawn, chart); `data` is what the page's script draws from, None where
    nothing can be drawn; `choices` are (figure, title).
    """

    caption: str
    rows: tuple[FrontRow, ...]
    stills: tuple[tuple[str, Scatter], ...]
    choices: tuple[tuple[str, str], ...]
    data: dict[str, Any] | None


def pareto_fronts(subject: Subject) -> Fronts:
    every = fronts(subject.study)
    titles = {figure: title(subject, figure) for figure in AXES}
    rows = tuple(
        FrontRow(
            listed(titles[figure] for figure in front.figures),
            listed((e.label for e in front.firm), NAMED) or numbers.DASH,
            listed((e.label for e in front.loose), NAMED) or numbers.DASH,
            len(front.known),
        )
        for front in every
    )
    by_figures = {frozenset(front.figures): front for front in every}
    drawn = [
        (roles, front)
        for roles in (FIRST, SECOND)
        if len((front := by_figures[frozenset(roles)]).known) > 1
    ]
    stills = tuple(
        (_still_words(subject, roles, front), _still(subject, roles, front))
        for roles, front in drawn
        if subject.stilled
    )
    caption = _caption(subject, every, by_figures[frozenset(FIRST)])
    return Fronts(
        caption, rows, stills, tuple(titles.items()), _data(subject, every) if drawn else None
    )


def title(subject: Subject, figure: str) -> str:
    return subject.study.metric if figure == "quality" else TITLES[figure]


def _caption(subject: Subject, every: tuple[Front, ...], first: Front) -> str:
    if len(first.known) < 2:
        count = plural(len(first.known), "configuration")
        return f"{NOTHING}: quality, memory and latency are all known for {count}."
    told = [
        f"With {_words(subject, FIRST)}, {len(first.members)} of {len(first.known)} are on the "
        "front: nothing else is at least as good on all three and better on one."
    ]
    if first.loose:
        told.append(
            f"Of these, {listed(e.label for e in first.loose)} may be there by chance alone: "
            "something else is clearly better on one of the three and clearly worse on none."
        )
    measured = [front for front in every if len(front.known) > 1]
    firm = Counter(entry.label for front in measured for entry in front.firm)
    on = {member.entry.label for front in measured for member in front.members}
    often = max(firm.values(), default=0)
    steadiest = [e.label for e in subject.in_order if often and firm[e.label] == often]
    if steadiest:
        told.append(f"Firm on the most fronts, {often} of {len(measured)}: {listed(steadiest)}.")
    never = [e.label for e in first.known if e.label not in on]
    if never:
        told.append(f"On none of them, whichever three matter: {listed(never)}.")
    return " ".join(told)


def _words(subject: Subject, figures: tuple[str, ...]) -> str:
    return listed(title(subject, figure) for figure in figures)


def _still_words(subject: Subject, roles: tuple[str, ...], front: Front) -> str:
    across, upwards, size = (title(subject, figure) for figure in roles)
    told = f"{numbers.capital(upwards)} against {across}; the larger the mark, the better "
    told += f"{size}. Full: on the front; outlined: perhaps by chance alone; faint: not on it."
    drawn = _drawn(subject, front)
    if len(drawn) < len(front.known):
        told += f" Drawn: the front and the best of the rest, {len(drawn)} of {len(front.known)}."
    return told


def _still(subject: Subject, roles: tuple[str, str, str], front: Front) -> Scatter:
    across, upwards, by_size = roles
    instead = {member.entry.label: member.instead for member in front.members}
    names = {entry.label: rank for rank, entry in enumerate((*front.firm, *front.loose))}
    x, y, size = (_axis(subject, figure, front.known) for figure in (across, upwards, by_size))
    more = more_is_better(subject.study, by_size)
    marks = []
    for entry in _drawn(subject, front):
        own = subject.shapes[entry.method]
        on = entry.label in instead
        share = size.place(entry[by_size].value or 0.0)
        marks.append(
            Mark(
                numbers.shortened(entry.label) if on else "",
                entry.family,
                replace(own, faded=not on, pale=on and instead[entry.label] is not None),
                SMALLEST + (LARGEST - SMALLEST) * (share if more else 1 - share),
                x.on(entry[across].value or 0.0),
                y.on(entry[upwards].value or 0.0),
                bounds(entry[across]) if on else None,
                bounds(entry[upwards]) if on else None,
                (),
                names.get(entry.label, len(names)),
            )
        )
    better = "better" if subject.study.higher_is_better else ""
    return Scatter(x, y, tuple(marks), (), (), better)


def _drawn(subject: Subject, front: Front) -> list[Entry]:
    """The front, above all else, and the best of the rest, as many as a plane holds."""
    members = [member.entry for member in front.members]
    on = {entry.label for entry in members}
    rest = [entry for entry in front.known if entry.label not in on]
    return [*rest[: max(0, subject.most - len(members))], *members]


def _axis(subject: Subject, figure: str, known: tuple[Entry, ...]) -> Axis:
    return (
        quality_axis(subject, known) if figure == "quality" else cost_axis(subject, figure, known)
    )


def _data(subject: Subject, every: tuple[Front, ...]) -> dict[str, Any]:
    """What the study's data does not say: entries are told by their place in it."""
    return {
        "colours": {entry.family: colour_token(entry.family) for entry in subject.entries},
        "symbols": {method: shape.plotly for method, shape in subject.shapes.items()},
        "figures": {
            figure: told for figure in AXES if (told := _figure_data(subject, figure)) is not None
        },
        "loose": {
            " ".join(front.figures): [subject.index[entry.label] for entry in front.loose]
            for front in every
        },
        "first": list(FIRST),
        "sizes": [SMALLEST, LARGEST],
    }


def _figure_data(subject: Subject, figure: str) -> dict[str, Any] | None:
    known = tuple(entry for entry in subject.entries if entry[figure].known)
    if not known:
        return None
    axis = _axis(subject, figure, known)
    show = subject.show_quality if figure == "quality" else SHOWN[figure]
    return {
        "title": title(subject, figure),
        "axis": axis_spec(axis),
        "ends": [axis.low, axis.high],
        "zero": axis.zero,
        "more": more_is_better(subject.study, figure),
        "show": shown(subject, show),
    }
