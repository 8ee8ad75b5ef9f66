"""Where each configuration lies between capacity, memory and speed.

A benefit in [0, 1] on each of the three axes comes from measured figures by a written rule; the
benefits divided by their sum are the barycentric position. The position tells what a configuration
is relatively best at, not how good it is. Rules, inputs and ranges are data, so that whoever shows
a position can show where it came from.

Capacity is the bits of random labels that a configuration can hold. Where they are not known for
most of a study's configurations, the quality gained over the floor stands in for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.analysis.benefits import (
    Axis,
    Rule,
    anchored_capacity,
    by_rank,
    fixed_capacity,
    known,
    linear,
    plain,
)
from harness.analysis.entry import Entry
from harness.analysis.study import Study

CORNERS = ("capacity", "memory", "speed")
FIRST = "between anchors"
UNMEASURED = "a figure of one of the axes was measured for no configuration"

# Where families are commonly said to lie, as (capacity, memory, speed).
CLAIMED = {
    "bottleneck": (0.70, 0.15, 0.15),
    "low_rank": (0.45, 0.45, 0.10),
    "prompt": (0.15, 0.15, 0.70),
}


@dataclass(frozen=True)
class Position:
    """Benefits and weights in the order of CORNERS; the weights sum to one."""

    entry: Entry
    benefits: tuple[float, float, float]
    weights: tuple[float, float, float]

    @property
    def nearest(self) -> str:
        """The corner with the largest weight, two joined by a dash where they come within 0.1 of
        each other, or "centre" where all three do.
        """
        top = max(self.weights)
        near = [c for c, w in zip(CORNERS, self.weights, strict=True) if top - w < 0.1]
        return "centre" if len(near) == 3 else "–".join(near)


@dataclass(frozen=True)
class Triangle:
    """All positions under one rule, and who has none."""

    name: str
    axes: tuple[Axis, ...]
    positions: tuple[Position, ...]
    left_out: tuple[tuple[Entry, str], ...]

    def of(self, entry: Entry) -> Position | None:
        return self._by_label.get(entry.label)

    @cached_property
    def _by_label(self) -> dict[str, Position]:
        return {position.entry.label: position for position in self.positions}


@dataclass(frozen=True)
class Sensitivity:
    """How one position moves between rules."""

    entry: Entry
    nearest: tuple[str, ...]
    moved: float
    """Largest share of the weight that another rule puts on other corners, in [0, 1]."""

    @property
    def steady(self) -> bool:
        """Whether some corner is among the nearest under every rule."""
        corners = [set(CORNERS if n == "centre" else n.split("–")) for n in self.nearest]
        return bool(set.intersection(*corners))


def capacity_figure(study: Study) -> str:
    """What capacity means here: "capacity", in bits, or "quality" in their place."""
    return "capacity" if study.mostly("capacity") else "quality"


def triangle(study: Study) -> Triangle:
    """The rule that is shown first: each benefit between two measured anchors."""
    return _triangle(FIRST, _anchored(study, capacity_figure(study), "unmerged"), study)


def alternatives(study: Study) -> tuple[Triangle, ...]:
    """The same under other rules that could as well have been chosen."""
    capacity = capacity_figure(study)
    others = [
        _triangle("by rank", _ranked(study, capacity), study),
        _triangle("fixed range", _fixed(study, capacity), study),
        _triangle("as deployed", _anchored(study, capacity, "deployed"), study),
    ]
    if capacity != "quality":
        others.append(_triangle("quality gained", _anchored(study, "quality", "unmerged"), study))
    return tuple(others)


def sensitivity(first: Triangle, others: Sequence[Triangle]) -> tuple[Sensitivity, ...]:
    """For every entry that has a position under all of the rules."""
    found = []
    for position in first.positions:
        moved = [triangle.of(position.entry) for triangle in others]
        if all(moved):
            known = [p for p in moved if p is not None]
            found.append(
                Sensitivity(
                    position.entry,
                    (position.nearest, *(p.nearest for p in known)),
                    max((_distance(position, p) for p in known), default=0.0),
                )
            )
    return tuple(found)


def weights(benefits: Sequence[float]) -> tuple[float, float, float] | None:
    """The three benefits divided by their sum; None where all are zero."""
    total = sum(benefits)
    if total <= 0:
        return None
    capacity, memory, speed = (benefit / total for benefit in benefits)
    return capacity, memory, speed


def _triangle(name: str, rules: Sequence[Rule] | str, study: Study) -> Triangle:
    if isinstance(rules, str):
        return Triangle(name, (), (), tuple((entry, rules) for entry in study.entries))
    positions, left_out = [], []
    for entry in study.entries:
        missing = [axis.figure for axis, _ in rules if not entry[axis.figure].known]
        if missing:
            reasons = (f"{plain(name)}: {entry[name].reason}" for name in missing)
            left_out.append((entry, "; ".join(reasons)))
            continue
        capacity, memory, speed = (benefit(entry[a.figure].value or 0.0) for a, benefit in rules)
        position = weights((capacity, memory, speed))
        if position is None:
            left_out.append((entry, "no benefit on any axis, so it lies nowhere between them"))
        else:
            positions.append(Position(entry, (capacity, memory, speed), position))
    return Triangle(name, tuple(axis for axis, _ in rules), tuple(positions), tuple(left_out))


def _anchored(study: Study, capacity_figure: str, speed_figure: str) -> list[Rule] | str:
    capacity = anchored_capacity(study, capacity_figure)
    memory, ratios = known(study, "train_memory"), known(study, speed_figure)
    if capacity is None or not memory or not ratios:
        return UNMEASURED
    timing = "as deployed" if speed_figure == "deployed" else "unmerged"
    return [
        capacity,
        linear(
            "memory",
            "train_memory",
            max(memory),
            min(memory),
            "training peak, largest 0, smallest 1",
        ),
        # The base answers at 1; a ratio below it is noise and earns nothing more.
        linear(
            "speed",
            speed_figure,
            max(*ratios, 1.0),
            1.0,
            f"latency ratio to the base, {timing}, slowest 0, the base's own 1",
        ),
    ]


def _fixed(study: Study, capacity_figure: str) -> list[Rule] | str:
    capacity = fixed_capacity(study, capacity_figure)
    memory = known(study, "train_memory")
    if capacity is None or not memory:
        return UNMEASURED
    speed = Axis("speed", "unmerged", "the base's latency over the method's, at most 1", None, 1.0)
    return [
        capacity,
        linear("memory", "train_memory", max(memory), 0.0, "training peak, largest 0, none 1"),
        (speed, lambda ratio: min(1.0, 1.0 / ratio)),
    ]


def _ranked(study: Study, capacity_figure: str) -> list[Rule]:
    more = capacity_figure == "capacity" or study.higher_is_better
    return [
        by_rank("capacity", capacity_figure, study, more),
        by_rank("memory", "train_memory", study, False),
        by_rank("speed", "unmerged", study, False),
    ]


def _distance(first: Position, second: Position) -> float:
    return sum(abs(a - b) for a, b in zip(first.weights, second.weights, strict=True)) / 2
