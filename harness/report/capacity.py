"""Capacity: how many bits of random labels each configuration holds, against what it trains."""

from __future__ import annotations

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.estimate import Estimate
from harness.analysis.numbers import listed, significant
from harness.report import captions
from harness.report.charts import Axis, Bounds, Figure, Line, Mark, Reference, Scatter, axis
from harness.report.subject import Subject, bounds


def capacity(subject: Subject) -> Figure:
    known = [e for e in subject.drawn if e["capacity"].known]
    # A log scale has no place for what holds nothing, such as the head alone.
    drawn = [e for e in known if _bits(e) > 0 and e["capacity_parameters"].known]
    return Figure(
        "capacity",
        "Capacity by trained parameters",
        "Line plot of bits held against trained parameters, both on log scales, a line per method.",
        captions.with_drawn(subject, caption(subject)),
        _chart(subject, drawn),
    )


def caption(subject: Subject) -> str:
    known = [e for e in subject.in_order if e["capacity"].known]
    if not known:
        return captions.unmeasured(subject, "capacity", "Capacity in bits")
    full = [e for e in known if e["capacity"].at_least]
    if full:
        names = listed(e.label for e in full)
        so = "so what is shown is a lower bound" if len(full) == 1 else "so theirs are lower bounds"
        sentences = [f"{names} learned nearly all that there was, {so}."]
    else:
        most = max(known, key=_bits)
        sentences = [f"{most.label} holds the most, {significant(_bits(most))} bits."]
    trained = [e for e in known if e.family != "head"]
    nothing = [e.label for e in trained if (e["capacity"].low or _bits(e)) <= 0]
    if nothing:
        hold = "holds" if len(nothing) == 1 else "hold"
        sentences.append(f"{listed(nothing)} {hold} nothing that can be told from chance.")
    return " ".join([*sentences, *_per_parameter(known), *_by_size(subject)])


def _per_parameter(known: list[Entry]) -> list[str]:
    """Which method holds the most and the least for what it trains; a lower bound is never the
    least, and the head alone is no method.
    """
    rated = [e for e in known if e["bits_per_parameter"].known and e.family != "head"]
    exact = [e for e in rated if not e["bits_per_parameter"].at_least]
    if len(rated) < 2 or not exact:
        return []
    most, least = max(rated, key=_density), min(exact, key=_density)
    if most is least:
        return []
    told = f"Per trained parameter {most.label} holds the most, "
    told += numbers.with_interval(most["bits_per_parameter"], significant)
    told += f" bits, and {least.label} the least, {significant(_density(least))}"
    return [told + (", lower bounds apart." if len(exact) < len(rated) else ".")]


def _by_size(subject: Subject) -> list[str]:
    more: list[str] = []
    less: list[str] = []
    same: list[str] = []
    for small, large in captions.ends(subject, "capacity"):
        first, second = small["capacity"], large["capacity"]
        if first.at_least:
            continue
        change = f"{small.method} ({_shown(first)} to {_shown(second)} bits, "
        change += f"{small.size} to {large.size})"
        group = same if first.overlaps(second) else more if _bits(large) > _bits(small) else less
        group.append(change)
    told = []
    if more:
        told.append(f"A larger size holds more in {listed(more)}.")
    if less:
        told.append(f"A larger size holds less in {listed(less)}.")
    if same:
        told.append(f"The largest cannot be told from the smallest in {listed(same)}.")
    return told


def _chart(subject: Subject, known: list[Entry]) -> Scatter | None:
    if not known:
        return None
    lines = []
    for method in sorted({entry.method for entry in known}):
        own = [e for e in known if e.method == method and e.size is not None]
        if len(own) > 1:
            points = tuple(sorted((_parameters(e), _bits(e)) for e in own))
            lines.append(Line(points, own[0].family, False))
    ceilings = {e["capacity_ceiling"].value for e in known} - {None}
    references = tuple(
        Reference(bits, "all that there was to learn", right=False)
        for bits in sorted(bits for bits in ceilings if bits)
    )
    y = _axis(known, [reference.y for reference in references])
    marks = tuple(
        Mark(
            numbers.shortened(e.label) + (" ≥" if e["capacity"].at_least else ""),
            e.family,
            subject.shapes[e.method],
            subject.sizes[e.label],
            _parameters(e),
            _bits(e),
            None,
            _within(e["capacity"], y),
            (),
            rank,
            subject.index[e.label],
        )
        for rank, e in enumerate(sorted(known, key=_bits, reverse=True))
    )
    parameters = [_parameters(e) for e in known]
    x = axis("trained parameters", parameters, numbers.short(numbers.count), log=True)
    return Scatter(x, y, marks, tuple(lines), references, "better")


def _axis(known: list[Entry], levels: list[float]) -> Axis:
    reach = [b for e in known for b in (*(bounds(e["capacity"]) or ()), _bits(e)) if b > 0]
    # An interval that reaches towards nothing would take most of a log scale.
    least = min(map(_bits, known)) / 3
    reach = [max(b, least) for b in [*reach, *levels]]
    # Room above for the names of the level and of the ideal corner, one over the other.
    room = (0.06, 0.2)
    return axis("bits held", reach, numbers.short(numbers.significant), log=True, room=room)


def _within(estimate: Estimate, on: Axis) -> Bounds:
    found = bounds(estimate)
    return found and (max(found[0], on.low), max(found[1], on.low))


def _shown(estimate: Estimate) -> str:
    least = "at least " if estimate.at_least else ""
    return f"{least}{significant(estimate.value or 0.0)}"


def _bits(entry: Entry) -> float:
    return entry["capacity"].value or 0.0


def _density(entry: Entry) -> float:
    return entry["bits_per_parameter"].value or 0.0


def _parameters(entry: Entry) -> float:
    return entry["capacity_parameters"].value or 0.0
