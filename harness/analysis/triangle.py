"""Where each configuration lies between capacity, memory and speed.

A benefit in [0, 1] on each of the three axes comes from measured figures by a written rule; the
benefits divided by their sum are the barycentric position. The position tells what a configuration
is relatively best at, not how good it is. Rules, inputs and ranges are data, so that whoever shows
a position can show where it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.analysis.entry import Entry
from harness.analysis.study import Study

CORNERS = ("capacity", "memory", "speed")

# Where families are commonly said to lie, as (capacity, memory, speed).
CLAIMED = {
    "bottleneck": (0.70, 0.15, 0.15),
    "low_rank": (0.45, 0.45, 0.10),
    "prompt": (0.15, 0.15, 0.70),
}


@dataclass(frozen=True)
class Axis:
    """One benefit: from which figure, and at which figures it is 0 and 1."""

    corner: str
    figure: str
    rule: str
    zero_at: float | None
    one_at: float | None

    def __str__(self) -> str:
        return f"{self.corner}: {self.rule}"


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
        return next((p for p in self.positions if p.entry is entry), None)


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


def triangle(study: Study) -> Triangle:
    """The rule that is shown first: each benefit between two measured anchors, linearly."""
    return _triangle("between anchors", _anchored(study, "unmerged"), study)


def alternatives(study: Study) -> tuple[Triangle, ...]:
    """The same under other rules that could as well have been chosen."""
    return (
        _triangle("by rank", _ranked(study), study),
        _triangle("fixed range", _fixed(study), study),
        _triangle("as deployed", _anchored(study, "deployed"), study),
    )


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


Rule = tuple[Axis, Callable[[float], float]]


def _triangle(name: str, rules: Sequence[Rule] | str, study: Study) -> Triangle:
    if isinstance(rules, str):
        return Triangle(name, (), (), tuple((entry, rules) for entry in study.entries))
    positions, left_out = [], []
    for entry in study.entries:
        missing = [axis.figure for axis, _ in rules if not entry[axis.figure].known]
        if missing:
            reasons = (f"{_plain(name)}: {entry[name].reason}" for name in missing)
            left_out.append((entry, "; ".join(reasons)))
            continue
        capacity, memory, speed = (benefit(entry[a.figure].value or 0.0) for a, benefit in rules)
        position = weights((capacity, memory, speed))
        if position is None:
            left_out.append((entry, "no benefit on any axis, so it lies nowhere between them"))
        else:
            positions.append(Position(entry, (capacity, memory, speed), position))
    return Triangle(name, tuple(axis for axis, _ in rules), tuple(positions), tuple(left_out))


def _anchored(study: Study, speed_figure: str) -> list[Rule] | str:
    floor, source = _floor(study)
    best, memory = study.best(), _known(study, "train_memory")
    ratios = _known(study, speed_figure)
    if best is None or floor is None or not memory or not ratios:
        return "a figure of one of the axes was measured for no configuration"
    top = best["quality"].value or 0.0
    capacity = _linear("capacity", "quality", floor, top, f"quality gained, {source} 0, the best 1")
    if not _better(study, top, floor):
        rule = f"0 for all: nothing gains quality over {source}"
        capacity = Axis("capacity", "quality", rule, None, None), lambda quality: 0.0
    timing = "as deployed" if speed_figure == "deployed" else "unmerged"
    return [
        capacity,
        _linear(
            "memory",
            "train_memory",
            max(memory),
            min(memory),
            "training peak, largest 0, smallest 1",
        ),
        # The base answers at 1; a ratio below it is noise and earns nothing more.
        _linear(
            "speed",
            speed_figure,
            max(*ratios, 1.0),
            1.0,
            f"latency ratio to the base, {timing}, slowest 0, the base's own 1",
        ),
    ]


def _fixed(study: Study) -> list[Rule] | str:
    floor, source = _floor(study)
    memory = _known(study, "train_memory")
    if floor is None or not memory:
        return "a figure of one of the axes was measured for no configuration"
    perfect = 1.0 if study.higher_is_better else 0.0
    speed = Axis("speed", "unmerged", "the base's latency over the method's, at most 1", None, 1.0)
    return [
        _linear("capacity", "quality", floor, perfect, f"quality, {source} 0, perfect 1"),
        _linear("memory", "train_memory", max(memory), 0.0, "training peak, largest 0, none 1"),
        (speed, lambda ratio: min(1.0, 1.0 / ratio)),
    ]


def _ranked(study: Study) -> list[Rule]:
    up = study.higher_is_better
    return [
        _by_rank("capacity", "quality", study, up),
        _by_rank("memory", "train_memory", study, False),
        _by_rank("speed", "unmerged", study, False),
    ]


def _linear(corner: str, figure: str, zero_at: float, one_at: float, rule: str) -> Rule:
    def benefit(value: float) -> float:
        if zero_at == one_at:  # nobody differs, so nobody is the worse for it
            return 1.0
        return min(1.0, max(0.0, (value - zero_at) / (one_at - zero_at)))

    return Axis(corner, figure, rule, zero_at, one_at), benefit


def _by_rank(corner: str, figure: str, study: Study, higher: bool) -> Rule:
    values = _known(study, figure)

    def benefit(value: float) -> float:
        """Share of the others that are beaten, half of those that are equalled counted in."""
        if len(values) < 2:
            return 1.0
        beaten = sum(v < value if higher else v > value for v in values)
        equalled = sum(v == value for v in values) - 1
        return (beaten + equalled / 2) / (len(values) - 1)

    rule = f"share of the configurations beaten on {_plain(figure)}"
    return Axis(corner, figure, rule, None, None), benefit


def _floor(study: Study) -> tuple[float | None, str]:
    if study.floor is not None:
        return study.floor["quality"].value, "the floor"
    if study.majority is not None and study.metric == "accuracy":
        return study.majority, "the majority class (no floor was run)"
    qualities = _known(study, "quality")
    lowest = min if study.higher_is_better else max
    return (
        (lowest(qualities), "the lowest measured (no floor was run)") if qualities else (None, "")
    )


def _better(study: Study, first: float, second: float) -> bool:
    return first > second if study.higher_is_better else first < second


def _known(study: Study, figure: str) -> list[float]:
    values = (entry[figure].value for entry in study.entries)
    return [value for value in values if value is not None]


def _distance(first: Position, second: Position) -> float:
    return sum(abs(a - b) for a, b in zip(first.weights, second.weights, strict=True)) / 2


def _plain(figure: str) -> str:
    names = {"train_memory": "training memory", "unmerged": "latency", "deployed": "latency"}
    return names.get(figure, figure)
