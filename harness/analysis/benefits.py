"""Rules that turn a measured figure into a benefit in [0, 1], each with its inputs and range."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from math import log

from harness.analysis.study import Study


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


Rule = tuple[Axis, Callable[[float], float]]

LOWER_BOUNDS = "lower bounds taken as they are"


def anchored_capacity(study: Study, figure: str) -> Rule | None:
    """Bits held, or quality gained over the floor; None where it is known for nobody."""
    return _held(study) if figure == "capacity" else _gained(study)


def fixed_capacity(study: Study, figure: str) -> Rule | None:
    """The same on a range that hangs on no other configuration."""
    if figure == "capacity":
        ceilings = known(study, "capacity_ceiling")
        if not ceilings:
            return None
        words = "bits held on a log scale, one bit 0, all that were to be learned 1"
        return _logarithmic("capacity", "capacity", 1.0, max(ceilings), words)
    floor, source = _floor(study)
    if floor is None:
        return None
    # A model that is certain of every right token has a perplexity of one.
    perfect = 1.0 if study.higher_is_better or study.metric == "perplexity" else 0.0
    return linear("capacity", "quality", floor, perfect, f"quality, {source} 0, perfect 1")


def linear(corner: str, figure: str, zero_at: float, one_at: float, rule: str) -> Rule:
    def benefit(value: float) -> float:
        if zero_at == one_at:  # nobody differs, so nobody is the worse for it
            return 1.0
        return min(1.0, max(0.0, (value - zero_at) / (one_at - zero_at)))

    return Axis(corner, figure, rule, zero_at, one_at), benefit


def by_rank(corner: str, figure: str, study: Study, higher: bool) -> Rule:
    values = sorted(known(study, figure))

    def benefit(value: float) -> float:
        """Share of the others that are beaten, half of those that are equalled counted in."""
        if len(values) < 2:
            return 1.0
        below, upto = bisect_left(values, value), bisect_right(values, value)
        beaten = below if higher else len(values) - upto
        equalled = upto - below - 1
        return (beaten + equalled / 2) / (len(values) - 1)

    rule = f"share of the configurations beaten on {plain(figure)}"
    return Axis(corner, figure, rule, None, None), benefit


def known(study: Study, figure: str) -> list[float]:
    values = (entry[figure].value for entry in study.entries)
    return [value for value in values if value is not None]


def plain(figure: str) -> str:
    names = {
        "train_memory": "training memory",
        "unmerged": "latency",
        "deployed": "latency",
        "capacity": "capacity in bits",
    }
    return names.get(figure, figure)


def _held(study: Study) -> Rule | None:
    """Bits on a log scale between anchors, as memory and speed are; none is no anchor there."""
    bits = known(study, "capacity")
    if not bits:
        return None
    some = [value for value in bits if value >= 1.0]
    if not some:
        rule = "0 for all: nothing holds a bit"
        return Axis("capacity", "capacity", rule, None, None), lambda value: 0.0
    words = "bits held on a log scale, the fewest 0 (of those that hold any), the most 1"
    return _logarithmic("capacity", "capacity", min(some), max(some), words)


def _gained(study: Study) -> Rule | None:
    floor, source = _floor(study)
    best = study.best()
    if best is None or floor is None:
        return None
    top = best["quality"].value or 0.0
    if not (top > floor if study.higher_is_better else top < floor):
        rule = f"0 for all: nothing gains quality over {source}"
        return Axis("capacity", "quality", rule, None, None), lambda quality: 0.0
    return linear("capacity", "quality", floor, top, f"quality gained, {source} 0, the best 1")


def _logarithmic(corner: str, figure: str, zero_at: float, one_at: float, rule: str) -> Rule:
    """Less than one is none, and has no logarithm that would mean anything."""
    axis = Axis(corner, figure, f"{rule}; {LOWER_BOUNDS}", zero_at, one_at)
    _, benefit = linear(corner, figure, log(zero_at), log(one_at), rule)
    return axis, lambda value: benefit(log(value)) if value >= 1.0 else 0.0


def _floor(study: Study) -> tuple[float | None, str]:
    if study.floor is not None:
        return study.floor["quality"].value, "the floor"
    if study.majority is not None and study.metric == "accuracy":
        return study.majority, "the majority class (no floor was run)"
    qualities = known(study, "quality")
    lowest = min if study.higher_is_better else max
    return (
        (lowest(qualities), "the lowest measured (no floor was run)") if qualities else (None, "")
    )
